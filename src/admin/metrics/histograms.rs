//! The metrics with durations and sizes: turns, deliveries, fan-out.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::admin::metrics::Scrape;
use crate::counters::{Bounds, Counters, DELIVERY_MICROS, FANOUT_SUBSCRIBERS, TURN_MICROS};

impl Scrape {
    /// Encodes how long turns take, and the time since the last turn.
    pub(super) fn encode_turns(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Time since the shard's last turn; every shard is woken twice a second.";
        let (unit, kind) = (Unit::Seconds, MetricType::Gauge);
        let mut metric = encoder.encode_descriptor("turn_age", help, Some(&unit), kind)?;
        for (shard, age) in self.turn_ages.iter().enumerate() {
            let labels = [("shard", shard as u64)];
            let age = age.as_secs_f64();
            metric.encode_family(&labels)?.encode_gauge(&age)?;
        }
        let help = "Duration of the turns of the event loop, without the wait for events.";
        let (unit, kind) = (Unit::Seconds, MetricType::Histogram);
        let mut metric = encoder.encode_descriptor("turn", help, Some(&unit), kind)?;
        for (shard, counters) in self.shards.iter().enumerate() {
            let sum = Duration::from_nanos(counters.turn_nanos).as_secs_f64();
            let labels = [("shard", shard as u64)];
            let of_shard = metric.encode_family(&labels)?;
            encode_histogram(of_shard, TURN_MICROS, MICRO, &counters.turns, sum)?;
        }
        Ok(())
    }

    /// Encodes to how many subscribers messages go, and how long that takes.
    pub(super) fn encode_deliveries(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = MetricType::Histogram;
        let help = "Subscribers of a message on a shard.";
        let metric = encoder.encode_descriptor("fanout_subscribers", help, None, kind)?;
        let counts = self.add_up(|counters| &counters.fanouts);
        let sum = self.sum(|counters| counters.fanout_subscribers) as f64;
        encode_histogram(metric, FANOUT_SUBSCRIBERS, 1.0, &counts, sum)?;

        let unit = Unit::Seconds;
        let help = "Time from the place of a message in the order to its last write.";
        let metric = encoder.encode_descriptor("delivery", help, Some(&unit), kind)?;
        let counts = self.add_up(|counters| &counters.deliveries);
        let sum = self.sum(|counters| counters.delivery_micros) as f64 * MICRO;
        encode_histogram(metric, DELIVERY_MICROS, MICRO, &counts, sum)?;
        let help = "Time from the first write of a message to its last.";
        let metric = encoder.encode_descriptor("delivery_skew", help, Some(&unit), kind)?;
        let counts = self.add_up(|counters| &counters.skews);
        let sum = self.sum(|counters| counters.skew_micros) as f64 * MICRO;
        encode_histogram(metric, DELIVERY_MICROS, MICRO, &counts, sum)
    }

    /// The places of a histogram, added up over all shards.
    fn add_up<const N: usize>(&self, of: impl Fn(&Counters) -> &[u64; N]) -> [u64; N] {
        std::array::from_fn(|place| self.sum(|counters| of(counters)[place]))
    }
}

/// Encodes counts by their bounds, of which one is `scale` units of the metric.
fn encode_histogram(
    mut metric: MetricEncoder<'_>,
    bounds: Bounds,
    scale: f64,
    counts: &[u64],
    sum: f64,
) -> fmt::Result {
    let bound = |place| match bounds.bound(place) {
        Some(bound) => bound as f64 * scale,
        None => f64::INFINITY,
    };
    let buckets = counts.iter().enumerate();
    let buckets: Vec<(f64, u64)> = buckets
        .map(|(place, count)| (bound(place), *count))
        .collect();
    let count = counts.iter().sum();
    metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
}

const MICRO: f64 = 1e-6;
