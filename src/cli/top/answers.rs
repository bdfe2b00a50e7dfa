//! What the admin port answers, as far as the view shows it. Members that a server does not have
//! count as nothing: it may be older or newer.

use serde::{Deserialize, Serialize};

/// `/admin/stats`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stats {
    pub(super) version: String,
    pub(super) time: f64,
    pub(super) uptime_seconds: f64,
    pub(super) ready: bool,
    pub(super) process: Process,
    pub(super) turn_bounds_seconds: Vec<f64>,
    pub(super) delivery_bounds_seconds: Vec<f64>,
    pub(super) shards: Vec<Shard>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Process {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: u64,
}

/// One shard since its start.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shard {
    pub(super) connections: u64,
    pub(super) paused: u64,
    pub(super) mail_waiting: u64,
    pub(super) opened: u64,
    pub(super) closed: u64,
    pub(super) messages_in: u64,
    pub(super) bytes_in: u64,
    pub(super) messages_out: u64,
    pub(super) bytes_out: u64,
    pub(super) skipped: u64,
    pub(super) backlog_bytes: u64,
    pub(super) replies_bytes: u64,
    pub(super) turns: Vec<u64>,
    pub(super) deliveries: Vec<u64>,
    pub(super) turn_seconds: f64,
    pub(super) turn_age_seconds: f64,
}

/// `/admin/slow`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Slow {
    pub(super) connections: Vec<Connection>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Connection {
    pub(super) id: String,
    pub(super) user: String,
    pub(super) address: String,
    pub(super) topics: Vec<String>,
    pub(super) subscriptions: u64,
    pub(super) backlog_bytes: u64,
    pub(super) blocked_seconds: f64,
}

/// `/admin/topics`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Topics {
    pub(super) topics: Vec<Topic>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Topic {
    pub(super) topic: String,
    pub(super) subscribers: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) messages_per_second: Option<f64>,
    pub(super) messages: u64,
    pub(super) backlog_bytes: u64,
}

/// What shards were asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    pub(super) slow: Vec<Connection>,
    pub(super) topics: Vec<Topic>,
}
