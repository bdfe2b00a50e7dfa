//! Opening: from a request, or an accept on the TCP port, to a connection that the handler has
//! accepted, or to an answer.

use core::net::SocketAddr;
use std::sync::Arc;

use crate::close_reason::CloseReason;
use crate::conn::{Arrival, CLOSING, CORKED, Conn, OPEN, Origin, PAUSED, Proto};
use crate::handler::{Busy, Handler, Opening, Refusal};
use crate::id::ConnId;
use crate::proto::Frames;
use crate::proto::http::{Head, NO_HEADERS, Request, Response, parse_head};
use crate::proto::ws::Decoder;
use crate::proto::ws::handshake::{Upgrade, check_upgrade, encode_switching_protocols};
use crate::shard::core::ShardCore;
use crate::shard::cx::Cx;
use crate::shard::inner::{Inner, Subprotocol};
use crate::shard::input::Took;
use crate::topic::member::Sock;

impl<H: Handler> ShardCore<H> {
    /// A connection has been accepted that is to send an HTTP request.
    pub fn handle_http_open(&mut self, sock: Sock, peer: Option<SocketAddr>) -> ConnId {
        let id = self.add(sock, Proto::Http(peer.map(from)));
        self.inner.arm(id.key);
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
        let id = self.add(sock, Proto::Framed(frames));
        let topic = Arc::clone(topic);
        let origin = peer.map(from);
        self.open_tcp(id.key, Arrival { topic, origin });
        id
    }

    /// A connection has been accepted that has a handshake of its own before it speaks: until
    /// [`handle_http_begin`](Self::handle_http_begin) or
    /// [`handle_tcp_begin`](Self::handle_tcp_begin) it is there to be counted and timed.
    /// Without `frames` it speaks HTTP.
    pub fn handle_early_open(&mut self, sock: Sock, frames: Option<Frames>) -> ConnId {
        let id = self.add(sock, frames.map_or(Proto::Http(None), Proto::Framed));
        self.inner.arm(id.key);
        id
    }

    /// A connection that was opened early is ready to send its HTTP request.
    pub fn handle_http_begin(&mut self, id: ConnId, peer: SocketAddr, identity: Option<String>) {
        let origin = Origin { peer, identity };
        if let Some(conn) = self.inner.unopened(id) {
            conn.proto = Proto::Http(Some(Arc::new(origin)));
        }
    }

    /// The same on a TCP port.
    pub fn handle_tcp_begin(
        &mut self,
        id: ConnId,
        topic: &Arc<str>,
        peer: SocketAddr,
        identity: Option<String>,
    ) {
        if self.inner.unopened(id).is_some() {
            let topic = Arc::clone(topic);
            let origin = Some(Arc::new(Origin { peer, identity }));
            self.open_tcp(id.key, Arrival { topic, origin });
        }
    }

    /// Asks the handler about a connection to the TCP port.
    pub(super) fn open_tcp(&mut self, key: u32, arrival: Arrival) {
        let topic = &arrival.topic;
        match self.ask_to_open(key, &Opening::Tcp { topic }, arrival.origin.clone()) {
            Ok(data) => {
                // An empty frame says that the connection's subscriptions are live.
                let empty = match self.inner.conn(key).map(|conn| &conn.proto) {
                    Some(Proto::Framed(frames)) => frames.framing.empty(),
                    _ => &[],
                };
                self.greet(key, data, |out| out.extend_from_slice(empty));
            }
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
        origin: Option<Arc<Origin>>,
    ) -> Result<H::Conn, Refusal> {
        let inner = &mut self.inner;
        inner.origin = origin;
        let opened = self.handler.on_open(&mut Cx { inner, key }, opening);
        self.inner.origin = None;
        let waits = matches!(opened, Err(Refusal::Wait(_)));
        // What it has sent or subscribed to goes behind the greeting.
        self.inner.cork_unopened(key, waits);
        if !waits {
            self.inner.questions.forget(key);
        }
        opened
    }

    /// Reads a request head and does what it asks for.
    pub(super) fn take_head(&mut self, key: u32, input: &[u8]) -> Took {
        let mut headers = NO_HEADERS;
        match parse_head(input, &mut headers) {
            Ok(Head::Incomplete) => Took::Nothing,
            Ok(Head::Complete { request, taken }) if request.wants_websocket() => {
                let took = self.upgrade(key, &request, taken);
                // Now that it is open: a room may have an answer for it.
                self.settle_homes();
                took
            }
            Ok(Head::Complete { request, .. }) => match self.ask_for(key, &request) {
                Ok(response) | Err(Refusal::Respond(response)) => {
                    self.respond(key, &response, request.method == "HEAD")
                }
                Err(Refusal::Wait(busy)) => self.wait_with_head(key, busy),
            },
            Err(error) => self.respond(key, &Response::from(error), false),
        }
    }

    fn ask_for(&mut self, key: u32, request: &Request<'_>) -> Result<Response, Refusal> {
        let inner = &mut self.inner;
        inner.origin = inner.origin_of(key);
        // Nothing but the response is to go out.
        inner.set_closing(key, true);
        let answer = self.handler.on_request(&mut Cx { inner, key }, request);
        self.inner.set_closing(key, false);
        self.inner.origin = None;
        if !matches!(answer, Err(Refusal::Wait(_))) {
            self.inner.questions.forget(key);
        }
        self.settle_homes();
        answer
    }

    fn upgrade(&mut self, key: u32, request: &Request<'_>, taken: usize) -> Took {
        let upgrade = match check_upgrade(request) {
            Ok(upgrade) => upgrade,
            Err(error) => return self.respond(key, &Response::from(error), false),
        };
        self.inner.subprotocol = Subprotocol::First;
        let origin = self.inner.origin_of(key);
        match self.ask_to_open(key, &Opening::WebSocket(request), origin) {
            Ok(data) => {
                if let Some(conn) = self.inner.conn(key) {
                    conn.proto = Proto::WebSocket(Decoder::default());
                }
                let chosen = std::mem::replace(&mut self.inner.subprotocol, Subprotocol::First);
                let protocol = chosen.among(&upgrade);
                self.greet(key, data, |out| {
                    encode_switching_protocols(out, &upgrade, protocol);
                });
            }
            Err(Refusal::Respond(response)) => {
                self.inner.discard_outbox(key);
                self.respond(key, &response, false);
            }
            Err(Refusal::Wait(busy)) => return self.wait_with_head(key, busy),
        }
        match self.inner.conn(key) {
            Some(conn) if conn.is(PAUSED) => Took::Paused(taken),
            Some(conn) if !conn.is(CLOSING) => Took::Bytes(taken),
            _ => Took::Ended,
        }
    }

    /// The head stays where it is, and is read again when what the handler waits for has come.
    fn wait_with_head(&mut self, key: u32, busy: Busy) -> Took {
        self.pause(key, busy);
        self.inner.arm(key);
        Took::Paused(0)
    }

    /// The handler has accepted a connection: it is told so, once its subscriptions are live.
    fn greet(&mut self, key: u32, data: H::Conn, write: impl FnOnce(&mut Vec<u8>)) {
        self.inner.counters.opened += 1;
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
        conn.set(OPEN, true);
        if 0 < conn.waiting {
            conn.set(CORKED, true);
            self.inner.set_paused(key, true);
            self.inner.set_apart(key, true);
        }
        self.inner.arm(key);
    }

    fn respond(&mut self, key: u32, response: &Response, head_only: bool) -> Took {
        self.inner.reply(key, |out| response.encode(out, head_only));
        let reason = match response.status {
            status @ 400.. => CloseReason::Refused(status),
            _ => CloseReason::Answered,
        };
        self.inner.close(key, reason);
        Took::Ended
    }
}

impl<D, A> Inner<D, A> {
    fn set_closing(&mut self, key: u32, closing: bool) {
        if let Some(conn) = self.conn(key) {
            conn.set(CLOSING, closing);
        }
    }

    /// Has a connection that the handler has not opened yet sent nothing, or lets it go on.
    pub(super) fn cork_unopened(&mut self, key: u32, corked: bool) {
        let Some(conn) = self.conn(key).filter(|conn| conn.is(CORKED) != corked) else {
            return;
        };
        conn.set(CORKED, corked);
        self.set_apart(key, corked);
        self.set_held(key, true);
        self.mark_dirty(key);
    }

    fn unopened(&mut self, id: ConnId) -> Option<&mut Conn<D>> {
        self.current(id).filter(|conn| !conn.is(CLOSING | OPEN))
    }

    fn origin_of(&self, key: u32) -> Option<Arc<Origin>> {
        match &self.conns.get(key as usize)?.proto {
            Proto::Http(origin) => origin.clone(),
            Proto::WebSocket(_) | Proto::Framed(_) | Proto::Lingering(_) => None,
        }
    }
}

fn from(peer: SocketAddr) -> Arc<Origin> {
    Arc::new(Origin {
        peer,
        identity: None,
    })
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
