//! Memory of topics and connections that are gone: tables that are nearly empty are made small,
//! once a turn.

use crate::handler::Handler;
use crate::shard::core::ShardCore;
use crate::topic::tables::GiveBack;

impl<H: Handler> ShardCore<H> {
    pub(in crate::shard::core) fn shrink_tables(&mut self) {
        let mut released = self.rooms.slots.give_back();
        self.each_table(|table| released += table.give_back());
        self.shard.conns.give_back_began();
        self.shard.pubsub.note_released(released);
        // A large one gives back a part in each turn.
        self.shard.env.moved |= released != 0;
    }

    /// Whether so much was given back to the allocator that it is to give it back to the host: it
    /// keeps what is free between what is not.
    pub fn take_release(&mut self) -> bool {
        self.shard.pubsub.take_release(self.shard.env.now)
    }

    /// Entries that the tables of topics have memory for.
    #[cfg(any(test, feature = "internals"))]
    #[doc(hidden)]
    pub fn table_entries(&mut self) -> usize {
        let mut entries = self.rooms.slots.entries();
        self.each_table(|table| entries += table.entries());
        self.shard
            .pubsub
            .each_queue(|queue| entries += queue.entries());
        entries
    }

    /// Calls `visit` with each table that grows with the number of topics or connections.
    fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        self.shard.pubsub.each_table(&mut visit);
        visit(self.shard.conns.table());
        visit(self.shard.conns.users.table());
    }
}
