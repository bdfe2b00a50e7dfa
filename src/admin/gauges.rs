//! The gauges: what each shard has now.

use prometheus_client::registry::Unit;

use crate::admin::metrics::Metric;

/// The gauges of each shard.
pub(super) const GAUGES: &[Metric] = &[
    ("connections", None, "Open connections.", |c| c.connections),
    (
        "connections_paused",
        None,
        "Connections not read now: they wait for space, or for another thread's answer.",
        |c| c.paused,
    ),
    (
        "connections_behind",
        None,
        "Connections whose sockets take no more: their clients read too slowly.",
        |c| c.blocked,
    ),
    (
        "mail_waiting",
        None,
        "Messages of other shards and threads that the last turn has left in the lanes.",
        |c| c.mail_waiting,
    ),
    ("timers", None, "Entries of the timer wheel.", |c| c.timers),
    (
        "topics",
        None,
        "Topics with subscribers on this shard.",
        |c| c.topics,
    ),
    (
        "patterns",
        None,
        "Patterns with subscribers on this shard.",
        |c| c.patterns,
    ),
    (
        "topics_attached",
        None,
        "Shared topics at home on this shard whose messages come from the backplane.",
        |c| c.attached - c.attaching.min(c.attached),
    ),
    (
        "topics_attaching",
        None,
        "Shared topics whose subscribers wait for the backplane.",
        |c| c.attaching,
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
        "Replies that clients have not read.",
        |c| c.replies_bytes,
    ),
    (
        "assembly",
        Some(Unit::Bytes),
        "Incomplete messages and bodies.",
        |c| c.assembly_bytes,
    ),
    (
        "waiting",
        Some(Unit::Bytes),
        "Complete messages that wait to be processed.",
        |c| c.waiting_bytes,
    ),
    (
        "tls",
        Some(Unit::Bytes),
        "TLS records that are incomplete, or encrypted and not sent.",
        |c| c.tls_bytes,
    ),
    (
        "history",
        Some(Unit::Bytes),
        "Messages and positions in histories of topics.",
        |c| c.history_bytes,
    ),
    (
        "history_messages",
        None,
        "Messages in histories of topics.",
        |c| c.history_messages,
    ),
    (
        "history_topics",
        None,
        "Topics with a history whose position is kept.",
        |c| c.history_topics,
    ),
    (
        "presence",
        Some(Unit::Bytes),
        "Clients of topics with presence.",
        |c| c.presence_bytes,
    ),
    (
        "memory_budget",
        Some(Unit::Bytes),
        "Limit of all these kinds of memory together.",
        |c| c.memory_budget_bytes,
    ),
];
