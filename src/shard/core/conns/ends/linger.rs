//! After the last word: a connection is read on, and what comes is discarded, until its client
//! has that word (RFC 9112 9.6). A socket that is closed with unread bytes is reset, and a client
//! that writes before it reads would never learn why.

use std::collections::HashMap;

use crate::close_reason::CloseReason;
use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::limits::LINGERING_MAX;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::READ_ENDED;
use crate::shard::core::conn::linger::Linger;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::ingress::protocol::Protocol;
use crate::shard::core::inner::Inner;
use crate::time::Now;

impl<H: Handler> ShardCore<H> {
    /// The next connection of which the shell is to say how much its client's host has not
    /// confirmed, by [`handle_unsent`](Self::handle_unsent).
    pub fn take_asked(&mut self) -> Option<ConnId> {
        self.inner.lingering.asked.pop()
    }

    /// Of what was sent to a connection, its client's host has not confirmed so many bytes.
    pub fn handle_unsent(&mut self, id: ConnId, unsent: usize) {
        if self.inner.current(id).is_some() {
            self.inner.note_unsent(id.key, unsent);
        }
    }
}

/// The connections of a shard that linger.
#[derive(Debug, Default)]
pub(crate) struct Lingering {
    /// In the order in which they began, with some that are gone.
    queue: std::collections::VecDeque<ConnId>,
    /// Those that are not gone.
    count: usize,
    /// Those whose sockets are to be asked in this turn.
    asked: Vec<ConnId>,
    /// What connections have sent before their last word was out, by their keys.
    early: HashMap<ConnKey, Linger>,
}

impl Lingering {
    /// When a connection whose last word is not out yet is read again.
    pub(crate) fn next_step(&self, key: ConnKey) -> Option<Now> {
        self.early.get(&key).map(Linger::next_step)
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn early_len(&self) -> usize {
        self.early.len()
    }

    /// Its last word is out, or it is gone.
    pub(crate) fn forget_early(&mut self, key: ConnKey) {
        if !self.early.is_empty() {
            self.early.remove(&key);
        }
    }
}

impl<D, A> Inner<D, A> {
    /// The last word is sent: nothing more is to be written.
    pub(crate) fn finish(&mut self, key: ConnKey) {
        let stamp = self.now.stamp();
        let id = self.id(key);
        let Some(conn) = self.conn(key) else { return };
        if conn.protocol.linger().is_some() {
            return;
        }
        self.lingering.forget_early(key);
        self.unpause(key);
        let Some(conn) = self.conn(key) else { return };
        if conn.is(READ_ENDED) {
            // It can have nothing unread: closing does no harm.
            conn.move_to(State::Dead);
            self.dead.push(key);
            return;
        }
        conn.protocol = Protocol::Lingering(Box::new(Linger::new(stamp)));
        conn.heard = stamp;
        // What came while the connection was paused, of which no event will tell again.
        self.reads.release(id);
        self.finished.push(id);
        self.lingering.queue.push_back(id);
        self.lingering.count += 1;
        self.arm(key);
        self.bound_lingering();
    }

    /// Ends a connection to which nothing can be said any more but the end of the stream.
    pub(crate) fn finish_at_once(&mut self, key: ConnKey, reason: CloseReason) {
        self.end(key, reason);
        self.discard_outbox(key);
        let Some(conn) = self.conn(key) else { return };
        // A record of TLS may break behind the last word, or behind what led to it.
        if conn.state != State::Closing {
            conn.move_to(State::Closing);
        }
        self.finish(key);
    }

    /// Over the bound those go that have lingered the longest. In a drain nobody comes whose place
    /// they could take.
    fn bound_lingering(&mut self) {
        let max = (self.config.connections_max / 4).clamp(1, LINGERING_MAX);
        while max < self.lingering.count && self.drain.is_none() {
            let Some(oldest) = self.lingering.queue.pop_front() else {
                return;
            };
            if self.current(oldest).is_some() {
                self.kill(oldest.key, CloseReason::Client);
            }
        }
        let Self {
            lingering, conns, ..
        } = self;
        if 2 * lingering.count + LINGERING_MAX < lingering.queue.len() {
            lingering.queue.retain(|id| {
                let conn = conns.get(id.key.index());
                conn.is_some_and(|conn| {
                    conn.generation == id.generation && conn.state != State::Dead
                })
            });
        }
    }

    /// One that lingered is gone.
    pub(crate) fn note_lingered(&mut self) {
        self.lingering.count -= 1;
    }

    /// Discards what still comes, at a bounded rate.
    pub(crate) fn discard_late(&mut self, key: ConnKey, len: usize) {
        let stamp = self.now.stamp();
        let Some(conn) = self.conn(key) else { return };
        if let Some(linger) = conn.protocol.linger_mut() {
            conn.heard = stamp;
            if linger.discard(len) {
                self.pause_for(key, Pause::Discard);
            }
            return;
        }
        let (now, early) = (self.now, &mut self.lingering.early);
        let linger = early.entry(key).or_insert_with(|| Linger::new(stamp));
        if linger.next_step() <= now {
            linger.begin_step(stamp);
        }
        if linger.discard(len) {
            self.pause_for(key, Pause::Discard);
            self.arm(key);
        }
    }

    /// A connection whose last word is not out yet is read again.
    pub(crate) fn step_early(&mut self, key: ConnKey) {
        let id = self.id(key);
        self.unpause(key);
        self.reads.release(id);
        self.arm(key);
    }

    /// A step of a connection that lingers is over: its socket is to be asked.
    pub(crate) fn step_lingering(&mut self, key: ConnKey) {
        let (id, stamp) = (self.id(key), self.now.stamp());
        let Some(conn) = self.conn(key) else { return };
        let Some(linger) = conn.protocol.linger_mut() else {
            return;
        };
        linger.begin_step(stamp);
        if conn.is_paused() {
            self.unpause(key);
            self.reads.release(id);
        }
        self.lingering.asked.push(id);
        self.arm(key);
    }

    fn note_unsent(&mut self, key: ConnKey, unsent: usize) {
        let (now, stamp) = (self.now, self.now.stamp());
        let drains = self.drain.is_some();
        let Some(conn) = self.conn(key) else { return };
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
