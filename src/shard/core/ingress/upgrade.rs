//! From a request to another protocol: WebSocket, or a stream of events.

use crate::close_reason::CloseReason;
use crate::handler::{Handler, Opening, Refusal};
use crate::id::ConnKey;
use crate::limits::EVENTS_RETRY;
use crate::payload::Form;
use crate::proto::centrifuge::Wire;
use crate::proto::http::Request;
use crate::proto::positions::SUBPROTOCOL;
use crate::proto::sse;
use crate::proto::ws::Decoder;
use crate::proto::ws::handshake::{check_upgrade, encode_switching_protocols};
use crate::shard::core::ShardCore;
use crate::shard::core::app::open::Subprotocol;
use crate::shard::core::conn::session::Session;
use crate::shard::core::ingress::Progress;
use crate::shard::core::ingress::protocol::Protocol;

/// How a client would have the structured protocol written: as its subprotocol says, or its query.
fn asked_wire<'b>(mut protocols: impl Iterator<Item = &'b str>, request: &Request<'_>) -> Wire {
    let named = protocols.find_map(|name| match name {
        "centrifuge-json" => Some(Wire::Json),
        "centrifuge-protobuf" => Some(Wire::Protobuf),
        _ => None,
    });
    named.unwrap_or_else(|| {
        let mut params = request.params();
        let is_protobuf = params
            .any(|(name, value)| matches!(&*name, "format" | "cf_protocol") && value == "protobuf");
        if is_protobuf {
            Wire::Protobuf
        } else {
            Wire::Json
        }
    })
}

/// Whether a client of the structured protocol has itself pinged by frames of WebSocket: a program
/// that a person types into cannot answer otherwise.
fn asks_for_frame_pings(request: &Request<'_>) -> bool {
    let mut params = request.params();
    params.any(|(name, value)| name == "cf_ws_frame_ping_pong" && value == "true")
}

impl<H: Handler> ShardCore<H> {
    pub(in crate::shard::core) fn upgrade(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        taken: usize,
    ) -> Progress {
        let upgrade = match check_upgrade(request) {
            Ok(upgrade) => upgrade,
            Err(error) => return self.refuse_request(key, request, error),
        };
        let callback = &mut self.shard.callback;
        callback.subprotocol = Subprotocol::First;
        callback.offers_positions = upgrade.protocols().any(|name| name == SUBPROTOCOL);
        callback.wire = Some(asked_wire(upgrade.protocols(), request));
        callback.session = None;
        let offered = upgrade.deflate();
        // Since an earlier offer of this request it may be a member of topics, in the feeds of its
        // form: that stays as it is.
        let conn = self.shard.conns.get(key);
        let chosen = conn.filter(|conn| conn.subs.count() != 0);
        let chosen = chosen.map(|conn| conn.form);
        let granted = offered.filter(|granted| match chosen {
            Some(form) => form.window().is_some(),
            None => {
                let may = !granted.takes_over || self.shard.may_promise_context();
                may && self.shard.env.config.compression.is_some()
            }
        });
        if chosen.is_none()
            && let Some(conn) = self.shard.conns.live(key)
        {
            conn.form = granted.map_or(Form::WebSocket, |granted| Form::deflate(granted.window));
        }
        let peer_info = self
            .shard
            .conns
            .client_of(&mut self.shard.env, key, request)
            .unwrap_or_default();
        let came_from = peer_info.clone();
        match self.ask_to_open_by(key, request, &Opening::WebSocket(request), peer_info) {
            Ok(data) => {
                let wire = self.shard.callback.session.take();
                if let Some(conn) = self.shard.conns.live(key) {
                    let takes_over = granted.is_some_and(|granted| granted.takes_over);
                    let decoder = Decoder::new(takes_over);
                    conn.protocol = match wire {
                        Some(wire) => {
                            let carrier = conn.form.session(wire);
                            let has_frame_pings = asks_for_frame_pings(request);
                            let session =
                                Session::new(decoder, carrier, has_frame_pings, came_from);
                            Protocol::Session(Box::new(session))
                        }
                        None => Protocol::WebSocket(decoder),
                    };
                }
                let chosen = std::mem::take(&mut self.shard.callback.subprotocol);
                let protocol = chosen.among(&upgrade);
                let form = self.shard.conns.get(key).map(|conn| conn.form);
                let granted = granted.filter(|_| form.is_some_and(|form| form.window().is_some()));
                self.greet(key, data, None, |out| {
                    encode_switching_protocols(out, &upgrade, protocol, granted);
                });
            }
            Err(Refusal::Respond(response)) => {
                self.shard.conns.discard_outbox(key);
                return self.respond(key, request, &response);
            }
            Err(Refusal::Wait(busy)) => return self.wait_with_request(key, busy, 0),
        }
        self.opened(key, taken)
    }

    /// Answers a request for events with the head of a stream, and opens it if it is to have more.
    pub(in crate::shard::core) fn open_events(
        &mut self,
        key: ConnKey,
        request: &Request<'_>,
        taken: usize,
    ) -> Progress {
        // RFC 9112 6.1: a client of HTTP/1.0 does not know chunks.
        let is_chunked = request.version_minor != 0;
        let head = sse::Head {
            content_type: sse::CONTENT_TYPE,
            is_chunked,
            reader: self.shard.reader(request),
            date: self.shard.env.date,
        };
        if request.method == "HEAD" {
            return match self.answer_to_head(key, request) {
                Ok(None) => {
                    self.shard.reply(key, |out| sse::encode_head(out, &head));
                    self.shard.close(key, CloseReason::Answered);
                    Progress::Ended
                }
                Ok(Some(response)) => self.respond(key, request, &response),
                Err(busy) => self.wait_with_request(key, busy, 0),
            };
        }
        if let Some(conn) = self.shard.conns.live(key) {
            // It may be a member of a topic before this returns.
            conn.form = if is_chunked {
                Form::SseChunks
            } else {
                Form::Sse
            };
        }
        let from = self
            .shard
            .conns
            .client_of(&mut self.shard.env, key, request)
            .unwrap_or_default();
        match self.ask_to_open_by(key, request, &Opening::Events(request), from) {
            Ok(data) => {
                if let Some(conn) = self.shard.conns.live(key) {
                    conn.protocol = Protocol::Events(0);
                }
                let generation = self.shard.conns.id(key).generation;
                self.greet(key, data, head.reader, |out| {
                    let delay = sse::spread(EVENTS_RETRY, generation);
                    sse::encode_head(out, &head);
                    sse::encode_opening(out, is_chunked, delay);
                });
                self.opened(key, taken)
            }
            Err(Refusal::Respond(response)) => {
                self.shard.conns.discard_outbox(key);
                self.respond(key, request, &response)
            }
            Err(Refusal::Wait(busy)) => self.wait_with_request(key, busy, 0),
        }
    }

    /// Whether a connection that may have been opened reads on.
    pub(super) fn opened(&mut self, key: ConnKey, taken: usize) -> Progress {
        match self.shard.conns.live(key) {
            Some(conn) if conn.is_paused() => Progress::Paused(taken),
            Some(conn) if !conn.state.is_closing() => Progress::Bytes(taken),
            _ => Progress::Ended,
        }
    }
}
