//! The metrics of the shards' turns.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::admin::metrics::Scrape;
use crate::counters::{TURN_BOUNDS, turn_bound};

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
            let bound = |index| match index {
                TURN_BOUNDS => f64::INFINITY,
                index => turn_bound(index).as_secs_f64(),
            };
            let buckets = counters.turns.iter().enumerate();
            let buckets: Vec<(f64, u64)> = buckets
                .map(|(index, count)| (bound(index), *count))
                .collect();
            let sum = Duration::from_nanos(counters.turn_nanos).as_secs_f64();
            let labels = [("shard", shard as u64)];
            let mut of_shard = metric.encode_family(&labels)?;
            let count = counters.turns.iter().sum();
            of_shard.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}
