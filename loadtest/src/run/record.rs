//! Durations: recorded in histograms, told as percentiles and as a distribution.

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::SECOND;

/// A histogram of nanoseconds from 1 µs to 10 minutes, three digits kept; none while it is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Option<Histogram<u64>>);

/// What is told of a histogram, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) min_us: f64,
    pub(crate) mean_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p90_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) p9999_us: f64,
    pub(crate) max_us: f64,
    /// Pairs of a quantile and its microseconds, rising, closer together towards 1; at most
    /// 110.
    pub(crate) distribution: Vec<(f64, f64)>,
}

const LOWEST_NS: u64 = 1_000;
const HIGHEST_NS: u64 = 600 * SECOND;
const DIGITS: u8 = 3;
/// Points of a distribution each time that what is left to 1 halves.
const POINTS_PER_HALVING: i32 = 4;
/// Halvings of what is left to 1; 2^-27 is less than one in a hundred million.
const HALVINGS: i32 = 27;

impl Recorder {
    /// Adds a duration in nanoseconds.
    #[inline]
    pub(crate) fn record(&mut self, nanos: u64) {
        if self.0.is_none() {
            self.0 = Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS).ok();
        }
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(nanos);
        }
    }

    /// Adds all that another one holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (all @ None, part) => all.clone_from(part),
            (Some(all), Some(part)) => {
                let merged = all.add(part);
                debug_assert!(merged.is_ok(), "all recorders have the same bounds");
            }
            (Some(_), None) => {}
        }
    }

    /// Adds a duration that was recorded so often.
    pub(crate) fn record_many(&mut self, nanos: u64, count: u64) {
        self.record(nanos);
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record_n(nanos, count.saturating_sub(1));
        }
    }

    /// Each duration that was recorded, in nanoseconds and rising, and how often.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        let recorded = self.0.iter().flat_map(Histogram::iter_recorded);
        recorded.map(|step| (step.value_iterated_to(), step.count_at_value()))
    }

    /// The figures; all zero if nothing was recorded.
    pub(crate) fn percentiles(&self) -> Percentiles {
        let Some(histogram) = self.0.as_ref().filter(|histogram| !histogram.is_empty()) else {
            return Percentiles::default();
        };
        let at = |quantile| micros(histogram.value_at_quantile(quantile));
        Percentiles {
            count: histogram.len(),
            min_us: micros(histogram.min()),
            mean_us: histogram.mean().round() / 1e3,
            p50_us: at(0.50),
            p90_us: at(0.90),
            p99_us: at(0.99),
            p999_us: at(0.999),
            p9999_us: at(0.9999),
            max_us: micros(histogram.max()),
            distribution: distribution(histogram),
        }
    }
}

/// As pairs of nanoseconds and how often.
impl Serialize for Recorder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.counts())
    }
}

impl<'de> Deserialize<'de> for Recorder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut recorder = Self::default();
        for (nanos, count) in Vec::<(u64, u64)>::deserialize(deserializer)? {
            recorder.record_many(nanos, count);
        }
        Ok(recorder)
    }
}

/// The quantiles that bring something new, from 0 to the one that the greatest value begins at.
fn distribution(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let mut points = vec![(0.0, micros(histogram.min()))];
    for step in 1..=POINTS_PER_HALVING * HALVINGS {
        let left = 0.5_f64.powf(f64::from(step) / f64::from(POINTS_PER_HALVING));
        let quantile = (1e9 * (1.0 - left)).round() / 1e9;
        points.push((quantile, micros(histogram.value_at_quantile(quantile))));
        if left * histogram.len() as f64 <= 1.0 {
            break;
        }
    }
    points.push((1.0, micros(histogram.max())));
    points.dedup_by(|later, earlier| later.1 <= earlier.1 && later.0 < 1.0);
    points
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_recorders_hold_what_both_held() {
        let (mut one, mut two) = (Recorder::default(), Recorder::default());
        assert_eq!(one.percentiles(), Percentiles::default());
        (1..=99).for_each(|us| one.record(us * 1_000));
        two.record(5_000_000);
        one.merge(&two);
        one.merge(&Recorder::default());
        let figures = one.percentiles();
        assert!((figures.p50_us - 50.0).abs() < 1.0, "{figures:?}");
        assert!((figures.max_us - 5_000.0).abs() < 5.0, "{figures:?}");
        assert_eq!(figures.count, 100);
        let mut none = Recorder::default();
        none.merge(&one);
        assert_eq!(none.percentiles(), figures);
    }

    #[test]
    fn a_recorder_is_the_same_in_another_process() {
        let mut recorder = Recorder::default();
        for nanos in [1_500, 2_000_000, 2_000_000, 3_000_000_000] {
            recorder.record(nanos);
        }
        let sent = serde_json::to_vec(&recorder).unwrap();
        let got: Recorder = serde_json::from_slice(&sent).unwrap();
        let (got, sent) = (got.percentiles(), recorder.percentiles());
        assert_eq!(
            (got.count, got.p50_us, got.max_us),
            (sent.count, sent.p50_us, sent.max_us)
        );
        let none = serde_json::to_vec(&Recorder::default()).unwrap();
        let none: Recorder = serde_json::from_slice(&none).unwrap();
        assert_eq!(none.percentiles(), Percentiles::default());
    }

    #[test]
    fn a_distribution_rises_from_the_least_to_the_greatest_and_is_bounded() {
        let mut recorder = Recorder::default();
        (1..=1_000_000).for_each(|ns| recorder.record(ns * 100));
        let found = recorder.percentiles();
        let distribution = &found.distribution;
        assert!(distribution.len() <= 110, "{}", distribution.len());
        assert!(distribution.is_sorted(), "{distribution:?}");
        assert_eq!(distribution.first(), Some(&(0.0, found.min_us)));
        assert_eq!(distribution.last(), Some(&(1.0, found.max_us)));
        let (_, median) = distribution.iter().find(|(at, _)| *at >= 0.5).unwrap();
        assert!((median - 50_000.0).abs() < 100.0, "{median}");
    }
}
