//! Connections that have been sent their last word, or have still to send on until it is out.

use std::collections::{HashMap, VecDeque};

use crate::id::{ConnId, ConnKey};
use crate::limits::LINGERING_MAX;
use crate::shard::core::conn::linger::Linger;
use crate::shard::core::conn::state::State;
use crate::shard::core::conns::Conns;
use crate::time::Now;

/// The connections of a shard that linger.
#[derive(Debug, Default)]
pub(crate) struct Lingering {
    /// In the order in which they began, with some that are gone.
    queue: VecDeque<ConnId>,
    /// Those that are not gone.
    count: usize,
    /// Those with sockets to be asked in this turn.
    asked: Vec<ConnId>,
    /// What connections have sent before their last word was out, by their keys.
    early: HashMap<ConnKey, Linger>,
}

impl Lingering {
    /// When a connection is read again before its last word is out.
    pub(crate) fn next_step(&self, key: ConnKey) -> Option<Now> {
        self.early.get(&key).map(Linger::next_step)
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn early_len(&self) -> usize {
        self.early.len()
    }

    /// A connection has been sent its last word.
    pub(crate) fn begin(&mut self, id: ConnId) {
        self.queue.push_back(id);
        self.count += 1;
    }

    /// One that lingered is gone.
    pub(crate) fn note_gone(&mut self) {
        self.count -= 1;
    }

    /// The socket of a connection is to be asked what its client has confirmed.
    pub(crate) fn ask(&mut self, id: ConnId) {
        self.asked.push(id);
    }

    pub(crate) fn next_asked(&mut self) -> Option<ConnId> {
        self.asked.pop()
    }

    /// Counts bytes that were discarded before the last word was out; `true` if nothing more is to
    /// be read in this step.
    pub(crate) fn discard_early(&mut self, key: ConnKey, len: usize, now: Now) -> bool {
        let stamp = now.stamp();
        let linger = self.early.entry(key);
        let linger = linger.or_insert_with(|| Linger::new(stamp));
        if linger.next_step() <= now {
            linger.begin_step(stamp);
        }
        linger.discard(len)
    }

    /// Its last word is out, or it is gone.
    pub(crate) fn forget_early(&mut self, key: ConnKey) {
        if !self.early.is_empty() {
            self.early.remove(&key);
        }
    }
}

impl<D> Conns<D> {
    /// The connection that has lingered the longest, if there are more than `max`.
    pub(crate) fn oldest_lingering(&mut self, max: usize) -> Option<ConnId> {
        while max < self.lingering.count {
            let oldest = self.lingering.queue.pop_front()?;
            if self.current(oldest).is_some() {
                return Some(oldest);
            }
        }
        None
    }

    /// Forgets those that are gone, once they are many.
    pub(crate) fn forget_lingered(&mut self) {
        let Self {
            lingering, slab, ..
        } = self;
        if 2 * lingering.count + LINGERING_MAX < lingering.queue.len() {
            lingering.queue.retain(|id| {
                let conn = slab.get(id.key.index());
                conn.is_some_and(|conn| {
                    conn.generation == id.generation && conn.state != State::Dead
                })
            });
        }
    }
}
