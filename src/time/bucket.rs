//! A token bucket: a rate on average, and a burst at once.

use core::num::NonZeroU32;

use crate::time::Now;

/// A rate with a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The average amount in one second.
    pub per_second: NonZeroU32,
    /// The amount that may pass at once after a pause. Waits end on a tick of 64 ms, so a burst
    /// below an eighth of a second's amount makes the average lower than the rate.
    pub burst: NonZeroU32,
}

/// The state of a rate in 8 bytes. It needs no work while nothing passes.
///
/// The state is the time at which the bucket is full again. An amount larger than the whole burst
/// passes when the bucket is full, and the bucket then refills correspondingly later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// In nanoseconds since the shard started. A time in the past means full.
    full_at: u64,
}

impl Rate {
    /// `count` in a second, and the same as burst; `None` for 0.
    pub const fn per_second(count: u32) -> Option<Self> {
        match NonZeroU32::new(count) {
            Some(count) => Some(Self {
                per_second: count,
                burst: count,
            }),
            None => None,
        }
    }

    /// One of `parts` equal parts of the rate. A part is never 0.
    #[must_use]
    pub fn share(self, parts: u16) -> Self {
        let part = |whole: NonZeroU32| {
            let part = whole.get().div_ceil(u32::from(parts).max(1));
            NonZeroU32::new(part).unwrap_or(NonZeroU32::MIN)
        };
        Self {
            per_second: part(self.per_second),
            burst: part(self.burst),
        }
    }

    /// The time that `count` takes at this rate, in whole nanoseconds. The sum of parts never
    /// exceeds the whole, so a burst passes however it is divided.
    fn time_of(self, count: usize) -> u64 {
        let nanos = count as u128 * NANOS_PER_SECOND / u128::from(self.per_second.get());
        nanos.try_into().unwrap_or(u64::MAX)
    }
}

impl Bucket {
    /// Takes `count` out of the bucket if it contains them.
    ///
    /// # Errors
    ///
    /// The time at which it will contain them; then nothing is taken.
    pub fn take(&mut self, rate: Rate, count: usize, now: Now) -> Result<(), Now> {
        let reserved = self.reserved(rate, count, now);
        let passes_at = self.passes_at(rate, count, now);
        if now < passes_at {
            return Err(passes_at);
        }
        *self = reserved;
        Ok(())
    }

    /// Takes `count` out in any case, and returns the time at which they may pass: now if the
    /// bucket contains them.
    pub fn reserve(&mut self, rate: Rate, count: usize, now: Now) -> Now {
        let passes_at = self.passes_at(rate, count, now);
        *self = self.reserved(rate, count, now);
        passes_at
    }

    fn passes_at(self, rate: Rate, count: usize, now: Now) -> Now {
        let burst = rate.burst.get() as usize;
        let spare = rate.time_of(burst.saturating_sub(count));
        let passes_at = self.full_at.saturating_sub(spare);
        Now::from_millis(passes_at.div_ceil(NANOS_PER_MILLI)).max(now)
    }

    fn reserved(self, rate: Rate, count: usize, now: Now) -> Self {
        let begun = self
            .full_at
            .max(now.millis().saturating_mul(NANOS_PER_MILLI));
        let full_at = begun.saturating_add(rate.time_of(count));
        Self { full_at }
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;
const NANOS_PER_MILLI: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate {
            per_second: NonZeroU32::new(per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    fn at(millis: u64) -> Now {
        Now::from_millis(millis)
    }

    #[test]
    fn a_burst_passes_at_once_and_then_one_at_a_time() {
        let rate = rate(10, 3);
        let mut bucket = Bucket::default();
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, 1, at(0)), Ok(()));
        }
        assert_eq!(bucket.take(rate, 1, at(0)), Err(at(100)));
        assert_eq!(bucket.take(rate, 1, at(99)), Err(at(100)));
        assert_eq!(bucket.take(rate, 1, at(100)), Ok(()));
        assert_eq!(bucket.take(rate, 1, at(100)), Err(at(200)));
    }

    #[test]
    fn a_burst_passes_however_it_is_cut() {
        for per_second in [3, 7, 60, 999] {
            let rate = rate(per_second, per_second);
            let mut bucket = Bucket::default();
            for _ in 0..per_second {
                assert_eq!(bucket.take(rate, 1, at(0)), Ok(()), "{per_second}");
            }
            assert!(bucket.take(rate, 1, at(0)).is_err(), "{per_second}");
        }
    }

    #[test]
    fn a_bucket_fills_up_to_the_burst_and_not_beyond() {
        let rate = rate(10, 3);
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(rate, 3, at(1_000_000)), Ok(()));
        assert_eq!(bucket.take(rate, 1, at(1_000_000)), Err(at(1_000_100)));
        assert_eq!(bucket.take(rate, 2, at(1_000_200)), Ok(()));
    }

    #[test]
    fn what_is_larger_than_the_burst_waits_for_a_full_bucket_and_pays_afterwards() {
        let rate = rate(1_000, 100);
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(rate, 1, at(5)), Ok(()));
        assert_eq!(bucket.take(rate, 500, at(5)), Err(at(6)));
        assert_eq!(bucket.take(rate, 500, at(6)), Ok(()));
        assert_eq!(bucket.take(rate, 100, at(6)), Err(at(506)));
        assert_eq!(bucket.take(rate, 1, at(6)), Err(at(407)));
    }

    #[test]
    fn what_is_reserved_passes_in_its_turn() {
        let rate = rate(10, 1);
        let mut bucket = Bucket::default();
        let passes: Vec<Now> = (0..4).map(|_| bucket.reserve(rate, 1, at(0))).collect();
        assert_eq!(passes, [at(0), at(100), at(200), at(300)]);
        assert_eq!(bucket.reserve(rate, 1, at(1_000)), at(1_000));
    }

    #[test]
    fn on_the_long_run_it_is_the_rate() {
        for per_second in [1, 3, 7, 60, 999, 1_000_000_007] {
            let rate = rate(per_second, per_second);
            let mut bucket = Bucket::default();
            let mut passed = 0_u64;
            for millis in 0..10_000 {
                for _ in 0..10 {
                    let count = per_second.div_ceil(100) as usize;
                    passed +=
                        u64::from(bucket.take(rate, count, at(millis)).is_ok()) * count as u64;
                }
            }
            let expected = u64::from(per_second) * 11;
            let most = u64::from(per_second.div_ceil(100));
            assert!(
                (expected - most..=expected).contains(&passed),
                "{per_second}: {passed}"
            );
        }
    }

    #[test]
    fn nothing_overflows() {
        let rate = rate(1, u32::MAX);
        let mut bucket = Bucket::default();
        bucket.reserve(rate, usize::MAX, at(u64::MAX));
        assert!(bucket.take(rate, usize::MAX, at(0)).is_err());
    }

    #[test]
    fn a_share_is_never_nothing() {
        assert_eq!(rate(10, 5).share(4), rate(3, 2));
        assert_eq!(rate(1, 1).share(200), rate(1, 1));
        assert_eq!(Rate::per_second(0), None);
    }
}
