//! A distribution as a short list, for the many that a series keeps.

use crate::run::record::Recorder;

/// Durations in nanoseconds, rising, each with how often it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sparse(Vec<(u64, u64)>);

impl Sparse {
    /// What a recorder holds.
    pub(crate) fn new(recorder: &Recorder) -> Self {
        Self(recorder.counts().collect())
    }

    /// Adds all that another one holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
        // Both are sorted, which a stable sort finds out.
        self.0.sort_by_key(|(nanos, _)| *nanos);
        self.0.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            earlier.1 += if is_same { later.1 } else { 0 };
            is_same
        });
    }

    /// The least duration in microseconds that this share of all do not exceed.
    pub(crate) fn quantile_us(&self, quantile: f64) -> Option<f64> {
        let count: u64 = self.0.iter().map(|(_, count)| count).sum();
        let wanted = quantile * count as f64;
        let mut seen = 0;
        let reached = |entry: &&(u64, u64)| {
            seen += entry.1;
            seen as f64 >= wanted
        };
        let found = self.0.iter().find(reached).or_else(|| self.0.last());
        found.map(|(nanos, _)| *nanos as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_both_parts() {
        let mut one = Sparse(vec![(1_000, 50), (3_000, 49)]);
        one.merge(&Sparse(vec![(1_000, 1), (9_000, 1)]));
        assert_eq!(one, Sparse(vec![(1_000, 51), (3_000, 49), (9_000, 1)]));
        assert_eq!(one.quantile_us(0.5), Some(1.0));
        assert_eq!(one.quantile_us(0.99), Some(3.0));
        assert_eq!(one.quantile_us(1.0), Some(9.0));
        assert_eq!(Sparse::default().quantile_us(0.5), None);
    }
}
