//! The figures of a storm.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::{Base, Load};
use crate::record::Percentiles;
use crate::report::Deliveries;

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// Its opening is the first time, before any storm, with the failures of the whole run; its
    /// client's cost is that of the last round, while connections came back.
    #[serde(flatten)]
    pub(crate) base: Base,
    pub(crate) closed_properly: bool,
    pub(crate) jitter_s: f64,
    pub(crate) rounds: Vec<Round>,
    /// From connect(2) to live, of all tries that got there.
    pub(crate) connect_to_live: Percentiles,
    /// One message in each round, to all that were to come back.
    pub(crate) deliveries: Deliveries,
    pub(crate) steady: Steady,
    /// Why the server ended connections that were live.
    pub(crate) ended_early_by_kind: BTreeMap<String, u64>,
    /// Close frames that the server did not answer with one; `opening.failures` has why.
    pub(crate) close_unanswered: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Round {
    /// Until all had left.
    pub(crate) leave_s: f64,
    pub(crate) live_again: u64,
    /// From when they were told to come back until all were live.
    pub(crate) all_live_s: f64,
    pub(crate) opened_per_s: f64,
    /// Tries that failed and were followed by another.
    pub(crate) retries: u64,
    /// Of the server, while they came back, per connection; the steady load is part of it.
    pub(crate) server_cpu_us_per_connection: Option<f64>,
}

/// Those that stayed.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Steady {
    pub(crate) url: String,
    pub(crate) subscribers: u32,
    pub(crate) rate_per_s: f64,
    pub(crate) messages_sent: u32,
    pub(crate) deliveries: Deliveries,
    /// From when a message was due to each delivery: before the first round, while others left and
    /// came back, and after they were back.
    pub(crate) latency_before: Percentiles,
    pub(crate) latency_during: Percentiles,
    pub(crate) latency_after: Percentiles,
    /// From when a message was due to when it was sent.
    pub(crate) lateness: Percentiles,
}

impl Load for Figures {
    fn base(&self) -> &Base {
        &self.base
    }
}
