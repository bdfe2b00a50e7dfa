//! Durations, recorded per thread and merged at the end.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::clock::SECOND;

/// A histogram of nanoseconds from 1 µs to 10 minutes, three digits kept.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Option<Histogram<u64>>);

/// What is told of a histogram, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50_us: f64,
    pub(crate) p90_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
}

const LOWEST_NS: u64 = 1_000;
const HIGHEST_NS: u64 = 600 * SECOND;
const DIGITS: u8 = 3;

impl Recorder {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS).ok())
    }

    /// Adds a duration in nanoseconds.
    #[inline]
    pub(crate) fn record(&mut self, nanos: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(nanos);
        }
    }

    /// Adds all that another one holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        if let (Some(all), Some(part)) = (&mut self.0, &other.0) {
            // Both have the same bounds, the only thing that can fail.
            let merged = all.add(part);
            debug_assert!(merged.is_ok(), "all recorders have the same bounds");
        }
    }

    /// The figures; all zero if nothing was recorded.
    pub(crate) fn percentiles(&self) -> Percentiles {
        let Some(histogram) = &self.0 else {
            return Percentiles::default();
        };
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Percentiles {
            p50_us: at(0.50),
            p90_us: at(0.90),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max() as f64 / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_recorders_hold_what_both_held() {
        let (mut one, mut two) = (Recorder::new(), Recorder::new());
        (1..=99).for_each(|us| one.record(us * 1_000));
        two.record(5_000_000);
        one.merge(&two);
        let figures = one.percentiles();
        assert!((figures.p50_us - 50.0).abs() < 1.0, "{figures:?}");
        assert!((figures.max_us - 5_000.0).abs() < 5.0, "{figures:?}");
    }
}
