//! What a server holds, and the steps by which that was found.

use serde::Serialize;

use crate::commands::capacity::evidence::GaveOut;

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(super) limit_p99_us: f64,
    pub(super) payload_bytes: u32,
    /// The most connections at one rate of messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) most_connections: Option<Answer>,
    /// The most messages a second to so many connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) most_messages: Option<Answer>,
    pub(super) steps: Vec<Step>,
}

/// The highest load that held, and what gave out above it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Answer {
    pub(super) connections: u64,
    pub(super) messages_per_s: u64,
    pub(super) deliveries_per_s: f64,
    pub(super) p99_us: f64,
    /// The level above that broke, connections or messages a second.
    pub(super) broke_at: Option<u64>,
    pub(super) gave_out: GaveOut,
}

/// One load that was tried.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Step {
    pub(super) held: bool,
    pub(super) connections: u64,
    pub(super) messages_per_s: u64,
    pub(super) deliveries_per_s: f64,
    pub(super) p99_us: f64,
    pub(super) server_busy_cores: Option<f64>,
    pub(super) client_busy_share: f64,
    pub(super) host_busy_share: f64,
    /// What gave out, if anything did.
    pub(super) gave_out: String,
}
