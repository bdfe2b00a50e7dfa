//! Counters as metrics: their names, units, labels and help, in the text format of OpenMetrics.

mod turns;

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::admin::gauges::GAUGES;
use crate::close_reason::CloseReason;
use crate::counters::{Counters, Limit, STATUSES};

/// A number of [`Counters`] as a metric.
pub(super) type Metric = (
    &'static str,
    Option<Unit>,
    &'static str,
    fn(&Counters) -> u64,
);

/// What has been counted since the start, of all shards together.
const SUMS: &[Metric] = &[
    (
        "accepts",
        None,
        "Connections taken from listeners, those to be turned away among them.",
        |c| c.accepted,
    ),
    (
        "accept_errors",
        None,
        "Accepts that failed for want of descriptors or memory.",
        |c| c.accept_errors,
    ),
    (
        "tls_handshakes",
        None,
        "TLS handshakes that succeeded.",
        |c| c.tls_handshakes,
    ),
    (
        "tls_resumptions",
        None,
        "Those of them that a ticket of an earlier connection spared most of.",
        |c| c.tls_resumptions,
    ),
    (
        "opens",
        None,
        "Connections let in: upgraded to WebSocket, streams of events, or on a TCP port.",
        |c| c.opened,
    ),
    (
        "http_requests",
        None,
        "HTTP requests answered, upgrades and streams of events aside.",
        |c| c.requests,
    ),
    (
        "messages_received",
        None,
        "Messages that clients sent.",
        |c| c.messages_in,
    ),
    (
        "messages_received",
        Some(Unit::Bytes),
        "Payloads of the messages that clients sent.",
        |c| c.bytes_in,
    ),
    (
        "messages_published",
        None,
        "Messages published by connections and rooms; what other threads publish is only ordered.",
        |c| c.published,
    ),
    (
        "messages_ordered",
        None,
        "Messages given their place in a topic's order.",
        |c| c.ordered,
    ),
    (
        "messages_sent",
        None,
        "Messages for clients: one for each subscriber, those that it skips later among them.",
        |c| c.messages_out,
    ),
    (
        "messages_skipped",
        None,
        "Messages that clients missed because they were behind.",
        |c| c.skipped,
    ),
    (
        "messages_not_carried",
        None,
        "Messages that the protocol of some subscribers cannot carry.",
        |c| c.not_carried,
    ),
    ("sent", Some(Unit::Bytes), "Bytes that sockets took.", |c| {
        c.bytes_out
    }),
    (
        "writes",
        None,
        "Writes to sockets that took something.",
        |c| c.writes,
    ),
    (
        "writes_short",
        None,
        "Writes that the socket did not take whole.",
        |c| c.short_writes,
    ),
    (
        "walk_sends",
        None,
        "Sends made by walks over topics; fewer than messages where those piled up.",
        |c| c.walk_sends,
    ),
    (
        "pauses",
        None,
        "Times that a client was read no further, for want of room or of an answer.",
        |c| c.pauses,
    ),
    (
        "pings",
        None,
        "Pings sent, and heartbeats of streams of events.",
        |c| c.pings,
    ),
    (
        "ticks_skipped",
        None,
        "Ticks of shards and rooms that were late by a period or more and left out.",
        |c| c.ticks_skipped,
    ),
];

/// The metrics of a server.
///
/// # Errors
///
/// The encoder's; a `String` takes everything, so there are none.
pub(super) fn encode(scrape: Scrape) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("corecast");
    registry.register_collector(Box::new(scrape));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

/// What there is to tell at one moment.
#[derive(Debug, Default)]
pub(super) struct Scrape {
    pub(super) is_serving: bool,
    /// The counters of each shard.
    pub(super) shards: Vec<Counters>,
    /// How long ago each shard was last seen to have had a turn.
    pub(super) turn_ages: Vec<Duration>,
    pub(super) log_lines_lost: u64,
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
        for (name, unit, help, of) in SUMS {
            let sum: u64 = self.shards.iter().map(of).sum();
            let kind = MetricType::Counter;
            let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&sum, None)?;
        }
        self.encode_reasons(&mut encoder)?;
        self.encode_turns(&mut encoder)
    }
}

impl Scrape {
    fn encode_server(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Which corecast this is.";
        let mut metric = encoder.encode_descriptor("build", help, None, MetricType::Info)?;
        metric.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])?;
        let help = "1 while the server takes connections, 0 from the beginning of a drain.";
        let mut metric = encoder.encode_descriptor("ready", help, None, MetricType::Gauge)?;
        metric.encode_gauge(&u64::from(self.is_serving))?;
        let help = "Lines of the program's log that nobody read in time.";
        let kind = MetricType::Counter;
        let mut metric = encoder.encode_descriptor("log_lines_lost", help, None, kind)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&self.log_lines_lost, None)
    }

    /// Every reason, status and limit is there from the start, with 0.
    fn encode_reasons(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let closes = CloseReason::all().map(|reason| {
            let count = self.sum(|counters| counters.closed[reason.index()]);
            (reason.label().to_owned(), count)
        });
        let help = "Connections ended, by the reason.";
        encode_labelled(encoder, "closes", help, "reason", closes)?;

        let statuses = STATUSES.iter().map(u16::to_string);
        let statuses = statuses.chain(["other".to_owned()]).enumerate();
        let refusals = statuses.map(|(index, status)| {
            let count = self.sum(|counters| counters.refused[index]);
            (status, count)
        });
        let help = "Requests refused, by the status of the answer.";
        encode_labelled(encoder, "http_refusals", help, "status", refusals)?;

        let hits = Limit::ALL.into_iter().map(|limit| {
            let count = self.sum(|counters| counters.limited[limit.index()]);
            (limit.label().to_owned(), count)
        });
        let help = "Times that a limit was met of which no reason of a close tells alone.";
        encode_labelled(encoder, "limit_hits", help, "limit", hits)
    }

    fn sum(&self, of: impl Fn(&Counters) -> u64) -> u64 {
        self.shards.iter().map(of).sum()
    }
}

fn encode_labelled(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &'static str,
    counts: impl Iterator<Item = (String, u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (value, count) in counts {
        let labels = [(label, value)];
        let mut one = metric.encode_family(&labels)?;
        one.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
