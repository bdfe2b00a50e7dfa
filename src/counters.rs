//! The counters of a shard, and the snapshot that other threads may read.

mod limit;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::close_reason::CloseReason;
pub use crate::counters::limit::Limit;
use crate::denial::Denial;

macro_rules! counters {
    (
        numbers { $($(#[$doc:meta])* $name:ident),* $(,)? }
        arrays { $($(#[$array_doc:meta])* $array:ident: $len:expr),* $(,)? }
    ) => {
        /// The counters of one shard, or of all shards together, since the start.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
            $($(#[$array_doc])* pub $array: [u64; $len],)*
        }

        impl Default for Counters {
            fn default() -> Self {
                Self { $($name: 0,)* $($array: [0; $len],)* }
            }
        }

        /// A copy of a shard's counters, updated every turn, on cache lines of its own.
        #[derive(Debug)]
        #[repr(align(128))]
        pub struct Snapshot {
            $($name: AtomicU64,)*
            $($array: [AtomicU64; $len],)*
        }

        impl Default for Snapshot {
            fn default() -> Self {
                Self {
                    $($name: AtomicU64::new(0),)*
                    $($array: [const { AtomicU64::new(0) }; $len],)*
                }
            }
        }

        impl Snapshot {
            /// Updates the copy.
            pub(crate) fn store(&self, counters: &Counters) {
                $(self.$name.store(counters.$name, Ordering::Relaxed);)*
                $(for (copy, &count) in self.$array.iter().zip(&counters.$array) {
                    copy.store(count, Ordering::Relaxed);
                })*
            }

            /// Adds the copy to `sum`.
            pub(crate) fn add_to(&self, sum: &mut Counters) {
                $(sum.$name += self.$name.load(Ordering::Relaxed);)*
                $(for (sum, copy) in sum.$array.iter_mut().zip(&self.$array) {
                    *sum += copy.load(Ordering::Relaxed);
                })*
            }
        }
    };
}

counters! {
    numbers {
        /// Open connections.
        connections,
        /// Topics with subscribers on the shard.
        topics,
        /// Patterns with subscribers on the shard.
        patterns,
        /// Accepted connections, including those refused afterwards.
        accepted,
        /// Connections opened: the handler has admitted them, and the home of their user.
        opened,
        /// HTTP requests answered, without upgrades and event streams.
        requests,
        /// Messages received from clients.
        messages_in,
        /// Payload bytes received from clients.
        bytes_in,
        /// Messages for clients: one for each subscriber, and one for each sent to a single
        /// connection. [`skipped`](Self::skipped) counts those of them that were left out later.
        messages_out,
        /// Bytes that sockets took, including frame headers and HTTP heads.
        bytes_out,
        /// Writes in which the socket took at least one byte.
        writes,
        /// Messages published on the shard.
        published,
        /// Messages that got their place in a topic's order on this shard.
        ordered,
        /// Messages that got none, because a newer one superseded them before their topic's tick.
        superseded,
        /// Writes made by walks. Fewer than messages if several went out in one write.
        walk_sends,
        /// Writes that the socket did not take completely.
        short_writes,
        /// Messages that subscribers missed because they were behind.
        skipped,
        /// Messages that the wire form of some subscribers cannot carry.
        not_carried,
        /// Pages of history sent to subscribers.
        pages,
        /// Times that a subscriber lacked messages that the history had no more.
        gaps,
        /// Times that the shard stopped reading a connection.
        pauses,
        /// Connections not read now: they wait for space, or for another thread's answer.
        paused,
        /// Pings sent, and heartbeats of event streams.
        pings,
        /// Bytes of frames kept for subscribers that are behind.
        backlog_bytes,
        /// Bytes of replies that clients have not read.
        replies_bytes,
        /// Bytes of incomplete messages and bodies.
        assembly_bytes,
        /// Bytes of complete messages that wait to be processed.
        waiting_bytes,
        /// Bytes of TLS records that are incomplete, or encrypted and not sent.
        tls_bytes,
        /// Bytes of the histories of topics: messages with their keys and tags, and positions.
        history_bytes,
        /// Messages in histories of topics.
        history_messages,
        /// Topics whose position is kept.
        history_topics,
        /// Bytes of the clients of topics with presence.
        presence_bytes,
        /// The limit of all these bytes together.
        memory_budget_bytes,
        /// Ticks of shards and rooms left out because they were late by a period or more.
        ticks_skipped,
        /// Accepts that failed because file descriptors or memory ran out.
        accept_errors,
        /// Successful TLS handshakes.
        tls_handshakes,
        /// Successful TLS handshakes that resumed an earlier session with a ticket.
        tls_resumptions,
        /// Duration of all turns together, in nanoseconds, from the end of the poll to that of the
        /// turn.
        turn_nanos,
    }
    arrays {
        /// Connections that ended, by [`CloseReason::index`].
        closed: CloseReason::COUNT,
        /// Requests refused, by [`status_index`].
        refused: STATUSES.len() + 1,
        /// Clients that were not admitted, or not permitted what they asked for, by
        /// [`Denial::index`].
        denied: Denial::COUNT,
        /// Times that a limit took effect, by [`Limit::index`].
        limited: Limit::COUNT,
        /// Turns by duration; see [`turn_bound`]. The last number counts those beyond all bounds.
        turns: TURN_BOUNDS + 1,
    }
}

/// Statuses of refused requests that have a counter of their own; the others share one.
pub const STATUSES: [u16; 18] = [
    400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 417, 426, 429, 431, 500, 501, 503, 505,
];

/// The place of a status in [`Counters::refused`].
pub fn status_index(status: u16) -> usize {
    let known = STATUSES.iter().position(|&known| known == status);
    known.unwrap_or(STATUSES.len())
}

/// How many bounds [`Counters::turns`] has: 16 µs and its doubles, up to 1.05 s.
pub const TURN_BOUNDS: usize = 17;

/// The longest turn that is counted at `index` of [`Counters::turns`].
pub fn turn_bound(index: usize) -> Duration {
    Duration::from_micros(TURN_BOUND_MICROS << index.min(TURN_BOUNDS))
}

impl Counters {
    /// Counts that a limit was met.
    pub(crate) fn hit(&mut self, limit: Limit) {
        self.limited[limit.index()] += 1;
    }

    /// Counts a turn of this duration.
    pub(crate) fn count_turn(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let parts = nanos.div_ceil(1_000).div_ceil(TURN_BOUND_MICROS).max(1);
        let index = parts.next_power_of_two().trailing_zeros() as usize;
        self.turns[index.min(TURN_BOUNDS)] += 1;
        self.turn_nanos = self.turn_nanos.saturating_add(nanos);
    }
}

/// The first bound.
const TURN_BOUND_MICROS: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_counted_below_the_first_bound_that_holds_it() {
        for index in 0..TURN_BOUNDS {
            let bound = turn_bound(index);
            let mut counters = Counters::default();
            counters.count_turn(bound);
            assert_eq!(counters.turns[index], 1, "{bound:?}");
            counters.count_turn(bound + Duration::from_nanos(1));
            assert_eq!(counters.turns[index + 1], 1, "over {bound:?}");
        }
        let mut counters = Counters::default();
        counters.count_turn(Duration::ZERO);
        assert_eq!(counters.turns[0], 1);
        counters.count_turn(Duration::from_secs(3_600));
        assert_eq!(counters.turns[TURN_BOUNDS], 1);
        assert_eq!(counters.turn_nanos, 3_600_000_000_000);
    }

    #[test]
    fn a_snapshot_carries_all_there_is() {
        let mut counters = Counters {
            accepted: 1,
            ..Counters::default()
        };
        counters.closed[CloseReason::COUNT - 1] = 2;
        counters.refused[status_index(404)] = 3;
        counters.refused[status_index(999)] = 4;
        counters.count_turn(Duration::from_secs(1));
        let snapshot = Snapshot::default();
        snapshot.store(&counters);
        let mut sum = Counters::default();
        snapshot.add_to(&mut sum);
        assert_eq!(sum, counters);
        assert_eq!(sum.refused[STATUSES.len()], 4);
    }
}
