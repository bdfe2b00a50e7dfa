//! What a shard counts, and the snapshot that other threads may read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::close_reason::CloseReason;
use crate::listed::listed;

macro_rules! counters {
    (
        numbers { $($(#[$doc:meta])* $name:ident),* $(,)? }
        arrays { $($(#[$array_doc:meta])* $array:ident: $len:expr),* $(,)? }
    ) => {
        /// What one shard, or all of them together, has counted since the start.
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

        /// A copy of a shard's counters that it renews every turn, on cache lines of its own.
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
            /// Renews the copy.
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
        /// Connections there are.
        connections,
        /// Topics with subscribers, counted on each shard that has some.
        topics,
        /// Connections taken from listeners, those to be turned away among them.
        accepted,
        /// Connections accepted by the handler.
        opened,
        /// HTTP requests answered, upgrades and streams of events aside.
        requests,
        /// Messages that clients sent.
        messages_in,
        /// Payload bytes that clients sent.
        bytes_in,
        /// Messages for clients: one for each subscriber, and each sent to one connection.
        /// [`skipped`](Self::skipped) tells how many of them were left out later.
        messages_out,
        /// Bytes that sockets took, frames and heads with them.
        bytes_out,
        /// Writes to sockets that took something.
        writes,
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
        /// Connections that wait now: for room, or for another thread's answer.
        paused,
        /// Pings sent, and heartbeats of streams.
        pings,
        /// Bytes of frames kept for those who are behind.
        backlog_bytes,
        /// Bytes of replies that clients have not read.
        replies_bytes,
        /// Bytes of messages and bodies that have not come whole.
        assembly_bytes,
        /// Bytes of messages that wait to be taken.
        waiting_bytes,
        /// Bytes of TLS that are no plaintext yet, or not sent.
        tls_bytes,
        /// Bytes that all these may be together.
        memory_budget_bytes,
        /// Ticks of shards and rooms that were late by a period or more and left out.
        ticks_skipped,
        /// Accepts that failed for want of descriptors or memory.
        accept_errors,
        /// TLS handshakes that succeeded.
        tls_handshakes,
        /// Those of them that a ticket of an earlier connection spared most of.
        tls_resumptions,
        /// Time that all turns took, in nanoseconds: from the poll's end to the turn's.
        turn_nanos,
    }
    arrays {
        /// Connections ended, by [`CloseReason::index`].
        closed: CloseReason::COUNT,
        /// Requests refused, by [`status_index`].
        refused: STATUSES.len() + 1,
        /// Times that a limit was met, by [`Limit::index`].
        limited: Limit::COUNT,
        /// Turns by how long they took; see [`turn_bound`]. The last are those beyond all bounds.
        turns: TURN_BOUNDS + 1,
    }
}

/// A limit of the server whose meeting is counted, where no close reason tells of it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// A connection was refused: the shard or the server has as many as it may.
    Connections,
    /// A connection was ended: the shard keeps too many bytes of unfinished messages.
    Assembly,
    /// A connection was ended: the shard keeps too many bytes for those who are behind.
    Backlog,
    /// A connection was ended that did not read its replies, or a message or pong was not sent: the
    /// shard keeps too many bytes of replies.
    Replies,
    /// A connection was read no further, or missed a message or a pong: it reads its replies too
    /// slowly.
    Outbox,
    /// A subscription was refused: the connection has as many as it may.
    Subscriptions,
    /// An answer was the last on its connection, which has had as many as it may.
    Requests,
    /// A request was refused: its page's origin may not ask.
    Origin,
    /// A connection was refused: its address has as many as it may.
    Address,
    /// Accepting waited for its rate.
    AcceptRate,
    /// A message waited for the rate of its connection.
    RateWait,
    /// A message beyond the rate of its connection went nowhere.
    RateDrop,
    /// A message was not taken in this turn, which had no time left to compress it.
    CompressTime,
    /// A compressed message was not taken in this turn, which had no time left to inflate it.
    InflateTime,
    /// A request with a body was not offered in this turn, which had no time left for it.
    BodyTime,
}

listed! {
    /// All of them, by [`index`](Self::index).
    pub const ALL: Limit = {
        Connections => "connections",
        Assembly => "assembly",
        Backlog => "backlog",
        Replies => "replies",
        Outbox => "outbox",
        Subscriptions => "subscriptions",
        Requests => "requests",
        Origin => "origin",
        Address => "address",
        AcceptRate => "accept_rate",
        RateWait => "rate_wait",
        RateDrop => "rate_drop",
        CompressTime => "compress_time",
        InflateTime => "inflate_time",
        BodyTime => "body_time",
    }
}

impl Limit {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();
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
    /// Counts a turn that took so long.
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
    fn every_limit_has_its_place_and_its_label() {
        for (index, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit.index(), index);
            let same = |other: &Limit| other.label() == limit.label();
            assert_eq!(Limit::ALL.iter().filter(|other| same(other)).count(), 1);
        }
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
