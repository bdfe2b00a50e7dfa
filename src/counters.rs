//! The counters of a shard, and the snapshot that other threads may read.

mod histogram;
mod limit;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::close_reason::CloseReason;
pub use crate::counters::histogram::{Bounds, DELIVERY_MICROS, FANOUT_SUBSCRIBERS, TURN_MICROS};
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
        /// Messages of shared topics given to the backplane, to be ordered.
        outward,
        /// Messages of shared topics that came from it in their order.
        inward,
        /// Shared topics at home on the shard that are attached, or are to be.
        attached,
        /// Shared topics whose subscribers wait for the backplane.
        attaching,
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
        /// Connections whose sockets take no more for now: their clients are behind.
        blocked,
        /// Messages of other shards and threads that the last turn has left in the lanes.
        mail_waiting,
        /// Entries of the timer wheel.
        timers,
        /// Bytes of messages before they were compressed.
        compressed_from,
        /// The same after that.
        compressed_to,
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
        /// Subscribers that messages had on the shard, all together.
        fanout_subscribers,
        /// The durations of `deliveries`, all together.
        delivery_micros,
        /// The same of `skews`.
        skew_micros,
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
        /// Turns by duration in microseconds.
        turns: TURN_MICROS.places(),
        /// Messages by the number of their subscribers on the shard.
        fanouts: FANOUT_SUBSCRIBERS.places(),
        /// Passes over the subscribers of a topic by the microseconds from the place of their
        /// oldest message in the order to the end of the turn with the last write.
        deliveries: DELIVERY_MICROS.places(),
        /// The same passes by the microseconds from the beginning of the turn with the first write
        /// to the end of that with the last.
        skews: DELIVERY_MICROS.places(),
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

impl Counters {
    /// Counts that a limit was met.
    pub(crate) fn hit(&mut self, limit: Limit) {
        self.limited[limit.index()] += 1;
    }

    /// Counts a turn of this duration.
    pub(crate) fn count_turn(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.turns[TURN_MICROS.place(nanos.div_ceil(1_000))] += 1;
        self.turn_nanos = self.turn_nanos.saturating_add(nanos);
    }

    /// Counts a message with so many subscribers on the shard.
    #[inline]
    pub(crate) fn count_fanout(&mut self, subscribers: u64) {
        self.fanouts[FANOUT_SUBSCRIBERS.place(subscribers)] += 1;
        self.fanout_subscribers += subscribers;
    }

    /// Counts so many passes that took as many microseconds.
    pub(crate) fn count_passes(&mut self, delivery: u64, skew: u64, count: u64) {
        self.deliveries[DELIVERY_MICROS.place(delivery)] += count;
        self.delivery_micros += delivery * count;
        self.skews[DELIVERY_MICROS.place(skew)] += count;
        self.skew_micros += skew * count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_counted_by_its_started_microseconds() {
        let mut counters = Counters::default();
        counters.count_turn(Duration::ZERO);
        counters.count_turn(Duration::from_micros(16));
        assert_eq!(counters.turns[0], 2);
        counters.count_turn(Duration::from_nanos(16_001));
        assert_eq!(counters.turns[1], 1);
        counters.count_turn(Duration::from_secs(3_600));
        assert_eq!(counters.turns[TURN_MICROS.places() - 1], 1);
        assert_eq!(counters.turn_nanos, 3_600_000_032_001);
    }

    #[test]
    fn passes_are_counted_in_both_histograms() {
        let mut counters = Counters::default();
        counters.count_passes(64, 65, 3);
        assert_eq!((counters.deliveries[0], counters.skews[1]), (3, 3));
        assert_eq!((counters.delivery_micros, counters.skew_micros), (192, 195));
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
