//! Connections before they speak: those that are one too many, and those of which it is not known
//! yet where they come from.

use core::net::SocketAddr;

use crate::close_reason::CloseReason;
use crate::counters::status_index;
use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::proto::http::{After, Request, Response};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::Conn;
use crate::shard::core::conn::http::TooMany;
use crate::shard::core::conns::client_addrs::{Client, crowded};
use crate::shard::core::shard::Shard;

impl<H: Handler> ShardCore<H> {
    /// Whether the shard has as many connections as it may.
    pub fn is_full(&self) -> bool {
        self.shard.env.config.connections_max
            <= self.shard.conns.len() - self.shard.conns.turned_away.count()
    }

    /// It is known where a connection comes from that was opened early. `false` if there are too
    /// many from there and it is closed: where it speaks HTTP, and `has_words`, it is told so when
    /// it asks for something.
    pub fn handle_peer(&mut self, id: ConnId, peer: Option<SocketAddr>, has_words: bool) -> bool {
        self.handle_client(id, Client::Peer(peer), has_words)
    }

    /// The same of a connection with a client that `proxy` does not name.
    pub fn handle_unnamed(
        &mut self,
        id: ConnId,
        proxy: Option<SocketAddr>,
        has_words: bool,
    ) -> bool {
        if self.shard.conns.unopened(id).is_some()
            && let Some(http) = self.shard.conns.http(id.key)
        {
            http.is_unnamed = true;
        }
        self.handle_client(id, Client::Unnamed(proxy), has_words)
    }

    fn handle_client(&mut self, id: ConnId, client: Client, has_words: bool) -> bool {
        let is_overflow = |conn: &mut Conn<H::Conn>| conn.is_overflow;
        if self.shard.conns.unopened(id).is_some_and(is_overflow)
            || self.shard.conns.enter(&mut self.shard.env, id.key, client)
        {
            return self.admit_opening(id);
        }
        self.shard.conns.turned_away.note_counted();
        if !has_words {
            self.shard.conns.begin_overflow(id.key);
            self.shard.close(id.key, CloseReason::Crowded);
            return false;
        }
        self.shard.turn_away(id, TooMany::OfAddress)
    }

    /// A TCP connection counts as opened when it is known where it comes from. `false` if its
    /// client opens too many, and it is closed. Over HTTP, the request for a stream counts.
    fn admit_opening(&mut self, id: ConnId) -> bool {
        let conn = self.shard.conns.unopened(id);
        let is_framed =
            conn.is_some_and(|conn| !conn.is_overflow && conn.protocol.http_mut().is_none());
        if !is_framed
            || self
                .shard
                .conns
                .take_opening(&mut self.shard.env, id.key)
                .is_ok()
        {
            return true;
        }
        self.shard.conns.turned_away.note_counted();
        self.shard.conns.begin_overflow(id.key);
        self.shard.close(id.key, CloseReason::Throttled);
        false
    }

    /// How many connections were turned away since the last call that had been counted before.
    pub fn take_turned_away(&mut self) -> usize {
        self.shard.conns.turned_away.take_counted()
    }

    /// The PROXY header of a connection was missing or malformed, or a peer that is no trusted
    /// proxy sent one.
    pub fn handle_proxy_failure(&mut self, id: ConnId) {
        if self.shard.conns.current(id).is_some() {
            self.shard.kill(id.key, CloseReason::Proxy);
        }
    }

    /// Whether a connection is still to say what goes before its protocol.
    pub fn is_early(&mut self, id: ConnId) -> bool {
        self.shard.conns.unopened(id).is_some()
    }
}

impl<D, A> Shard<D, A> {
    /// Why a connection that speaks HTTP is there only to be told that it is one too many.
    pub(crate) fn turned_away(&mut self, key: ConnKey) -> Option<TooMany> {
        self.conns.http(key)?.turned_away
    }

    /// Tells a connection that it is one too many.
    pub(crate) fn refuse_turned_away(&mut self, key: ConnKey, request: &Request<'_>, why: TooMany) {
        let response = match why {
            TooMany::OfAddress => crowded(),
            TooMany::InAll => Response::text(503, "the server is at its limit of connections"),
        };
        // The close tells another reason than the status.
        self.env.counters.refused[status_index(response.status)] += 1;
        self.put_answer(key, request, &response, After::Close);
        self.close(key, reason_of(why));
    }

    /// A connection is one too many, and is closed, or if it speaks HTTP when it has asked for
    /// something; `false` if at once. The oldest of those gives way where there are too many.
    pub(crate) fn turn_away(&mut self, id: ConnId, why: TooMany) -> bool {
        self.conns.begin_overflow(id.key);
        let Some(http) = self.conns.http(id.key) else {
            self.close(id.key, reason_of(why));
            return false;
        };
        http.turned_away = Some(why);
        if let Some(oldest) = self.conns.await_question(id) {
            self.kill(oldest.key, reason_of(why));
        }
        true
    }
}

fn reason_of(why: TooMany) -> CloseReason {
    match why {
        TooMany::InAll => CloseReason::Overload,
        TooMany::OfAddress => CloseReason::Crowded,
    }
}
