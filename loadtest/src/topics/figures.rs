//! The figures of a run over many topics.

use serde::Serialize;

use crate::record::Percentiles;
use crate::report::{ClientCost, Deliveries, Findings, Opening, ServerCost, Table, ratio};
use crate::series::Series;
use crate::warning::Warning;

/// All that was found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) passed: bool,
    pub(crate) urls: Vec<String>,
    pub(crate) publish_url: String,
    pub(crate) topics: u32,
    pub(crate) publishers_per_topic: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) rate_per_s: f64,
    pub(crate) opening: Opening,
    pub(crate) messages_sent: u64,
    pub(crate) deliveries: Deliveries,
    pub(crate) message_phase_s: f64,
    pub(crate) deliveries_per_s: f64,
    /// From when a message was due to each delivery.
    pub(crate) latency: Percentiles,
    /// From when a message was due to when it was sent.
    pub(crate) lateness: Percentiles,
    pub(crate) client: ClientCost,
    pub(crate) server: Option<ServerCost>,
    pub(crate) server_memory: Option<Memory>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) series: Series,
}

/// What a topic takes of the server's memory.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Memory {
    /// Slope over the connections that open a topic each, from half of the topics to all.
    pub(crate) pss_bytes_per_topic_with_subscriber: f64,
    /// Slope over the connections that join one, if there are as many of them as topics.
    pub(crate) pss_bytes_per_further_subscriber: Option<f64>,
    /// The difference.
    pub(crate) pss_bytes_per_topic: Option<f64>,
}

impl Memory {
    /// From readings at numbers of connections: half of the topics, all topics, all connections.
    pub(super) fn new(topics: u32, readings: &[(u32, u64)]) -> Option<Self> {
        let slope = |from: (u32, u64), to: (u32, u64)| {
            ratio(to.1 as f64 - from.1 as f64, f64::from(to.0 - from.0))
        };
        let [half, all, rest @ ..] = readings else {
            return None;
        };
        let with_subscriber = slope(*half, *all);
        let last = rest.last().filter(|last| last.0 - all.0 >= topics);
        let further = last.map(|last| slope(*all, *last));
        Some(Self {
            pss_bytes_per_topic_with_subscriber: with_subscriber,
            pss_bytes_per_further_subscriber: further,
            pss_bytes_per_topic: further.map(|further| with_subscriber - further),
        })
    }
}

impl Findings for Figures {
    fn passed(&self) -> bool {
        self.passed
    }

    fn table(&self) -> Table {
        let mut table = Table::of_load(self.passed, &self.urls);
        table.row("published to", self.publish_url.clone());
        table.opening(&self.opening);
        table.row(
            "messages",
            format!(
                "{} of {} B to {} topics by {} publishers of each, {} a second",
                self.messages_sent,
                self.payload_bytes,
                self.topics,
                self.publishers_per_topic,
                self.rate_per_s
            ),
        );
        let d = &self.deliveries;
        table.deliveries(d, self.message_phase_s, self.deliveries_per_s);
        if let Some(first) = &d.first_misorder {
            table.row("misordered at", first.clone());
        }
        if d.got > 0 {
            table.percentiles("latency", &self.latency);
            table.percentiles("sent late", &self.lateness);
        }
        table.cost(&self.client, self.server.as_ref(), "delivery");
        if let Some(memory) = &self.server_memory {
            let topic = memory
                .pss_bytes_per_topic
                .map(|bytes| format!(", {bytes:.0} B of it the topic's"));
            table.row(
                "server memory",
                format!(
                    "{:.0} B per topic with one subscriber{}",
                    memory.pss_bytes_per_topic_with_subscriber,
                    topic.unwrap_or_default()
                ),
            );
        }
        table.warnings(&self.warnings);
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_told_from_a_connection() {
        let memory = Memory::new(100, &[(50, 10_000), (100, 60_000), (400, 120_000)]).unwrap();
        assert_eq!(memory.pss_bytes_per_topic, Some(800.0));
        let memory = Memory::new(100, &[(50, 10_000), (100, 60_000), (150, 70_000)]).unwrap();
        assert_eq!(memory.pss_bytes_per_topic, None, "too few joined");
        assert!(Memory::new(1, &[(1, 10)]).is_none());
    }
}
