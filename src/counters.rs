//! What a shard counts, and the snapshot that other threads may read.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::close_reason::CloseReason;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What one shard, or all of them together, has counted since the start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
            /// Connections ended, by [`CloseReason::index`].
            pub closed: [u64; CloseReason::COUNT],
        }

        /// A copy of a shard's counters that it renews every turn, on cache lines of its own.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct Snapshot {
            $($name: AtomicU64,)*
            closed: [AtomicU64; CloseReason::COUNT],
        }

        impl Snapshot {
            /// Renews the copy.
            pub(crate) fn store(&self, counters: &Counters) {
                $(self.$name.store(counters.$name, Ordering::Relaxed);)*
                for (copy, &count) in self.closed.iter().zip(&counters.closed) {
                    copy.store(count, Ordering::Relaxed);
                }
            }

            /// Adds the copy to `sum`.
            pub(crate) fn add_to(&self, sum: &mut Counters) {
                $(sum.$name += self.$name.load(Ordering::Relaxed);)*
                for (sum, copy) in sum.closed.iter_mut().zip(&self.closed) {
                    *sum += copy.load(Ordering::Relaxed);
                }
            }
        }
    };
}

counters! {
    /// Connections there are.
    connections,
    /// Topics with subscribers, counted on each shard that has some.
    topics,
    /// Connections accepted by the handler.
    opened,
    /// Messages that clients sent.
    messages_in,
    /// Payload bytes that clients sent.
    bytes_in,
    /// Messages published on the shard.
    published,
    /// Messages given their place in a topic's order by the shard.
    ordered,
    /// Sends made by walks over topics; fewer than deliveries where messages piled up.
    walk_sends,
    /// Writes that the socket did not take whole.
    short_writes,
    /// Messages that subscribers missed because they were behind.
    skipped,
    /// Messages that the wire form of some subscribers cannot carry.
    not_carried,
    /// Times that a publisher had to wait for room.
    pauses,
    /// Pings sent.
    pings,
    /// Bytes of frames kept for those who are behind.
    backlog_bytes,
    /// Connections refused because the shard is at its limit.
    overflowed,
    /// Ticks of shards and rooms that were late by a period or more and left out.
    ticks_skipped,
    /// Accepts that failed for want of descriptors or memory.
    accept_errors,
}
