//! Connections that are there only to be told that they are one too many.

use std::collections::VecDeque;

use crate::id::{ConnId, ConnKey};
use crate::limits::OVERFLOW_MAX;
use crate::shard::core::conns::Conns;

/// Connections that are one too many.
#[derive(Debug, Default)]
pub(crate) struct TurnedAway {
    /// How many there are.
    count: usize,
    /// Those of them that speak HTTP, the oldest first, and some that have gone.
    told: VecDeque<ConnId>,
    /// Those that the shell had counted, since it asked last.
    counted: usize,
}

impl TurnedAway {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// One of them has gone.
    pub(crate) fn note_gone(&mut self) {
        self.count -= 1;
    }

    /// One is turned away that the shell had counted.
    pub(crate) fn note_counted(&mut self) {
        self.counted += 1;
    }

    /// How many of those there were since the last call.
    pub(crate) fn take_counted(&mut self) -> usize {
        std::mem::take(&mut self.counted)
    }
}

impl<D> Conns<D> {
    /// A connection does not count as one of those that there may be.
    pub(crate) fn begin_overflow(&mut self, key: ConnKey) {
        if let Some(conn) = self.live(key).filter(|conn| !conn.is_overflow) {
            conn.is_overflow = true;
            self.turned_away.count += 1;
        }
    }

    /// A connection is to be told that it is one too many when it asks for something. Returns the
    /// oldest of those, which must go, where there are too many.
    pub(crate) fn await_question(&mut self, id: ConnId) -> Option<ConnId> {
        let mut told = std::mem::take(&mut self.turned_away.told);
        told.retain(|&id| self.current(id).is_some());
        told.push_back(id);
        let oldest = if OVERFLOW_MAX < told.len() {
            told.pop_front()
        } else {
            None
        };
        self.turned_away.told = told;
        oldest
    }
}
