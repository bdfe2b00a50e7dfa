//! The figures of a run of `fanout`, `topics` or `chat`.

use serde::Serialize;

use crate::agents::AgentFigures;
use crate::check::reach::Reached;
use crate::report::{Deliveries, ServerCost, ServerMemory, ratio};
use crate::run::record::Percentiles;

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) publish_urls: Vec<String>,
    pub(crate) topics: u32,
    /// Of each topic.
    pub(crate) publishers: u32,
    pub(crate) payload_bytes: u64,
    pub(crate) rate_per_s: Option<f64>,
    /// Mean bytes of a message that came compressed, without the header of its frame.
    pub(crate) compressed_bytes: Option<f64>,
    /// Rest of the client between turns, which is part of every latency.
    pub(crate) gather_us: u32,
    pub(crate) messages_sent: u64,
    pub(crate) deliveries: Deliveries,
    pub(crate) message_phase_s: f64,
    pub(crate) deliveries_per_s: f64,
    /// From when a message was due to each delivery.
    pub(crate) latency: Percentiles,
    /// How far off these are at most, where the clocks of two hosts took them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency_error_us: Option<f64>,
    /// Those that made the load.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) agents: Vec<AgentFigures>,
    /// To the delivery to its own publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) own_latency: Option<Percentiles>,
    /// To its first, its median and its last delivery, where there is one topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reached: Option<Reached>,
    /// From when a message was due to when it was sent.
    pub(crate) lateness: Option<Percentiles>,
    pub(crate) server: Option<ServerCost>,
    pub(crate) server_memory: Option<Memory>,
}

/// What connections or topics take of the server's memory.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Memory {
    OfConnections(ServerMemory),
    OfTopics(TopicMemory),
}

/// What a topic takes of the server's memory.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct TopicMemory {
    /// Slope over the connections that open a topic each, from half of the topics to all.
    pss_bytes_per_topic_with_subscriber: f64,
    /// Slope over the connections that join one, if there are as many of them as topics.
    pss_bytes_per_further_subscriber: Option<f64>,
    pss_bytes_per_topic: Option<f64>,
}

impl TopicMemory {
    /// From readings at numbers of connections: half of the topics, all topics, all connections.
    fn new(topics: u32, readings: &[(u32, u64)]) -> Option<Self> {
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

impl Memory {
    /// From the memory before, and the readings at numbers of connections.
    pub(super) fn new(topics: u32, before: u64, readings: &[(u32, u64)]) -> Option<Self> {
        if topics > 1 {
            return TopicMemory::new(topics, readings).map(Self::OfTopics);
        }
        let last = *readings.last()?;
        let between = match *readings {
            [first, second, ..] => Some(slope(first, second)),
            _ => None,
        };
        Some(Self::OfConnections(ServerMemory {
            pss_before_bytes: before,
            pss_connected_bytes: last.1,
            pss_bytes_per_connection: slope((0, before), last),
            pss_slope_bytes_per_connection: between,
        }))
    }
}

/// Bytes per connection between two readings.
fn slope(from: (u32, u64), to: (u32, u64)) -> f64 {
    ratio(to.1 as f64 - from.1 as f64, f64::from(to.0 - from.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_told_from_a_connection() {
        let memory = TopicMemory::new(100, &[(50, 10_000), (100, 60_000), (400, 120_000)]).unwrap();
        assert_eq!(memory.pss_bytes_per_topic, Some(800.0));
        let memory = TopicMemory::new(100, &[(50, 10_000), (100, 60_000), (150, 70_000)]).unwrap();
        assert_eq!(memory.pss_bytes_per_topic, None, "too few joined");
        assert!(TopicMemory::new(1, &[(1, 10)]).is_none());
    }
}
