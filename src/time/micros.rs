//! Moments for measuring how long something took.

use std::num::NonZeroU32;
use std::time::Duration;

/// A moment in microseconds since the server started, in 4 bytes also as an `Option`. It comes
/// round after 71 minutes, and is no deadline: what decides anything is [`Now`](super::Now).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Micros(NonZeroU32);

impl Micros {
    /// The moment so long after the start.
    pub fn after(start: Duration) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "comes round, see above")]
        let low = start.as_micros() as u32;
        Self(NonZeroU32::new(low).unwrap_or(NonZeroU32::MIN))
    }

    /// Microseconds since `earlier`; 0 if it is in the future, as by the clock of another CPU.
    pub fn since(self, earlier: Self) -> u64 {
        let passed = self.0.get().wrapping_sub(earlier.0.get());
        if passed.cast_signed() < 0 {
            return 0;
        }
        passed.into()
    }
}

impl Default for Micros {
    fn default() -> Self {
        Self(NonZeroU32::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_measured_where_the_number_comes_round() {
        let round = u64::from(u32::MAX) + 1;
        let before = Micros::after(Duration::from_micros(round - 100));
        let after = Micros::after(Duration::from_micros(round + 200));
        assert_eq!(after.since(before), 300);
        assert_eq!(before.since(after), 0);
        assert_eq!(after.since(after), 0);
        assert_eq!(Micros::after(Duration::ZERO), Micros::default());
    }
}
