//! When connections are to be looked at, and until when their deadlines have passed.

use crate::id::ConnKey;
use crate::shard::core::conns::grace::Grace;
use crate::time::{Now, Stamp, Wheel};

/// When connections are to be looked at.
#[derive(Debug)]
pub(crate) struct Timers {
    wheel: Wheel<ConnKey>,
    pub(crate) grace: Grace,
    /// Used again for each look at the wheel.
    expired: Vec<(ConnKey, Stamp)>,
}

impl Timers {
    pub(crate) fn new(now: Now) -> Self {
        Self {
            wheel: Wheel::new(now),
            grace: Grace::default(),
            expired: Vec::new(),
        }
    }

    /// Has a connection looked at when that moment has passed; returns its place in the wheel, of
    /// which the newest counts.
    pub(crate) fn arm(&mut self, key: ConnKey, at: Now) -> Stamp {
        self.wheel.arm(key, at)
    }

    /// The place in the wheel that [`arm`](Self::arm) would return now.
    pub(crate) fn place_of(&self, at: Now) -> Stamp {
        self.wheel.tick_of(at)
    }

    /// How many places in the wheel are taken.
    pub(crate) fn entries(&self) -> usize {
        self.wheel.entries()
    }

    /// Up to `budget` connections that are due, with their places in the wheel; to be
    /// given back.
    pub(crate) fn take_expired(&mut self, budget: usize) -> Vec<(ConnKey, Stamp)> {
        let mut expired = std::mem::take(&mut self.expired);
        let until = self.grace.until();
        self.wheel.take_expired(until, budget, &mut expired);
        expired
    }

    /// Takes back the memory of `take_expired`.
    pub(crate) fn give_expired(&mut self, expired: Vec<(ConnKey, Stamp)>) {
        self.expired = expired;
    }

    /// When a connection is to be looked at next.
    pub(crate) fn deadline(&self) -> Option<Now> {
        let due = self.wheel.next_deadline()?;
        Some(self.grace.put_off(due))
    }
}
