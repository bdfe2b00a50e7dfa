//! Memory that the tables of topics, rooms and connections have given back, and when the allocator
//! is to give it back as well.

use crate::limits::{RELEASE_ENTRIES_MIN, RELEASE_INTERVAL};
use crate::shard::core::pubsub::PubSub;
use crate::time::Now;
use crate::topic::tables::GiveBack;

impl PubSub {
    /// Tables have given back so many entries.
    pub(crate) fn note_released(&mut self, entries: usize) {
        self.released += entries;
    }

    /// When the allocator is to give back what is free.
    pub(crate) fn release_deadline(&self) -> Option<Now> {
        let next = self.released_at.plus(RELEASE_INTERVAL);
        (RELEASE_ENTRIES_MIN <= self.released).then_some(next)
    }

    /// Whether the allocator is to give back what is free now.
    pub(crate) fn take_release(&mut self, now: Now) -> bool {
        let is_due = self.release_deadline().is_some_and(|at| at <= now);
        if is_due {
            self.each_queue(|queue| {
                queue.give_back();
            });
            self.released = 0;
            self.released_at = now;
        }
        is_due
    }

    /// Calls `visit` with each table that grows with the number of topics.
    pub(crate) fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        self.fanout.each_table(&mut visit);
        self.homes.each_table(&mut visit);
        self.history.each_table(&mut visit);
        self.clients.each_table(&mut visit);
        visit(self.held.table());
        self.users.each_table(&mut visit);
        if let Some(shared) = &mut self.shared {
            shared.each_table(&mut visit);
        }
    }

    /// Calls `visit` with each queue of work. They are long and empty again within some turns: what
    /// they give back is no sign that topics are gone.
    pub(crate) fn each_queue(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        self.fanout.each_queue(&mut visit);
        self.users.each_queue(&mut visit);
        visit(&mut self.room_work);
        for mail in &mut self.mail {
            visit(&mut mail.wanted);
            visit(&mut mail.unwanted);
            visit(&mut mail.displaced);
        }
    }
}
