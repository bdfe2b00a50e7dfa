//! Time in the pure core: given from outside, in whole milliseconds.

use std::time::Duration;

mod bucket;
mod micros;
mod schedule;
mod wheel;

pub use bucket::{Bucket, Rate};
pub use micros::Micros;
pub use schedule::{Schedule, Tick};
pub use wheel::Wheel;

/// A moment: milliseconds since the shard started. Never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now(u64);

impl Now {
    /// The moment `millis` milliseconds after the shard's start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the shard's start.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The moment `wait` later, rounded up to whole milliseconds.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        let millis = wait.as_nanos().div_ceil(NANOS_PER_MILLI);
        Self(self.0.saturating_add(millis.try_into().unwrap_or(u64::MAX)))
    }

    /// The moment, rounded to a tick.
    pub const fn stamp(self) -> Stamp {
        Stamp::of_tick(self.0 / TICK_MS)
    }

    /// The time since `earlier`; zero if it is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A moment rounded to [`TICK_MS`] milliseconds, in 4 bytes, for each connection.
///
/// It wraps around after 8 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u32);

impl Stamp {
    /// Later than any other.
    pub const NEVER: Self = Self(u32::MAX);

    /// The moment of which the stamp was made, or up to one tick earlier.
    pub const fn moment(self) -> Now {
        Now(self.0 as u64 * TICK_MS)
    }

    const fn of_tick(tick: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "comes round, see above")]
        let low_half = tick as u32;
        Self(low_half)
    }
}

/// Milliseconds between two ticks: the resolution of stamps and of the wheel.
pub const TICK_MS: u64 = 64;

const NANOS_PER_MILLI: u128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_cut_short() {
        let now = Now::from_millis(10);
        assert_eq!(now.plus(Duration::from_millis(5)).millis(), 15);
        assert_eq!(now.plus(Duration::from_nanos(1)).millis(), 11);
        assert_eq!(now.plus(Duration::ZERO), now);
        assert_eq!(now.plus(Duration::MAX).millis(), u64::MAX);
    }

    #[test]
    fn what_is_to_come_was_no_time_ago() {
        let (early, late) = (Now::from_millis(10), Now::from_millis(25));
        assert_eq!(late.since(early), Duration::from_millis(15));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
