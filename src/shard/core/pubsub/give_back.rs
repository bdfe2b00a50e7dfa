//! Memory of topics that are gone: tables that are nearly empty are made small, once a turn.

use crate::handler::Handler;
use crate::limits::{RELEASE_ENTRIES_MIN, RELEASE_INTERVAL};
use crate::shard::core::ShardCore;
use crate::shard::core::shard::Shard;
use crate::time::Now;
use crate::topic::tables::GiveBack;

impl<H: Handler> ShardCore<H> {
    pub(in crate::shard::core) fn shrink_tables(&mut self) {
        let mut released = self.rooms.slots.give_back();
        self.shard.each_table(|table| released += table.give_back());
        self.shard.released += released;
    }

    /// Whether so much was given back to the allocator that it is to give it back to the host: it
    /// keeps what is free between what is not.
    pub fn take_release(&mut self) -> bool {
        let shard = &mut self.shard;
        let is_due = shard
            .release_deadline()
            .is_some_and(|at| at <= shard.env.now);
        if is_due {
            shard.each_queue(|queue| {
                queue.give_back();
            });
            shard.released = 0;
            shard.released_at = shard.env.now;
        }
        is_due
    }

    /// Entries that the tables of topics have memory for.
    #[cfg(any(test, feature = "internals"))]
    #[doc(hidden)]
    pub fn table_entries(&mut self) -> usize {
        let mut entries = self.rooms.slots.entries();
        self.shard.each_table(|table| entries += table.entries());
        self.shard.each_queue(|queue| entries += queue.entries());
        entries
    }
}

impl<D, A> Shard<D, A> {
    /// When the allocator is to give back what is free.
    pub(crate) fn release_deadline(&self) -> Option<Now> {
        let next = self.released_at.plus(RELEASE_INTERVAL);
        (RELEASE_ENTRIES_MIN <= self.released).then_some(next)
    }

    /// Calls `visit` with each table that grows with the number of topics.
    fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        self.fanout.each_table(&mut visit);
        self.homes.each_table(&mut visit);
        visit(self.conns.table());
    }

    /// Calls `visit` with each queue of work. They are long and empty again within some turns: what
    /// they give back is no sign that topics are gone.
    fn each_queue(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        self.fanout.each_queue(&mut visit);
        visit(&mut self.room_work);
        for mail in &mut self.mail {
            visit(&mut mail.wanted);
            visit(&mut mail.unwanted);
        }
    }
}
