//! The figures of a storm.

use serde::Serialize;

use crate::report::{Counts, Deliveries};
use crate::run::record::Percentiles;

/// Its opening is the first time, before any storm, with the failures of the whole run; its
/// client's cost is that of the last round, while connections came back.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(super) closed_properly: bool,
    pub(super) jitter_s: f64,
    pub(super) resumed: bool,
    pub(super) missed_messages: u32,
    pub(super) rounds: Vec<Round>,
    /// From connect(2) to live, of all tries that got there.
    pub(super) connect_to_live: Percentiles,
    /// One message in each round, to all that were to come back.
    pub(super) deliveries: Deliveries,
    pub(super) steady: Steady,
    /// Why the server ended connections that were live.
    pub(super) ended_early_by_kind: Counts,
    /// Close frames that the server did not answer with one; `opening.failures` has why.
    pub(super) close_unanswered: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Round {
    /// Until all had left.
    pub(super) leave_s: f64,
    pub(super) live_again: u64,
    /// From when they were told to come back until all were live.
    pub(super) all_live_s: f64,
    pub(super) opened_per_s: f64,
    /// Tries that failed and were followed by another.
    pub(super) retries: u64,
    /// Of the server, while they came back, per connection; the steady load is part of it.
    pub(super) server_cpu_us_per_connection: Option<f64>,
    #[serde(flatten)]
    pub(super) recovery: Option<Recovery>,
}

/// How those that resumed came to have everything.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Recovery {
    /// From when they were told to come back until all had all messages.
    pub(super) caught_up_s: f64,
    pub(super) messages_per_s: f64,
    pub(super) gaps_told: u64,
    /// Of the server meanwhile, for each message that was missed and had.
    pub(super) server_cpu_us_per_message: Option<f64>,
    /// The most memory of the server meanwhile, over what it was before.
    pub(super) server_rss_over_start_bytes: Option<u64>,
}

/// Those that stayed.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Steady {
    pub(super) url: String,
    pub(super) subscribers: u32,
    pub(super) rate_per_s: f64,
    pub(super) messages_sent: u32,
    pub(super) deliveries: Deliveries,
    /// From when a message was due to each delivery: before the first round, while others left and
    /// came back, and after they were back.
    pub(super) latency_before: Percentiles,
    pub(super) latency_during: Percentiles,
    pub(super) latency_after: Percentiles,
    /// From when a message was due to when it was sent.
    pub(super) lateness: Percentiles,
}
