//! Connections before they speak: those that are one too many, and those of which it is not known
//! yet where they come from.

use core::net::SocketAddr;

use crate::close_reason::CloseReason;
use crate::counters::status_index;
use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::limits::OVERFLOW_MAX;
use crate::proto::http::{After, Request, Response};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::Conn;
use crate::shard::core::conn::http::TooMany;
use crate::shard::core::conns::client_addrs::{Client, crowded};
use crate::shard::core::inner::Inner;

impl<H: Handler> ShardCore<H> {
    /// Whether the shard has as many connections as it may.
    pub fn is_full(&self) -> bool {
        self.inner.config.connections_max <= self.inner.conns.len() - self.inner.overflow
    }

    /// It is known where a connection comes from that was opened early. `false` if there are too
    /// many from there and it is closed: where it speaks HTTP, and `has_words`, it is told so when
    /// it asks for something.
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
        if self.inner.unopened(id).is_some()
            && let Some(http) = self.inner.http(id.key)
        {
            http.is_unnamed = true;
        }
        self.handle_client(id, Client::Unnamed(proxy), has_words)
    }

    fn handle_client(&mut self, id: ConnId, client: Client, has_words: bool) -> bool {
        let is_overflow = |conn: &mut Conn<H::Conn>| conn.is_overflow;
        if self.inner.unopened(id).is_some_and(is_overflow) || self.inner.enter(id.key, client) {
            return true;
        }
        self.inner.turned_away += 1;
        if !has_words {
            self.inner.begin_overflow(id.key);
            self.inner.close(id.key, CloseReason::Crowded);
            return false;
        }
        self.inner.turn_away(id, TooMany::OfAddress)
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

impl<D, A> Inner<D, A> {
    /// Why a connection that speaks HTTP is there only to be told that it is one too many.
    pub(crate) fn turned_away(&mut self, key: ConnKey) -> Option<TooMany> {
        self.http(key)?.turned_away
    }

    /// Tells a connection that it is one too many.
    pub(crate) fn refuse_turned_away(&mut self, key: ConnKey, request: &Request<'_>, why: TooMany) {
        let response = match why {
            TooMany::OfAddress => crowded(),
            TooMany::InAll => Response::text(503, "the server is at its limit of connections"),
        };
        // The close tells another reason than the status.
        self.counters.refused[status_index(response.status)] += 1;
        self.put_answer(key, request, &response, After::Close);
        self.close(key, reason_of(why));
    }

    /// A connection is one too many, and is closed, or if it speaks HTTP when it has asked for
    /// something; `false` if at once. The oldest of those gives way where there are too many.
    pub(crate) fn turn_away(&mut self, id: ConnId, why: TooMany) -> bool {
        self.begin_overflow(id.key);
        let Some(http) = self.http(id.key) else {
            self.close(id.key, reason_of(why));
            return false;
        };
        http.turned_away = Some(why);
        let mut told = std::mem::take(&mut self.told);
        told.retain(|&id| self.current(id).is_some());
        told.push_back(id);
        if OVERFLOW_MAX < told.len()
            && let Some(oldest) = told.pop_front()
        {
            self.kill(oldest.key, reason_of(why));
        }
        self.told = told;
        true
    }

    /// A connection does not count as one of those that there may be.
    fn begin_overflow(&mut self, key: ConnKey) {
        if let Some(conn) = self.conn(key).filter(|conn| !conn.is_overflow) {
            conn.is_overflow = true;
            self.overflow += 1;
        }
    }
}

fn reason_of(why: TooMany) -> CloseReason {
    match why {
        TooMany::InAll => CloseReason::Overload,
        TooMany::OfAddress => CloseReason::Crowded,
    }
}
