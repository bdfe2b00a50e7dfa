//! Connections before they speak: those that are one too many, and those of which it is not known
//! yet where they come from.

use core::net::SocketAddr;

use crate::close_reason::CloseReason;
use crate::conn::{OVERFLOW, Proto};
use crate::counters::Limit;
use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::OVERFLOW_MAX;
use crate::proto::Frames;
use crate::proto::http::Response;
use crate::shard::clients::{Client, crowded};
use crate::shard::core::ShardCore;
use crate::topic::member::Sock;

impl<H: Handler> ShardCore<H> {
    /// Whether the shard has as many connections as it may.
    pub fn is_full(&self) -> bool {
        self.inner.config.connections_max <= self.inner.conns.len() - self.inner.overflow
    }

    /// A connection has been accepted that is one too many: it is told so where there are words
    /// for it, and closed.
    pub fn handle_overflow(&mut self, sock: Sock, speaks_http: bool) -> ConnId {
        let proto = if speaks_http {
            Proto::Http(Box::default())
        } else {
            Proto::Framed(Frames::default())
        };
        let id = self.add(sock, proto);
        self.inner.count_limit(Limit::Connections);
        let response = Response::text(503, "the server is at its limit of connections");
        let response = speaks_http.then_some(response);
        self.turn_away(id.key, CloseReason::Overload, response.as_ref());
        id
    }

    /// A connection is one too many: it is told so, unless too many are being told so already.
    pub(super) fn turn_away(&mut self, key: u32, why: CloseReason, response: Option<&Response>) {
        let Some(conn) = self.inner.conn(key) else {
            return;
        };
        conn.set(OVERFLOW, true);
        self.inner.overflow += 1;
        if OVERFLOW_MAX < self.inner.overflow {
            self.inner.kill(key, why);
        } else if let Some(response) = response {
            self.inner.reply_without_request(key, response);
        }
        self.inner.close(key, why);
    }

    /// It is known where a connection comes from that was opened early. `false` if there are too
    /// many from there: it is told so, if it `has_words` for that, and closed.
    pub fn handle_peer(&mut self, id: ConnId, peer: Option<SocketAddr>, has_words: bool) -> bool {
        self.handle_client(id, Client::Peer(peer), has_words)
    }

    /// The same of a connection whose client `proxy` does not name.
    pub fn handle_unnamed(
        &mut self,
        id: ConnId,
        proxy: Option<SocketAddr>,
        has_words: bool,
    ) -> bool {
        self.handle_client(id, Client::Unnamed(proxy), has_words)
    }

    fn handle_client(&mut self, id: ConnId, client: Client, has_words: bool) -> bool {
        if self.inner.enter(id.key, client) {
            return true;
        }
        let conn = self.inner.unopened(id);
        let speaks_http = conn.is_some_and(|conn| matches!(conn.proto, Proto::Http(_)));
        let response = (speaks_http && has_words).then(crowded);
        self.turn_away(id.key, CloseReason::Crowded, response.as_ref());
        self.inner.turned_away += 1;
        false
    }

    /// How many connections were turned away since the last call that had been counted before.
    pub fn take_turned_away(&mut self) -> usize {
        std::mem::take(&mut self.inner.turned_away)
    }

    /// What a proxy should have said of a connection was not there or wrong, or somebody spoke
    /// like a proxy who is none.
    pub fn handle_proxy_failure(&mut self, id: ConnId) {
        if self.inner.current(id).is_some() {
            self.inner.kill(id.key, CloseReason::Proxy);
        }
    }

    /// Whether a connection is still to say what goes before its protocol.
    pub fn is_early(&mut self, id: ConnId) -> bool {
        self.inner.unopened(id).is_some()
    }
}
