//! The figures of a soak, of its intervals, and how memory grew over them.

use std::fmt;
use std::time::Duration;

use crossbeam_channel::Receiver;
use serde::Serialize;

use crate::pubsub::Audience;
use crate::report::page::unit::Unit;
use crate::report::{Counts, Deliveries, ratio};
use crate::run::record::{Percentiles, Recorder};
use crate::run::series::{Part, Pulse};

/// A thread hands in its latencies within this time, or they count with the next interval.
const HAND_IN: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(super) payload_bytes: u32,
    pub(super) rate_per_s: f64,
    pub(super) churn_per_s: f64,
    pub(super) resumed: bool,
    /// Of those that resumed.
    pub(super) gaps_told: u64,
    pub(super) soak_s: f64,
    /// Connections that left and came back.
    pub(super) left: u64,
    /// Close frames of theirs that the server did not answer with one; `opening.failures` has why.
    pub(super) close_unanswered: u64,
    pub(super) messages_sent: u32,
    pub(super) deliveries: Deliveries,
    /// From when a message was due to each delivery, in all intervals.
    pub(super) latency: Percentiles,
    pub(super) lateness: Percentiles,
    pub(super) connect_to_live: Percentiles,
    pub(super) pings_answered: u64,
    pub(super) ended_early_by_kind: Counts,
    /// The most after the first third of the time, against the end of that third.
    pub(super) memory_growth_percent: Option<f64>,
    pub(super) memory_growth_max_percent: f64,
    pub(super) intervals: Vec<Interval>,
}

/// A part of a soak, with a line of its own.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Interval {
    /// Its end, since the start.
    pub(super) at_s: f64,
    pub(super) deliveries: u64,
    pub(super) latency: Percentiles,
    pub(super) server_pss_bytes: Option<u64>,
    pub(super) live: u64,
    /// Connections that left in it.
    pub(super) left: u64,
    /// Connections that the server has ended since the start.
    pub(super) ended_early: u64,
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at_s, deliveries, live, left) = (self.at_s, self.deliveries, self.live, self.left);
        let [p50, p99, max] = [
            self.latency.p50_us,
            self.latency.p99_us,
            self.latency.max_us,
        ];
        write!(f, "{at_s:>8.0} s  {deliveries} deliveries  ")?;
        write!(
            f,
            "p50 {p50:.0}  p99 {p99:.0}  max {max:.0} us  {live} live  {left} left"
        )?;
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
    let is_warm = |interval: &&Interval| interval.at_s >= soak_s / 3.0;
    let warm = intervals.iter().filter(is_warm);
    let mut warm = warm.filter_map(|interval| interval.server_pss_bytes);
    let (base, most) = (warm.next()? as f64, warm.max()? as f64);
    Some(ratio(most - base, base) * 100.0)
}

/// The latencies of an interval that is over.
pub(super) fn collect(listeners: &Audience, (pulse, parts): &(Pulse, Receiver<Part>)) -> Recorder {
    pulse.next();
    listeners.control().ring_all();
    let mut latency = Recorder::default();
    for _ in 0..listeners.control().threads() {
        if let Ok((_, part)) = parts.recv_timeout(HAND_IN) {
            latency.merge(&part);
        }
    }
    latency
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_to_warm_up_is_no_growth() {
        let at = |(at_s, bytes): (f64, u64)| Interval {
            at_s,
            server_pss_bytes: Some(bytes),
            ..Interval::default()
        };
        let readings = [
            (10.0, 50),
            (20.0, 90),
            (30.0, 100),
            (40.0, 120),
            (60.0, 110),
        ];
        let intervals = readings.map(at);
        let percent = growth_percent(&intervals, 90.0).unwrap();
        assert!((percent - 20.0).abs() < 1e-9, "{percent}");
        assert_eq!(growth_percent(&intervals[..3], 90.0), None, "one reading");
    }
}
