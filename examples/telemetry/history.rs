//! The last minute of a metric, for new viewers.

use std::collections::VecDeque;
use std::time::Duration;

/// The newest value of each second that has one, with its tick; the oldest first.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<(u64, f64)>);

/// A point as browsers receive it: its age in milliseconds, and the value.
pub(crate) type Point = (u64, f64);

impl History {
    pub(crate) fn push(&mut self, now: u64, value: f64) {
        while self.0.front().is_some_and(|(at, _)| at + TICKS < now) {
            self.0.pop_front();
        }
        match self.0.back_mut() {
            Some(last) if last.0 / TICKS_PER_POINT == now / TICKS_PER_POINT => *last = (now, value),
            _ => self.0.push_back((now, value)),
        }
    }

    /// At most `most` points, spread over the minute, including the newest.
    pub(crate) fn points(&self, now: u64, most: usize) -> Vec<Point> {
        let points = self.0.iter().filter(|(at, _)| now <= at + TICKS);
        let step = POINTS.div_ceil(most.max(1));
        let mut points: Vec<Point> = points
            .rev()
            .step_by(step)
            .take(most)
            .map(|(at, value)| (millis(now - at), *value))
            .collect();
        points.reverse();
        points
    }
}

/// The number of points for each of `metrics` metrics, so that all of them stay below `bytes`.
pub(crate) fn points_within(bytes: usize, metrics: usize) -> usize {
    (bytes / metrics.max(1) / POINT_BYTES_MAX).min(POINTS)
}

/// Ticks in milliseconds.
pub(crate) fn millis(ticks: u64) -> u64 {
    ticks * u64::try_from(TICK.as_millis()).unwrap_or(u64::MAX)
}

/// The interval of reports: viewers could not follow a shorter one.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// A second, in ticks.
const TICKS_PER_POINT: u64 = 10;
/// A minute, in points and in ticks.
const POINTS: usize = 60;
const TICKS: u64 = 600;
/// A point in JSON: five digits, the longest number, brackets and commas.
const POINT_BYTES_MAX: usize = 5 + 24 + 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_second_the_newest_value_is_kept_for_a_minute() {
        let mut history = History::default();
        for tick in 0..1_000_u32 {
            history.push(tick.into(), f64::from(tick));
        }
        let points = history.points(999, 60);
        assert_eq!(points.len(), 60);
        assert_eq!(points[0], (59_000, 409.0));
        assert_eq!(points[59], (0, 999.0));
        // There was no reading since.
        assert_eq!(history.points(1_599, 60), [(60_000, 999.0)]);
        assert_eq!(history.points(1_600, 60), []);
    }

    #[test]
    fn fewer_points_are_spread_over_the_same_minute() {
        let mut history = History::default();
        for tick in 0..600_u32 {
            history.push(tick.into(), f64::from(tick));
        }
        let ages: Vec<u64> = history.points(599, 3).iter().map(|(age, _)| *age).collect();
        assert_eq!(ages, [40_000, 20_000, 0]);
        assert_eq!(history.points(599, 0), []);
    }

    #[test]
    fn all_points_together_stay_within_their_bytes() {
        for metrics in [0, 1, 100, 1_000, 3_000] {
            let points = points_within(1 << 20, metrics);
            assert!(points <= POINTS && points * metrics * POINT_BYTES_MAX <= 1 << 20);
        }
        assert_eq!(points_within(1 << 20, 100), 60);
        let longest = serde_json::to_string(&(60_000_u64, -1.797_693_134_862_315_7e-308_f64));
        assert!(longest.unwrap().len() < POINT_BYTES_MAX);
    }
}
