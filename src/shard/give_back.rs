//! Memory of topics that are gone: tables that are nearly empty are made small, once a turn.

use crate::handler::Handler;
use crate::shard::core::ShardCore;
use crate::shard::inner::Inner;
use crate::topic::tables::GiveBack;

impl<H: Handler> ShardCore<H> {
    pub(super) fn shrink_tables(&mut self) {
        self.rooms.slots.give_back();
        self.inner.each_table(|table| table.give_back());
    }

    /// Entries that the tables of topics have memory for.
    #[cfg(any(test, feature = "internals"))]
    #[doc(hidden)]
    pub fn table_entries(&mut self) -> usize {
        let mut entries = self.rooms.slots.entries();
        self.inner.each_table(|table| entries += table.entries());
        entries
    }
}

impl<D, A> Inner<D, A> {
    /// Calls `visit` with each table that grows with the number of topics.
    fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        self.topics.tables().into_iter().for_each(&mut visit);
        self.onces.tables().into_iter().for_each(&mut visit);
        visit(self.homes.table());
        visit(&mut self.feeds);
        visit(&mut self.walks);
        visit(&mut self.fading);
        visit(&mut self.room_work);
        for mail in &mut self.mail {
            visit(&mut mail.wanted);
            visit(&mut mail.unwanted);
        }
    }
}
