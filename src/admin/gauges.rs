//! What there is now, of each shard, as metrics.

use prometheus_client::registry::Unit;

use crate::admin::metrics::Metric;

/// What is there now, for each shard.
pub(super) const GAUGES: &[Metric] = &[
    ("connections", None, "Connections there are.", |c| {
        c.connections
    }),
    (
        "connections_paused",
        None,
        "Connections that wait for room, or for another thread's answer.",
        |c| c.paused,
    ),
    (
        "topics",
        None,
        "Topics with subscribers, counted on each shard that has some.",
        |c| c.topics,
    ),
    (
        "backlog",
        Some(Unit::Bytes),
        "Frames kept for subscribers that are behind.",
        |c| c.backlog_bytes,
    ),
    (
        "replies",
        Some(Unit::Bytes),
        "Memory of replies that clients have not read.",
        |c| c.replies_bytes,
    ),
    (
        "assembly",
        Some(Unit::Bytes),
        "Memory of messages and bodies that have not come whole.",
        |c| c.assembly_bytes,
    ),
    (
        "waiting",
        Some(Unit::Bytes),
        "Memory of messages that wait to be taken.",
        |c| c.waiting_bytes,
    ),
    (
        "tls",
        Some(Unit::Bytes),
        "Memory of TLS records that have not come whole, or are not sent.",
        |c| c.tls_bytes,
    ),
    (
        "memory_budget",
        Some(Unit::Bytes),
        "What clients can make the shard hold, of all these kinds together.",
        |c| c.memory_budget_bytes,
    ),
];
