//! The counters of shared topics, and of the engine that orders them.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::admin::metrics::{Metric, Scrape};
use crate::backplane::BackplaneCounters;

/// What has gone to the backplane and come from it.
pub(super) const BACKPLANE: &[Metric] = &[
    (
        "backplane_messages_out",
        None,
        "Messages of shared topics given to the backplane, to be ordered.",
        |c| c.outward,
    ),
    (
        "backplane_messages_in",
        None,
        "Messages of shared topics that came from the backplane in their order.",
        |c| c.inward,
    ),
];

/// A count of the engine, and its help.
type Count = (&'static str, &'static str, fn(&BackplaneCounters) -> u64);

const ENGINE: &[Count] = &[
    (
        "backplane_gaps",
        "Holes in what the engine pushed, which were then read.",
        BackplaneCounters::gaps,
    ),
    (
        "backplane_mended",
        "Ranges that were read again whole, for a hole or after a lost connection.",
        BackplaneCounters::mended,
    ),
    (
        "backplane_messages_lost",
        "Messages of topics without history that did not come from the engine.",
        BackplaneCounters::lost,
    ),
    (
        "backplane_messages_unread",
        "Messages from the engine that this version cannot read.",
        BackplaneCounters::undecoded,
    ),
    (
        "backplane_reconnects",
        "Connections to the engine that were made again.",
        BackplaneCounters::reconnects,
    ),
    (
        "backplane_failures",
        "Commands that the engine has refused, or not answered in time.",
        BackplaneCounters::failed,
    ),
    (
        "backplane_round_trips",
        "Answers of the engine, each to as many commands as were sent together.",
        |counters| counters.trips().0,
    ),
];

impl Scrape {
    /// Zeros where there is no engine.
    pub(super) fn encode_engine(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counters = &self.backplane;
        let kind = MetricType::Counter;
        for (name, help, of) in ENGINE {
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&of(counters), None)?;
        }
        let (name, unit) = ("backplane_round_trip", Unit::Seconds);
        let help = "Time that these answers took, all together.";
        let mut metric = encoder.encode_descriptor(name, help, Some(&unit), kind)?;
        let took = counters.trips().1.as_secs_f64();
        metric.encode_counter::<NoLabelSet, _, u64>(&took, None)?;
        let help = "Commands that the engine has not answered.";
        let name = "backplane_commands_waiting";
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&counters.in_flight())
    }
}
