//! Until when deadlines of clients have passed: not before what they sent in time has been seen.

use std::time::Duration;

use crate::limits::{EVENTS_PER_POLL, GAP_MIN, GRACE_MAX};
use crate::time::Now;

/// What the poll before a turn told of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Polled {
    /// There may be more than it told of.
    pub is_full: bool,
    /// For so long the shard did not run although it would have.
    pub gap: Duration,
}

/// Until when deadlines have passed.
///
/// After a stop, a pause of the machine or a long turn, input waits in the kernel, and one poll
/// reports a limited number of connections. They are reported in the order in which they became
/// ready (`epoll_wait(2)`), so all that were ready at the first of several full polls have been
/// reported after as many polls as all connections need.
#[derive(Debug, Default)]
pub(crate) struct Grace {
    /// Deadlines have passed until then; in `before`, they had when the turn began.
    until: Now,
    before: Now,
    /// Since when polls have been full, and how many more may be.
    pass: Option<(Now, usize)>,
    /// No client is late before this: what waits for us needs an answer first, or is sent again.
    holds_until: Now,
    /// For how long that was, if no deadline has passed since.
    grace: Duration,
}

impl Grace {
    /// A turn begins before which all that there is has been told of, unless `note` says otherwise.
    pub(crate) fn begin_turn(&mut self, now: Now) {
        self.before = self.until;
        self.until = now;
    }

    /// Until when deadlines have passed.
    pub(crate) fn until(&self) -> Now {
        self.until
    }

    /// Notes a poll that returned `now`, when there were so many connections.
    pub(crate) fn note(&mut self, polled: Polled, connections: usize, now: Now) {
        // A shard that is busy for ever in turns of the same length has one grace, not one after
        // the other: clients that keep it busy would never be late. A stop is longer than that.
        if GAP_MIN <= polled.gap && 2 * self.grace <= polled.gap {
            self.grace = polled.gap.min(GRACE_MAX);
            self.holds_until = self.holds_until.max(now.plus(self.grace));
        }
        let seen = match self.pass.take() {
            _ if !polled.is_full => now,
            Some((began, 0)) => began,
            pass => {
                let pass = pass.map(|(began, left)| (began, left - 1));
                self.pass = pass.or(Some((now, connections / EVENTS_PER_POLL + 1)));
                self.before
            }
        };
        self.until = if now < self.holds_until {
            self.before
        } else {
            self.before.max(seen)
        };
        if self.before < self.until {
            self.grace = Duration::ZERO;
        }
    }

    /// When the next deadline is to be looked at that is due then.
    pub(crate) fn put_off(&self, due: Now) -> Now {
        due.max(self.holds_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Now {
        Now::from_millis(millis)
    }

    /// What deadlines have passed after a turn that begins with this.
    fn turn(grace: &mut Grace, polled: Polled, millis: u64) -> u64 {
        grace.begin_turn(at(millis));
        grace.note(polled, 2 * EVENTS_PER_POLL, at(millis));
        grace.until().millis()
    }

    #[test]
    fn time_passes_when_a_poll_has_told_all_or_as_many_as_there_are_connections() {
        let mut grace = Grace::default();
        let full = Polled {
            is_full: true,
            gap: Duration::ZERO,
        };
        assert_eq!(turn(&mut grace, Polled::default(), 10), 10);
        let polls = [20, 21, 22, 23, 24, 25].map(|millis| turn(&mut grace, full, millis));
        assert_eq!(polls, [10, 10, 10, 10, 20, 20]);
        assert_eq!(turn(&mut grace, Polled::default(), 26), 26);
    }

    #[test]
    fn no_client_is_late_for_as_long_as_the_shard_was_away() {
        let mut grace = Grace::default();
        turn(&mut grace, Polled::default(), 3_000);
        let away = Polled {
            is_full: false,
            gap: Duration::from_secs(2),
        };
        assert_eq!(turn(&mut grace, away, 5_000), 3_000);
        assert_eq!(grace.put_off(at(4_000)), at(7_000));
        assert_eq!(turn(&mut grace, Polled::default(), 6_999), 3_000);
        assert_eq!(turn(&mut grace, Polled::default(), 7_000), 7_000);
        let long = Polled {
            gap: Duration::from_secs(100_000),
            ..away
        };
        turn(&mut grace, long, 10_000);
        assert_eq!(grace.put_off(at(0)), at(10_000).plus(GRACE_MAX));
    }

    #[test]
    fn a_shard_that_is_busy_for_ever_has_deadlines_nevertheless() {
        for is_full in [false, true] {
            let mut grace = Grace::default();
            turn(&mut grace, Polled::default(), 1_000);
            let busy = Polled {
                is_full,
                gap: GAP_MIN,
            };
            let turns = (3..103).map(|n| turn(&mut grace, busy, n * 500));
            let mut judged: Vec<u64> = turns.collect();
            let last = *judged.last().unwrap();
            judged.dedup();
            assert!(10 < judged.len() && 45_000 < last, "{judged:?}");
        }
    }

    #[test]
    fn a_stop_within_the_time_after_a_shorter_one_has_its_own() {
        let mut grace = Grace::default();
        turn(&mut grace, Polled::default(), 3_000);
        for (gap, millis) in [(1, 4_000), (5, 9_500)] {
            let away = Polled {
                is_full: false,
                gap: Duration::from_secs(gap),
            };
            assert_eq!(turn(&mut grace, away, millis), 3_000);
        }
        assert_eq!(turn(&mut grace, Polled::default(), 14_499), 3_000);
        assert_eq!(turn(&mut grace, Polled::default(), 14_500), 14_500);
    }
}
