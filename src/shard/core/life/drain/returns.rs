//! When the clients of a drained shard are to come back: spread over the time that it takes to
//! accept them.

use std::time::Duration;

use crate::id::ConnKey;
use crate::limits::{OPENS_ASSUMED, RETURN_AFTER, RETURN_WINDOW_MAX};
use crate::shard::core::life::deadlines::share_of;
use crate::time::{Now, Rate};

/// How fast a shard has opened connections, as far as that was seen.
#[derive(Debug, Default)]
pub(crate) struct OpenPace {
    since: Now,
    opened: u64,
    per_second: u64,
}

impl OpenPace {
    /// So many were opened up to now. A second in which the shard had more to open than it could is
    /// one of those with most.
    pub(crate) fn note(&mut self, opened: u64, now: Now) {
        let millis = now.since(self.since).as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        if millis < 1_000 {
            return;
        }
        let rate = opened.saturating_sub(self.opened).saturating_mul(1_000) / millis;
        self.per_second = self.per_second.max(rate);
        (self.since, self.opened) = (now, opened);
    }

    /// The time in which so many connections can be opened again: as fast as is `allowed`, or as
    /// was seen.
    pub(crate) fn window(&self, connections: usize, allowed: Option<Rate>) -> Duration {
        let seen = self.per_second.max(OPENS_ASSUMED);
        let rate = allowed.map_or(seen, |rate| rate.per_second.get().into());
        let millis = (connections as u64).saturating_mul(1_000) / rate.max(1);
        Duration::from_millis(millis).min(RETURN_WINDOW_MAX)
    }
}

/// How long the client of a connection waits before it comes back, each its own time of the window.
pub(crate) fn return_after(key: ConnKey, window: Duration) -> Duration {
    RETURN_AFTER + window / 256 * share_of(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_fastest_second_that_was_seen() {
        let mut pace = OpenPace::default();
        let at = |millis| Now::from_millis(millis);
        let assumed = pace.window(2_000, None);
        assert_eq!(assumed, Duration::from_secs(1));
        pace.note(500, at(500));
        pace.note(20_000, at(1_000));
        pace.note(20_001, at(60_000));
        assert_eq!(pace.window(100_000, None), Duration::from_secs(5));
        let allowed = Rate::per_second(100_000);
        assert_eq!(pace.window(100_000, allowed), Duration::from_secs(1));
        assert_eq!(pace.window(usize::MAX, None), RETURN_WINDOW_MAX);
    }

    #[test]
    fn clients_come_back_over_all_of_the_window() {
        let window = Duration::from_secs(30);
        let mut seconds = [0; 31];
        for key in 0..30_000 {
            let after = return_after(ConnKey(key), window) - RETURN_AFTER;
            assert!(after < window);
            seconds[usize::try_from(after.as_secs()).unwrap()] += 1;
        }
        for (second, count) in seconds[..30].iter().enumerate() {
            assert!((800..1_200).contains(count), "{second}: {count}");
        }
    }
}
