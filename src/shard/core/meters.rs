//! What each connection may send in a while: messages and bytes by token buckets.

use crate::config::{BeyondRate, Config};
use crate::id::ConnKey;
use crate::time::{Bucket, Now, Rate};

/// The buckets of a shard's connections.
#[derive(Debug)]
pub(crate) struct Meters {
    messages: Option<Rate>,
    bytes: Option<Rate>,
    beyond: BeyondRate,
    /// By the key of the connection; empty if there is no rate.
    of: Vec<Meter>,
}

/// What is left of the rates of one connection.
#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    messages: Bucket,
    bytes: Bucket,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Pass,
    /// It is kept until then.
    Wait(Now),
    /// It is dropped.
    Drop,
    /// It ends the connection.
    Close,
}

impl Meters {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            messages: config.message_rate,
            bytes: config.byte_rate,
            beyond: config.beyond_rate,
            of: Vec::new(),
        }
    }

    /// The rates are these from now on, also of the connections that are open: so many have a key.
    pub(crate) fn set(&mut self, config: &Config, connections: usize) {
        let of = std::mem::take(&mut self.of);
        *self = Self {
            of,
            ..Self::new(config)
        };
        if self.has_none() {
            self.of = Vec::new();
        } else if self.of.len() < connections {
            self.of.resize(connections, Meter::default());
        }
    }

    fn has_none(&self) -> bool {
        self.messages.is_none() && self.bytes.is_none()
    }

    /// A new connection has this key.
    pub(crate) fn begin(&mut self, key: ConnKey) {
        if self.has_none() {
            return;
        }
        let key = key.index();
        if self.of.len() <= key {
            self.of.resize(key + 1, Meter::default());
        }
        self.of[key] = Meter::default();
    }

    /// So many messages of `len` bytes together have come.
    pub(crate) fn judge(&mut self, key: ConnKey, messages: usize, len: usize, now: Now) -> Verdict {
        let Some(meter) = self.of.get_mut(key.index()) else {
            return Verdict::Pass;
        };
        // A message that does not pass is not paid for, unless it only waits.
        let mut after = *meter;
        let message_at = self.messages.map_or(now, |rate| {
            // One after the other: a full bucket lets any number at once through.
            after
                .messages
                .reserve(rate, messages.saturating_sub(1), now);
            after.messages.reserve(rate, 1, now)
        });
        let bytes_at = self
            .bytes
            .map_or(now, |rate| after.bytes.reserve(rate, len, now));
        let passes_at = message_at.max(bytes_at);
        let verdict = match self.beyond {
            _ if passes_at <= now => Verdict::Pass,
            BeyondRate::Wait => Verdict::Wait(passes_at),
            BeyondRate::Drop => Verdict::Drop,
            BeyondRate::Close => Verdict::Close,
        };
        if matches!(verdict, Verdict::Pass | Verdict::Wait(_)) {
            *meter = after;
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meters(beyond: BeyondRate, messages: Option<u32>, bytes: Option<u32>) -> Meters {
        let config = Config {
            message_rate: messages.and_then(Rate::per_second),
            byte_rate: bytes.and_then(Rate::per_second),
            beyond_rate: beyond,
            ..Config::default()
        };
        let mut meters = Meters::new(&config);
        meters.begin(ConnKey(0));
        meters
    }

    fn at(millis: u64) -> Now {
        Now::from_millis(millis)
    }

    #[test]
    fn without_a_rate_all_passes_and_nothing_is_kept() {
        let mut meters = meters(BeyondRate::Close, None, None);
        assert_eq!(
            meters.judge(ConnKey(0), 1, usize::MAX, at(0)),
            Verdict::Pass
        );
        assert!(meters.of.is_empty());
    }

    #[test]
    fn a_message_that_waits_has_paid_and_one_that_is_dropped_has_not() {
        let mut waits = meters(BeyondRate::Wait, Some(2), None);
        let verdicts = [0; 4].map(|_| waits.judge(ConnKey(0), 1, 1, at(0)));
        let waiting = [500, 1000].map(|millis| Verdict::Wait(at(millis)));
        assert_eq!(
            verdicts,
            [Verdict::Pass, Verdict::Pass, waiting[0], waiting[1]]
        );
        let mut drops = meters(BeyondRate::Drop, Some(2), None);
        let passes = [0, 0, 0, 499, 500, 500]
            .map(|millis| drops.judge(ConnKey(0), 1, 1, at(millis)) == Verdict::Pass);
        assert_eq!(passes, [true, true, false, false, true, false]);
    }

    #[test]
    fn the_stricter_rate_counts_and_the_other_is_not_charged_for_nothing() {
        let mut meters = meters(BeyondRate::Drop, Some(3), Some(100));
        assert_eq!(meters.judge(ConnKey(0), 1, 60, at(0)), Verdict::Pass);
        assert_eq!(meters.judge(ConnKey(0), 1, 60, at(0)), Verdict::Drop);
        assert_eq!(meters.judge(ConnKey(0), 1, 40, at(0)), Verdict::Pass);
        assert_eq!(meters.judge(ConnKey(0), 1, 0, at(0)), Verdict::Pass);
        assert_eq!(meters.judge(ConnKey(0), 1, 0, at(0)), Verdict::Drop);
    }

    #[test]
    fn rates_that_are_set_later_hold_for_connections_that_are_open() {
        let mut meters = meters(BeyondRate::Wait, None, None);
        let drops = |messages: Option<u32>| Config {
            message_rate: messages.and_then(Rate::per_second),
            beyond_rate: BeyondRate::Drop,
            ..Config::default()
        };
        meters.set(&drops(Some(1)), 8);
        assert_eq!(meters.judge(ConnKey(0), 1, 1, at(0)), Verdict::Pass);
        assert_eq!(meters.judge(ConnKey(0), 1, 1, at(0)), Verdict::Drop);
        assert_eq!(meters.judge(ConnKey(7), 1, 1, at(0)), Verdict::Pass);
        meters.set(&drops(None), 8);
        assert_eq!(meters.judge(ConnKey(0), 1, 1, at(0)), Verdict::Pass);
        assert!(meters.of.is_empty());
    }

    #[test]
    fn a_new_connection_begins_with_full_buckets() {
        let mut meters = meters(BeyondRate::Close, Some(1), None);
        assert_eq!(meters.judge(ConnKey(0), 1, 1, at(0)), Verdict::Pass);
        assert_eq!(meters.judge(ConnKey(0), 1, 1, at(0)), Verdict::Close);
        meters.begin(ConnKey(0));
        assert_eq!(meters.judge(ConnKey(0), 1, 1, at(0)), Verdict::Pass);
    }
}
