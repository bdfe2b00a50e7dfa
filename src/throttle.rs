//! How often each client may open connections: a token bucket for each address and for each user,
//! which all shards share.

use core::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::cells::{Cell, Cells};
use crate::limits::{THROTTLE_CELLS_MAX, THROTTLE_CELLS_MIN, THROTTLE_TRIES};
use crate::time::{Now, Rate};

/// The throttles of a server, where its configuration has them.
#[derive(Debug, Default)]
pub struct Throttles {
    /// Openings of each client address, and as many credentials that are not accepted.
    pub addresses: Option<Throttle>,
    /// Openings of each user.
    pub users: Option<Throttle>,
}

/// A rate for each key, in memory of fixed size.
///
/// A cell has the time at which the bucket of its key is full again (the "theoretical arrival time"
/// of the generic cell rate algorithm). A full bucket is the same as none, so cells of clients that
/// open nothing are free without being freed. If a set has none, the bucket that is full first is
/// forgotten: so many clients at the same time make some of them faster, and none slower.
#[derive(Debug)]
pub struct Throttle {
    cells: Cells,
    /// Time for one opening; 0 where there is no rate any more.
    interval: AtomicU64,
    /// Time for all openings that may come at once.
    burst: AtomicU64,
}

impl Throttle {
    /// With place for as many keys at the same time as the server has connections, within limits.
    pub fn new(rate: Rate, connections: usize) -> Self {
        let cells = connections.clamp(THROTTLE_CELLS_MIN, THROTTLE_CELLS_MAX);
        let throttle = Self {
            cells: Cells::new(cells, CELLS_OF_SET, TIME_BITS),
            interval: AtomicU64::new(0),
            burst: AtomicU64::new(0),
        };
        throttle.set_rate(Some(rate));
        throttle
    }

    /// The rate of every key from now on, if there is any. What a key has opened before counts.
    pub fn set_rate(&self, rate: Option<Rate>) {
        let interval = rate.map_or(0, |rate| {
            UNITS_PER_SECOND.div_ceil(rate.per_second.get().into())
        });
        let burst = rate.map_or(0, |rate| rate.burst.get().into());
        let burst = interval.saturating_mul(burst).min(BURST_MAX);
        // A key that is asked for between the two has one of them for once.
        self.interval.store(interval, Ordering::Relaxed);
        self.burst.store(burst, Ordering::Relaxed);
    }

    /// Takes one opening of a key.
    ///
    /// # Errors
    ///
    /// The time until there is one.
    pub fn take(&self, key: &(impl Hash + ?Sized), now: Now) -> Result<(), Duration> {
        let now = now.millis().saturating_mul(UNITS_PER_MILLI);
        for _ in 0..THROTTLE_TRIES {
            let cell = self.cells.find(key);
            let full_at = self.after_one(&cell, now)?;
            if cell.put(full_at.min(self.cells.value_max())) {
                return Ok(());
            }
        }
        // Others have changed the cell each time: rather one too many than one refused wrongly.
        Ok(())
    }

    /// Whether a key has an opening, which stays there.
    ///
    /// # Errors
    ///
    /// The time until there is one.
    pub fn check(&self, key: &(impl Hash + ?Sized), now: Now) -> Result<(), Duration> {
        let now = now.millis().saturating_mul(UNITS_PER_MILLI);
        self.after_one(&self.cells.find(key), now).map(|_| ())
    }

    /// When the bucket of a cell is full again after one opening.
    fn after_one(&self, cell: &Cell<'_>, now: u64) -> Result<u64, Duration> {
        let begun = cell.value.unwrap_or(0).max(now);
        let interval = self.interval.load(Ordering::Relaxed);
        if interval == 0 {
            return Ok(begun);
        }
        let full_at = begun.saturating_add(interval);
        let burst = self.burst.load(Ordering::Relaxed);
        match full_at.saturating_sub(now).saturating_sub(burst) {
            0 => Ok(full_at),
            excess => Err(Duration::from_millis(excess.div_ceil(UNITS_PER_MILLI))),
        }
    }
}

/// A bit more than 15 µs each, so that rates up to some thousands a second are exact to a percent.
const UNITS_PER_MILLI: u64 = 64;
const UNITS_PER_SECOND: u64 = 1_000 * UNITS_PER_MILLI;
/// Times up to 8 years, and tags of 20 bits: with all cells in use, one key in 130,000 shares its
/// bucket with another.
const TIME_BITS: u32 = 44;
/// A set is a cache line.
const CELLS_OF_SET: usize = 8;
/// More than half a year; with any time of a server it fits into a cell.
const BURST_MAX: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::time::Bucket;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate {
            per_second: per_second.try_into().unwrap(),
            burst: burst.try_into().unwrap(),
        }
    }

    fn at(millis: u64) -> Now {
        Now::from_millis(millis)
    }

    #[test]
    fn a_burst_passes_at_once_and_then_one_at_a_time() {
        let throttle = Throttle::new(rate(10, 3), 0);
        for _ in 0..3 {
            assert_eq!(throttle.take("ann", at(1000)), Ok(()));
        }
        let wait = Duration::from_millis(100);
        assert_eq!(throttle.take("ann", at(1000)), Err(wait));
        assert_eq!(throttle.take("bob", at(1000)), Ok(()));
        assert_eq!(throttle.take("ann", at(1099)), Err(wait / 100));
        assert_eq!(throttle.take("ann", at(1100)), Ok(()));
        assert_eq!(throttle.take("ann", at(1100)), Err(wait));
    }

    #[test]
    fn a_rate_can_change_and_end() {
        let throttle = Throttle::new(rate(1, 1), 0);
        assert_eq!(throttle.take("ann", at(0)), Ok(()));
        assert!(throttle.take("ann", at(0)).is_err());
        throttle.set_rate(Some(rate(1, 2)));
        assert_eq!(throttle.take("ann", at(0)), Ok(()));
        assert!(throttle.take("ann", at(0)).is_err());
        throttle.set_rate(None);
        assert!((0..100).all(|_| throttle.take("ann", at(0)).is_ok()));
    }

    #[test]
    fn a_check_takes_nothing() {
        let throttle = Throttle::new(rate(10, 2), 0);
        for _ in 0..5 {
            assert_eq!(throttle.check("ann", at(1000)), Ok(()));
        }
        throttle.take("ann", at(1000)).unwrap();
        throttle.take("ann", at(1000)).unwrap();
        let wait = Duration::from_millis(100);
        assert_eq!(throttle.check("ann", at(1000)), Err(wait));
        assert_eq!(throttle.check("ann", at(1100)), Ok(()));
    }

    #[test]
    fn each_key_passes_as_with_a_bucket_of_its_own() {
        for seed in 1..=50_u64 {
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut next = |below: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % below
            };
            // Rates whose intervals are whole milliseconds, which the bucket rounds to.
            let per_second = [1, 2, 5, 10, 20, 50, 100, 1000][usize::try_from(next(8)).unwrap()];
            let rate = rate(per_second, u32::try_from(next(20)).unwrap() + 1);
            let throttle = Throttle::new(rate, 0);
            let mut model: HashMap<u64, Bucket> = HashMap::new();
            let mut now = at(next(1000));
            for _ in 0..2_000 {
                now = at(now.millis() + next(2) * next(2_000 / u64::from(per_second) + 2));
                let key = next(20);
                let expected = model.entry(key).or_default().take(rate, 1, now);
                let expected = expected.map_err(|passes| passes.since(now));
                assert_eq!(throttle.take(&key, now), expected, "seed {seed}");
            }
        }
    }

    #[test]
    fn many_keys_make_none_slower() {
        let throttle = Throttle::new(rate(1, 2), 0);
        for key in 0..10_000 {
            assert_eq!(throttle.take(&key, at(5)), Ok(()), "{key}");
        }
    }

    #[test]
    fn shards_share_the_buckets() {
        let throttle = Throttle::new(rate(1, 1000), 0);
        let passed: usize = std::thread::scope(|scope| {
            let take = || {
                (0..1000)
                    .filter(|_| throttle.take("ann", at(9)).is_ok())
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|all| all.join().unwrap()).sum()
        });
        // Each of these makes at most one try of each other thread fail, and what passes beyond
        // them has failed at all of its tries.
        let beyond_max = 3 * 1000 / THROTTLE_TRIES;
        assert!((1000..=1000 + beyond_max).contains(&passed), "{passed}");
    }

    #[test]
    fn nothing_overflows() {
        for rate in [rate(1, u32::MAX), rate(u32::MAX, 1), rate(1, 1)] {
            let throttle = Throttle::new(rate, usize::MAX);
            for now in [at(0), at(1 << 37), at(u64::MAX)] {
                assert_eq!(throttle.take("ann", now), Ok(()));
            }
        }
    }
}
