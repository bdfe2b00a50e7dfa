//! Opening: from a request, or an accept on the TCP port, to a connection that the handler has
//! accepted, or to an answer.

use crate::close_reason::CloseReason;
use crate::conn::{CLOSING, CORKED, OPEN, PAUSED, Proto};
use crate::handler::{Handler, Opening};
use crate::proto::http::{Head, NO_HEADERS, Request, Response, parse_head};
use crate::proto::ws::Decoder;
use crate::proto::ws::handshake::{check_upgrade, encode_switching_protocols};
use crate::shard::core::ShardCore;
use crate::shard::cx::Cx;
use crate::shard::input::Took;

impl<H: Handler> ShardCore<H> {
    /// Reads a request head and does what it asks for.
    pub(super) fn take_head(&mut self, key: u32, input: &[u8]) -> Took {
        let mut headers = NO_HEADERS;
        match parse_head(input, &mut headers) {
            Ok(Head::Incomplete) => Took::Nothing,
            Ok(Head::Complete { request, taken }) if request.wants_websocket() => {
                self.upgrade(key, &request, taken)
            }
            Ok(Head::Complete { request, .. }) => {
                let response = self.handler.on_request(&request);
                self.respond(key, &response, request.method == "HEAD");
                Took::Ended
            }
            Err(error) => {
                self.respond(key, &Response::from(error), false);
                Took::Ended
            }
        }
    }

    fn upgrade(&mut self, key: u32, request: &Request<'_>, taken: usize) -> Took {
        let upgrade = match check_upgrade(request) {
            Ok(upgrade) => upgrade,
            Err(error) => {
                self.respond(key, &Response::from(error), false);
                return Took::Ended;
            }
        };
        let opened = self.handler.on_open(
            &mut Cx {
                inner: &mut self.inner,
                key,
            },
            &Opening::WebSocket(request),
        );
        match opened {
            Ok(data) => {
                if let Some(conn) = self.inner.conn(key) {
                    conn.proto = Proto::WebSocket(Decoder::default());
                }
                let protocol = upgrade.protocols().next();
                self.greet(key, data, |out| {
                    encode_switching_protocols(out, &upgrade, protocol);
                });
            }
            Err(response) => {
                self.inner.discard_outbox(key);
                self.respond(key, &response, false);
            }
        }
        match self.inner.conn(key) {
            Some(conn) if conn.is(PAUSED) => Took::Paused(taken),
            Some(conn) if !conn.is(CLOSING) => Took::Bytes(taken),
            _ => Took::Ended,
        }
    }

    /// The handler has accepted a connection: it is told so, once its subscriptions are live.
    pub(super) fn greet(&mut self, key: u32, data: H::Conn, write: impl FnOnce(&mut Vec<u8>)) {
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
            conn.set(CORKED | PAUSED, true);
            self.inner.set_apart(key, true);
        }
        self.inner.arm(key);
    }

    pub(super) fn respond(&mut self, key: u32, response: &Response, head_only: bool) {
        self.inner.reply(key, |out| response.encode(out, head_only));
        let reason = match response.status {
            status @ 400.. => CloseReason::Refused(status),
            _ => CloseReason::Answered,
        };
        self.inner.close(key, reason);
    }
}
