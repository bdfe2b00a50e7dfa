//! After the last word: a connection is read on, and what comes is discarded, until its client
//! has that word (RFC 9112 9.6). A socket that is closed with unread bytes is reset, and a client
//! that writes before it reads would never learn why.

use crate::close_reason::CloseReason;
use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::limits::LINGERING_MAX;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::READ_ENDED;
use crate::shard::core::conn::linger::Linger;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::ingress::protocol::Protocol;
use crate::shard::core::shard::Shard;

impl<H: Handler> ShardCore<H> {
    /// The next connection of which the shell is to say how much its client's host has not
    /// confirmed, by [`handle_unsent`](Self::handle_unsent).
    pub fn take_asked(&mut self) -> Option<ConnId> {
        self.shard.conns.lingering.next_asked()
    }

    /// Of what was sent to a connection, its client's host has not confirmed so many bytes.
    pub fn handle_unsent(&mut self, id: ConnId, unsent: usize) {
        if self.shard.conns.current(id).is_some() {
            self.shard.note_unsent(id.key, unsent);
        }
    }
}

impl<D, A> Shard<D, A> {
    /// The last word is sent: nothing more is to be written.
    pub(crate) fn finish(&mut self, key: ConnKey) {
        let stamp = self.env.now.stamp();
        let id = self.conns.id(key);
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        if conn.protocol.linger().is_some() {
            return;
        }
        self.conns.lingering.forget_early(key);
        self.conns.unpause(&mut self.env, key);
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        if conn.is(READ_ENDED) {
            // It can have nothing unread: closing does no harm.
            conn.move_to(State::Dead);
            self.conns.ends.note_dead(key);
            return;
        }
        conn.protocol = Protocol::Lingering(Box::new(Linger::new(stamp)));
        conn.heard = stamp;
        // What came while the connection was paused, of which no event will tell again.
        self.conns.reads.release(id);
        self.conns.ends.note_finished(id);
        self.conns.lingering.begin(id);
        self.arm(key);
        self.bound_lingering();
    }

    /// Ends a connection to which nothing can be said any more but the end of the stream.
    pub(crate) fn finish_at_once(&mut self, key: ConnKey, reason: CloseReason) {
        self.end(key, reason);
        self.conns.discard_outbox(key);
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        // A record of TLS may break behind the last word, or behind what led to it.
        if conn.state != State::Closing {
            conn.move_to(State::Closing);
        }
        self.finish(key);
    }

    /// Over the bound those go that have lingered the longest. In a drain no connection
    /// comes that needs their place.
    fn bound_lingering(&mut self) {
        let max = (self.env.config.connections_max / 4).clamp(1, LINGERING_MAX);
        while self.drain.is_none()
            && let Some(oldest) = self.conns.oldest_lingering(max)
        {
            self.kill(oldest.key, CloseReason::Client);
        }
        self.conns.forget_lingered();
    }

    /// Discards what still comes, at a bounded rate.
    pub(crate) fn discard_late(&mut self, key: ConnKey, len: usize) {
        let stamp = self.env.now.stamp();
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        if let Some(linger) = conn.protocol.linger_mut() {
            conn.heard = stamp;
            if linger.discard(len) {
                self.conns.pause_for(&mut self.env, key, Pause::Discard);
            }
            return;
        }
        if self.conns.lingering.discard_early(key, len, self.env.now) {
            self.conns.pause_for(&mut self.env, key, Pause::Discard);
            self.arm(key);
        }
    }

    /// A connection is read again before its last word is out.
    pub(crate) fn step_early(&mut self, key: ConnKey) {
        let id = self.conns.id(key);
        self.conns.unpause(&mut self.env, key);
        self.conns.reads.release(id);
        self.arm(key);
    }

    /// A step of a connection that lingers is over: its socket is to be asked.
    pub(crate) fn step_lingering(&mut self, key: ConnKey) {
        let (id, stamp) = (self.conns.id(key), self.env.now.stamp());
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        let Some(linger) = conn.protocol.linger_mut() else {
            return;
        };
        linger.begin_step(stamp);
        if conn.is_paused() {
            self.conns.unpause(&mut self.env, key);
            self.conns.reads.release(id);
        }
        self.conns.lingering.ask(id);
        self.arm(key);
    }

    fn note_unsent(&mut self, key: ConnKey, unsent: usize) {
        let (now, stamp) = (self.env.now, self.env.now.stamp());
        let drains = self.drain.is_some();
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        let Some(linger) = conn.protocol.linger_mut() else {
            return;
        };
        if linger.note_unsent(unsent, stamp) {
            conn.heard = stamp;
        }
        if linger.is_over(now, conn.heard, drains) {
            self.kill(key, CloseReason::Client);
        }
    }
}
