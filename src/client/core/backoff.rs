//! The delay before a client reconnects.

use std::time::Duration;

/// A random delay from 0 up to `base` doubled `failures` times, at most `cap`: "full jitter".
///
/// `random` is uniformly distributed. The delay uses the whole range from 0, so that the clients of
/// a stopped server do not come back in waves.
pub(crate) fn delay(base: Duration, cap: Duration, failures: u32, random: u64) -> Duration {
    let doubled = 1_u32
        .checked_shl(failures)
        .and_then(|factor| base.checked_mul(factor));
    let most = doubled.map_or(cap, |delay| delay.min(cap));
    // `most` times a number below 1, which is `random / 2^64`.
    let nanos = (most.as_nanos().min(u64::MAX.into()) * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::delay;

    const BASE: Duration = Duration::from_millis(500);
    const CAP: Duration = Duration::from_secs(30);

    #[test]
    fn the_range_doubles_up_to_the_cap() {
        for (failures, most) in [(0, 500), (1, 1_000), (2, 2_000), (5, 16_000), (6, 30_000)] {
            let most = Duration::from_millis(most);
            assert_eq!(delay(BASE, CAP, failures, 0), Duration::ZERO);
            assert_eq!(delay(BASE, CAP, failures, 1 << 63), most / 2);
            let longest = delay(BASE, CAP, failures, u64::MAX);
            assert!(
                most - Duration::from_nanos(20) < longest && longest < most,
                "{longest:?}"
            );
        }
    }

    #[test]
    fn nothing_overflows() {
        for failures in [7, 31, 32, 63, 64, u32::MAX] {
            assert!(delay(BASE, CAP, failures, u64::MAX) <= CAP);
            let huge = delay(Duration::MAX, Duration::MAX, failures, u64::MAX);
            assert!(CAP < huge);
        }
        assert_eq!(delay(CAP, BASE, 0, 1 << 63), BASE / 2);
    }
}
