//! The figures of a soak.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::figures::{Base, Load};
use crate::page::unit::Unit;
use crate::record::Percentiles;
use crate::report::{Deliveries, ratio};

/// All that was found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    pub(crate) base: Base,
    pub(crate) payload_bytes: u32,
    pub(crate) rate_per_s: f64,
    pub(crate) churn_per_s: f64,
    pub(crate) soak_s: f64,
    /// Connections that left and came back.
    pub(crate) left: u64,
    /// Close frames of theirs that the server did not answer with one; `opening.failures` has why.
    pub(crate) close_unanswered: u64,
    pub(crate) messages_sent: u32,
    pub(crate) deliveries: Deliveries,
    /// From when a message was due to each delivery, in all intervals.
    pub(crate) latency: Percentiles,
    pub(crate) lateness: Percentiles,
    pub(crate) connect_to_live: Percentiles,
    pub(crate) pings_answered: u64,
    pub(crate) ended_early_by_kind: BTreeMap<String, u64>,
    /// The most after the first third of the time, against the end of that third.
    pub(crate) memory_growth_percent: Option<f64>,
    pub(crate) memory_growth_max_percent: f64,
    pub(crate) intervals: Vec<Interval>,
}

/// One interval.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Interval {
    /// Its end, since the start.
    pub(crate) at_s: f64,
    pub(crate) deliveries: u64,
    pub(crate) latency: Percentiles,
    pub(crate) server_pss_bytes: Option<u64>,
    pub(crate) live: u64,
    /// Connections that left in it.
    pub(crate) left: u64,
    /// Connections that the server has ended since the start.
    pub(crate) ended_early: u64,
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles {
            p50_us,
            p99_us,
            max_us,
            ..
        } = self.latency;
        let (at_s, deliveries, live, left) = (self.at_s, self.deliveries, self.live, self.left);
        write!(f, "{at_s:>8.0} s  {deliveries} deliveries  ")?;
        write!(f, "p50 {p50_us:.0}  p99 {p99_us:.0}  max {max_us:.0} us  ")?;
        write!(f, "{live} live  {left} left")?;
        if let Some(bytes) = self.server_pss_bytes {
            write!(f, "  {}", Unit::Bytes.text(bytes as f64))?;
        }
        if self.ended_early > 0 {
            write!(f, "  {} ended by the server", self.ended_early)?;
        }
        Ok(())
    }
}

/// Percent by which memory grew after the first third of `soak_s` seconds.
pub(super) fn growth_percent(intervals: &[Interval], soak_s: f64) -> Option<f64> {
    let warm = intervals
        .iter()
        .filter(|interval| interval.at_s >= soak_s / 3.0);
    let mut warm = warm.filter_map(|interval| interval.server_pss_bytes);
    let base = warm.next()?;
    let most = warm.max()?;
    Some(ratio(most as f64 - base as f64, base as f64) * 100.0)
}

impl Load for Figures {
    fn base(&self) -> &Base {
        &self.base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_to_warm_up_is_no_growth() {
        let at = |at_s: f64, bytes: u64| Interval {
            at_s,
            server_pss_bytes: Some(bytes),
            ..Interval::default()
        };
        let intervals = [
            at(10.0, 50),
            at(20.0, 90),
            at(30.0, 100),
            at(40.0, 120),
            at(60.0, 110),
        ];
        let percent = growth_percent(&intervals, 90.0).unwrap();
        assert!((percent - 20.0).abs() < 1e-9, "{percent}");
        assert_eq!(growth_percent(&intervals[..3], 90.0), None, "one reading");
    }
}
