//! Opening: from an upgrade, a request for events or an accept on the TCP port to a connection that
//! the handler has accepted, or to an answer.

use core::net::SocketAddr;
use std::sync::Arc;

use crate::close_reason::CloseReason;
use crate::handler::{Handler, Opening, Refusal};
use crate::id::ConnId;
use crate::limits::{EVENTS_RETRY, WORK_OF_OPENING};
use crate::payload::Form;
use crate::proto::http::Request;
use crate::proto::ws::Decoder;
use crate::proto::ws::handshake::{Upgrade, check_upgrade, encode_switching_protocols};
use crate::proto::{Frames, sse};
use crate::shard::core::ShardCore;
use crate::shard::core::app::cx::Cx;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::{ACCEPTED, Arrival, PeerInfo};
use crate::shard::core::ingress::Took;
use crate::shard::core::ingress::protocol::Protocol;
use crate::shard::core::inner::Inner;
use crate::topic::member::Sock;

impl<H: Handler> ShardCore<H> {
    /// A connection has been accepted that is to send an HTTP request.
    pub fn handle_http_open(&mut self, sock: Sock, peer: Option<SocketAddr>) -> ConnId {
        let id = self.handle_early_open(sock, None);
        if self.handle_peer(id, peer, true) {
            self.handle_http_begin(id, peer, None);
        }
        id
    }

    /// A connection has been accepted on a TCP port whose connections belong to `topic`.
    pub fn handle_tcp_open(
        &mut self,
        sock: Sock,
        frames: Frames,
        topic: &Arc<str>,
        peer: Option<SocketAddr>,
    ) -> ConnId {
        let id = self.handle_early_open(sock, Some(frames));
        if self.handle_peer(id, peer, true) {
            self.handle_tcp_begin(id, topic, peer, None);
        }
        id
    }

    /// Asks the handler about a connection to the TCP port.
    pub(in crate::shard::core) fn open_tcp(&mut self, key: u32, arrival: Arrival) {
        let conn = self.inner.conn(key);
        let frames = conn.and_then(|conn| conn.protocol.frames());
        let frames = frames.unwrap_or_default();
        let opening = Opening::Tcp {
            topic: &arrival.topic,
            role: frames.role,
        };
        match self.ask_to_open(key, &opening, arrival.peer_info.clone()) {
            Ok(data) => self.greet(key, data, |out| out.extend_from_slice(frames.greeting())),
            Err(Refusal::Respond(response)) => {
                self.inner.discard_outbox(key);
                self.inner.close(key, CloseReason::Refused(response.status));
            }
            Err(Refusal::Wait(busy)) => {
                if let Some(conn) = self.inner.conn(key) {
                    conn.input.get_or_insert_default().arrival = Some(arrival);
                }
                self.pause(key, busy);
                self.inner.arm(key);
            }
        }
        // Now that it is open: a room may have an answer for it.
        self.settle_homes();
    }

    fn ask_to_open(
        &mut self,
        key: u32,
        opening: &Opening<'_>,
        peer_info: Option<Arc<PeerInfo>>,
    ) -> Result<H::Conn, Refusal> {
        let inner = &mut self.inner;
        inner.peer_info = peer_info;
        let opened = self.handler.on_open(&mut Cx { inner, key }, opening);
        self.inner.peer_info = None;
        let waits = matches!(opened, Err(Refusal::Wait(_)));
        // What it has sent or subscribed to goes behind the greeting.
        self.inner.cork_unopened(key, waits);
        // Topics at home here are live before the greeting, and it need not wait.
        self.tell_rooms();
        if !waits {
            self.inner.questions.forget(key);
        }
        opened
    }

    pub(in crate::shard::core) fn upgrade(
        &mut self,
        key: u32,
        request: &Request<'_>,
        taken: usize,
    ) -> Took {
        let upgrade = match check_upgrade(request) {
            Ok(upgrade) => upgrade,
            Err(error) => return self.refuse_request(key, request, error),
        };
        self.inner.subprotocol = Subprotocol::First;
        let offered = upgrade.deflate();
        let granted = offered.filter(|granted| {
            let may = !granted.takes_over || self.inner.may_promise_context();
            may && self.inner.config.compression.is_some()
        });
        if let Some(conn) = self.inner.conn(key) {
            // Before it subscribes.
            conn.form = granted.map_or(Form::WebSocket, |granted| {
                Form::Deflate(granted.window.shared())
            });
        }
        let peer_info = self.inner.client_of(key, request).unwrap_or_default();
        match self.ask_to_open(key, &Opening::WebSocket(request), peer_info) {
            Ok(data) => {
                if let Some(conn) = self.inner.conn(key) {
                    let takes_over = granted.is_some_and(|granted| granted.takes_over);
                    conn.protocol = Protocol::WebSocket(Decoder::new(takes_over));
                }
                let chosen = std::mem::replace(&mut self.inner.subprotocol, Subprotocol::First);
                let protocol = chosen.among(&upgrade);
                self.greet(key, data, |out| {
                    encode_switching_protocols(out, &upgrade, protocol, granted);
                });
            }
            Err(Refusal::Respond(response)) => {
                self.inner.discard_outbox(key);
                return self.respond(key, request, &response);
            }
            Err(Refusal::Wait(busy)) => return self.wait_with_request(key, busy, 0),
        }
        self.opened(key, taken)
    }

    /// Answers a request for events with the head of a stream, and opens it if it is to have more.
    pub(in crate::shard::core) fn open_events(
        &mut self,
        key: u32,
        request: &Request<'_>,
        taken: usize,
    ) -> Took {
        // RFC 9112 6.1: who speaks HTTP/1.0 does not know chunks.
        let is_chunked = request.version_minor != 0;
        let head = sse::Head {
            is_chunked,
            reader: self.inner.reader(request),
            date: self.inner.date,
        };
        if request.method == "HEAD" {
            self.inner.reply(key, |out| sse::encode_head(out, &head));
            self.inner.close(key, CloseReason::Answered);
            return Took::Ended;
        }
        if let Some(conn) = self.inner.conn(key) {
            // It may be a member of a topic before this returns.
            conn.form = if is_chunked {
                Form::SseChunks
            } else {
                Form::Sse
            };
        }
        let from = self.inner.client_of(key, request).unwrap_or_default();
        match self.ask_to_open(key, &Opening::Events(request), from) {
            Ok(data) => {
                if let Some(conn) = self.inner.conn(key) {
                    conn.protocol = Protocol::Events(0);
                }
                let generation = self.inner.id(key).generation;
                self.greet(key, data, |out| {
                    let delay = sse::spread(EVENTS_RETRY, generation);
                    sse::encode_head(out, &head);
                    sse::encode_opening(out, is_chunked, delay);
                });
                self.opened(key, taken)
            }
            Err(Refusal::Respond(response)) => {
                self.inner.discard_outbox(key);
                self.respond(key, request, &response)
            }
            Err(Refusal::Wait(busy)) => self.wait_with_request(key, busy, 0),
        }
    }

    /// Whether a connection that may have been opened reads on.
    fn opened(&mut self, key: u32, taken: usize) -> Took {
        match self.inner.conn(key) {
            Some(conn) if conn.is_paused() => Took::Paused(taken),
            Some(conn) if !conn.state.is_closing() => Took::Bytes(taken),
            _ => Took::Ended,
        }
    }

    /// The handler has accepted a connection: it is told so, once its subscriptions are live.
    fn greet(&mut self, key: u32, data: H::Conn, write: impl FnOnce(&mut Vec<u8>)) {
        self.inner.counters.opened += 1;
        self.inner.work.charge(WORK_OF_OPENING);
        // What the handler sent while it opened goes behind the greeting.
        let sent = self.inner.conn(key).and_then(|conn| conn.outbox.take());
        self.inner.reply(key, |out| {
            write(out);
            let sent = sent.iter().flat_map(|sent| sent.slices());
            sent.for_each(|slice| out.extend_from_slice(slice));
        });
        let stamp = self.inner.now.stamp();
        let Some(conn) = self.inner.conn(key) else {
            return;
        };
        conn.data = Some(data);
        conn.heard = stamp;
        conn.set(ACCEPTED, true);
        let is_live = conn.waiting == 0;
        conn.move_to(if is_live { State::Open } else { State::Corked });
        if !is_live {
            self.inner.pause_for(key, Pause::Corked);
            self.inner.set_apart(key, true);
            self.inner.ask_to_join(key);
        }
        self.inner.arm(key);
    }
}

impl<D, A> Inner<D, A> {
    /// Has a connection that the handler has not opened yet sent nothing, or lets it go on.
    pub(crate) fn cork_unopened(&mut self, key: u32, corked: bool) {
        let Some(conn) = self
            .conn(key)
            .filter(|conn| conn.state.is_corked() != corked)
        else {
            return;
        };
        conn.move_to(if corked {
            State::Deferred
        } else {
            State::Opening
        });
        self.set_apart(key, corked);
        self.set_held(key, true);
        self.mark_dirty(key);
    }

    pub(crate) fn peer_info(&self, key: u32) -> Option<Arc<PeerInfo>> {
        let http = self.conns.get(key as usize)?.protocol.http()?;
        http.peer_info.clone()
    }
}

/// The subprotocol of an upgrade.
#[derive(Debug)]
pub(crate) enum Subprotocol {
    /// The first that was offered.
    First,
    /// None of them.
    None,
    /// This one, if it was offered.
    Named(String),
}

impl Subprotocol {
    fn among<'b>(&self, upgrade: &Upgrade<'b>) -> Option<&'b str> {
        match self {
            Self::First => upgrade.protocols().next(),
            Self::None => None,
            Self::Named(name) => upgrade.protocols().find(|offered| offered == name),
        }
    }
}
