//! Messages that go out compressed: as many as a turn has time for.

use crate::counters::Limit;
use crate::shard::core::inner::Inner;
use crate::topic::feeds::feeds_of;

impl<D, A> Inner<D, A> {
    /// Whether the turn has time to compress a message of `len` bytes, if one of these feeds wants
    /// that; if not, the next one has, and comes at once.
    pub(crate) fn has_time_to_compress(&mut self, first_feed: u32, len: usize) -> bool {
        if self.work.has_time_to_compress() {
            return true;
        }
        let is_compressed = |key: u32| {
            let feed = self.feeds.get(key as usize);
            feed.is_some_and(|feed| {
                !feed.members.is_empty() && self.encoder.compresses(feed.form, len)
            })
        };
        let waits = feeds_of(&self.feeds, first_feed).any(is_compressed);
        if waits {
            self.moved = true;
            self.counters.hit(Limit::CompressTime);
        }
        !waits
    }
}
