//! The metrics: their names, units, labels and help, in the OpenMetrics text format.

mod backplane;
mod histograms;
pub(super) mod process;
mod reasons;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::admin::gauges::GAUGES;
use crate::admin::metrics::backplane::BACKPLANE;
use crate::admin::metrics::process::Process;
use crate::backplane::BackplaneCounters;
use crate::counters::Counters;

/// One number of [`Counters`] as a metric: its name, unit and help.
pub(super) type Metric = (
    &'static str,
    Option<Unit>,
    &'static str,
    fn(&Counters) -> u64,
);

/// The counters since the start, added up over all shards.
const SUMS: &[Metric] = &[
    (
        "accepts",
        None,
        "Accepted connections, including those refused afterwards.",
        |c| c.accepted,
    ),
    (
        "accept_errors",
        None,
        "Accepts that failed because file descriptors or memory ran out.",
        |c| c.accept_errors,
    ),
    ("tls_handshakes", None, "Successful TLS handshakes.", |c| {
        c.tls_handshakes
    }),
    (
        "tls_resumptions",
        None,
        "Successful TLS handshakes that resumed an earlier session with a ticket.",
        |c| c.tls_resumptions,
    ),
    (
        "opens",
        None,
        "Connections opened: WebSocket upgrades, event streams and TCP connections.",
        |c| c.opened,
    ),
    (
        "http_requests",
        None,
        "HTTP requests answered, without upgrades and event streams.",
        |c| c.requests,
    ),
    (
        "messages_received",
        None,
        "Messages received from clients.",
        |c| c.messages_in,
    ),
    (
        "messages_received",
        Some(Unit::Bytes),
        "Payload bytes of messages received from clients.",
        |c| c.bytes_in,
    ),
    (
        "messages_published",
        None,
        "Messages published by connections and rooms, without those of other threads.",
        |c| c.published,
    ),
    (
        "messages_ordered",
        None,
        "Messages that got their place in a topic's order.",
        |c| c.ordered,
    ),
    (
        "messages_superseded",
        None,
        "Messages that a newer one superseded before their topic's tick.",
        |c| c.superseded,
    ),
    (
        "messages_sent",
        None,
        "Messages for clients: one for each subscriber, even if it skips it later.",
        |c| c.messages_out,
    ),
    (
        "messages_skipped",
        None,
        "Messages that subscribers missed because they were behind.",
        |c| c.skipped,
    ),
    (
        "messages_not_carried",
        None,
        "Messages that some subscribers missed because their protocol cannot carry them.",
        |c| c.not_carried,
    ),
    ("sent", Some(Unit::Bytes), "Bytes that sockets took.", |c| {
        c.bytes_out
    }),
    (
        "writes",
        None,
        "Writes in which the socket took at least one byte.",
        |c| c.writes,
    ),
    (
        "writes_short",
        None,
        "Writes that the socket did not take completely.",
        |c| c.short_writes,
    ),
    (
        "walk_sends",
        None,
        "Writes made by walks, the loops over a topic's subscribers.",
        |c| c.walk_sends,
    ),
    (
        "history_pages",
        None,
        "Pages of history sent to subscribers that catch up.",
        |c| c.pages,
    ),
    (
        "history_gaps",
        None,
        "Times that a subscriber missed messages that the history no longer had.",
        |c| c.gaps,
    ),
    (
        "compressed_from",
        Some(Unit::Bytes),
        "Bytes of messages before they were compressed.",
        |c| c.compressed_from,
    ),
    (
        "compressed_to",
        Some(Unit::Bytes),
        "Bytes of the same messages after that.",
        |c| c.compressed_to,
    ),
    (
        "pauses",
        None,
        "Times that the server stopped reading a connection.",
        |c| c.pauses,
    ),
    (
        "pings",
        None,
        "Pings sent, and heartbeats of event streams.",
        |c| c.pings,
    ),
    (
        "ticks_skipped",
        None,
        "Ticks of shards and rooms left out because they were late by a period or more.",
        |c| c.ticks_skipped,
    ),
];

/// Encodes the metrics of a server.
///
/// # Errors
///
/// None: a `String` takes everything that the encoder writes.
pub(super) fn encode(scrape: Scrape) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("corecast");
    registry.register_collector(Box::new(scrape));
    let mut out = String::new();
    text::encode_registry(&mut out, &registry)?;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Process::read()));
    text::encode(&mut out, &registry)?;
    Ok(out)
}

/// The metrics at one moment.
#[derive(Debug, Default)]
pub(super) struct Scrape {
    pub(super) is_serving: bool,
    /// The counters of each shard.
    pub(super) shards: Vec<Counters>,
    /// Time since the last known turn of each shard.
    pub(super) turn_ages: Vec<Duration>,
    pub(super) log_lines_lost: u64,
    pub(super) backplane: Arc<BackplaneCounters>,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_server(&mut encoder)?;
        for (name, unit, help, of) in GAUGES {
            let kind = MetricType::Gauge;
            let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
            for (shard, counters) in self.shards.iter().enumerate() {
                let labels = [("shard", shard as u64)];
                metric.encode_family(&labels)?.encode_gauge(&of(counters))?;
            }
        }
        for (name, unit, help, of) in SUMS.iter().chain(BACKPLANE) {
            let sum: u64 = self.shards.iter().map(of).sum();
            let kind = MetricType::Counter;
            let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&sum, None)?;
        }
        self.encode_engine(&mut encoder)?;
        self.encode_reasons(&mut encoder)?;
        self.encode_turns(&mut encoder)?;
        self.encode_deliveries(&mut encoder)
    }
}

impl Scrape {
    fn encode_server(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Version of the server.";
        let mut metric = encoder.encode_descriptor("build", help, None, MetricType::Info)?;
        metric.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])?;
        let help = "1 while the server may get new clients, 0 from the beginning of a shutdown.";
        let mut metric = encoder.encode_descriptor("ready", help, None, MetricType::Gauge)?;
        metric.encode_gauge(&u64::from(self.is_serving))?;
        let help = "Log lines lost because the reader of standard error had stalled.";
        let kind = MetricType::Counter;
        let mut metric = encoder.encode_descriptor("log_lines_lost", help, None, kind)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&self.log_lines_lost, None)
    }

    fn sum(&self, of: impl Fn(&Counters) -> u64) -> u64 {
        self.shards.iter().map(of).sum()
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
