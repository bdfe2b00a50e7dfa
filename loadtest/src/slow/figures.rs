//! The figures of a run with slow readers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::{Base, Load};
use crate::record::Percentiles;
use crate::report::{Deliveries, ServerCost};

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    pub(crate) base: Base,
    pub(crate) payload_bytes: u32,
    pub(crate) rate_per_s: f64,
    pub(crate) messages_sent: u32,
    /// The others.
    pub(crate) deliveries: Deliveries,
    /// From when a message was due to each delivery to the others, while all read.
    pub(crate) latency_without_slow: Percentiles,
    /// The same beside slow readers.
    pub(crate) latency_beside_slow: Percentiles,
    /// From when a message was due to when it was sent.
    pub(crate) lateness: Percentiles,
    pub(crate) slow: Slow,
    /// Beside slow readers, in the last round, as `client` is.
    pub(crate) server: Option<ServerCost>,
    pub(crate) server_pss_before_bytes: Option<u64>,
    /// In the last round, before the slow ones read what is left for them.
    pub(crate) server_pss_beside_slow_bytes: Option<u64>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Slow {
    pub(crate) readers: u32,
    /// Zero if they did not read.
    pub(crate) bytes_per_s: u32,
    pub(crate) messages_got: u64,
    /// Skipped, or sent after the server had closed them.
    pub(crate) messages_missed: u64,
    /// Changed, repeated or out of order.
    pub(crate) messages_faulty: u64,
    /// Ended by the server, by kind.
    pub(crate) ended: BTreeMap<String, u64>,
}

impl Load for Figures {
    fn base(&self) -> &Base {
        &self.base
    }
}
