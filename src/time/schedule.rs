//! Periodic work: ticks at `start + n * period`, however long earlier ticks took.

use std::time::Duration;

use crate::time::Now;

/// One tick of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Its number, from 1; skipped ticks have numbers as well.
    pub number: u64,
    /// The number of ticks skipped since the last one.
    pub skipped: u64,
    /// The time between two ticks.
    pub period: Duration,
}

/// The times of the ticks.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    start: Now,
    period: Duration,
    /// The number of the last tick that was due.
    last: u64,
}

impl Schedule {
    /// Ticks every `period`, at least a millisecond, the first a period after `start`.
    pub fn new(start: Now, period: Duration) -> Self {
        Self {
            start,
            period: period.max(PERIOD_MIN),
            last: 0,
        }
    }

    /// When the next tick is due.
    pub fn deadline(&self) -> Now {
        let next = u128::from(self.last + 1) * self.period.as_nanos();
        let wait = Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX));
        self.start.plus(wait)
    }

    /// The tick that is due at `now`; if several are due, the last one.
    pub fn take_due(&mut self, now: Now) -> Option<Tick> {
        if now < self.deadline() {
            return None;
        }
        let passed = now.since(self.start).as_nanos() / self.period.as_nanos();
        // The deadline is rounded up to a millisecond, so a tick may be due although less than its
        // period has passed.
        let number = u64::try_from(passed).unwrap_or(u64::MAX).max(self.last + 1);
        let skipped = number - self.last - 1;
        self.last = number;
        Some(Tick {
            number,
            skipped,
            period: self.period,
        })
    }
}

/// The clock of a shard counts milliseconds.
const PERIOD_MIN: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_in_a_second_are_sixty_in_a_second() {
        let mut schedule = Schedule::new(Now::from_millis(5), Duration::from_secs(1) / 60);
        let mut ticks = Vec::new();
        for millis in 0..=5 + 10_000 {
            if let Some(tick) = schedule.take_due(Now::from_millis(millis)) {
                assert_eq!((tick.number, tick.skipped), (ticks.len() as u64 + 1, 0));
                ticks.push(millis);
            }
        }
        assert_eq!(ticks.len(), 600);
        assert_eq!(ticks[..3], [22, 39, 55]);
        assert_eq!(ticks[599], 10_005);
    }

    #[test]
    fn late_ticks_are_skipped_and_counted() {
        let mut schedule = Schedule::new(Now::default(), Duration::from_millis(10));
        assert_eq!(schedule.take_due(Now::from_millis(9)), None);
        let late = schedule.take_due(Now::from_millis(45)).unwrap();
        assert_eq!((late.number, late.skipped), (4, 3));
        assert_eq!(schedule.deadline(), Now::from_millis(50));
        assert_eq!(schedule.take_due(Now::from_millis(49)), None);
        let on_time = schedule.take_due(Now::from_millis(50)).unwrap();
        assert_eq!((on_time.number, on_time.skipped), (5, 0));
    }

    #[test]
    fn a_period_has_its_least() {
        let mut schedule = Schedule::new(Now::default(), Duration::ZERO);
        assert_eq!(schedule.deadline(), Now::from_millis(1));
        let tick = schedule.take_due(Now::from_millis(3)).unwrap();
        assert_eq!((tick.number, tick.skipped), (3, 2));
    }
}
