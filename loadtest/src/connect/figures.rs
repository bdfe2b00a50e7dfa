//! The figures of a run of `connect`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::{Base, Load};
use crate::phase::Phase;
use crate::record::Percentiles;
use crate::report::ratio;

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    pub(crate) base: Base,
    pub(crate) rate_per_s: Option<f64>,
    pub(crate) window: usize,
    /// From connect(2) to live, of the tries that got there.
    pub(crate) connect_to_live: Percentiles,
    pub(crate) hold_s: f64,
    pub(crate) pings_answered: u64,
    pub(crate) ended_early_by_kind: BTreeMap<String, u64>,
    /// Messages, though none was published.
    pub(crate) unexpected_messages: u64,
    pub(crate) server: Option<Server>,
    /// State of the client for each connection, beside the kernel's.
    pub(crate) client_link_bytes: usize,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Server {
    pub(crate) cpu_us_per_connection: f64,
    pub(crate) user_us_per_connection: f64,
    pub(crate) opening_busy_cores: f64,
    /// While all were held and nothing was published, if they were held at all.
    pub(crate) idle_busy_cores: Option<f64>,
    pub(crate) pss_before_bytes: u64,
    pub(crate) pss_connected_bytes: u64,
    pub(crate) pss_bytes_per_connection: f64,
}

impl Server {
    /// From the phases, the connections that were opened, and the memory before and after.
    pub(super) fn new(
        opening: &Phase,
        holding: Option<&Phase>,
        live: u64,
        pss: (u64, u64),
    ) -> Self {
        let cpu_s = |phase: &Phase| phase.server.on_cpu_ns as f64 / 1e9;
        let ticks = opening.server.user_s + opening.server.system_s;
        let per_connection = ratio(cpu_s(opening) * 1e6, live as f64);
        Self {
            cpu_us_per_connection: per_connection,
            user_us_per_connection: per_connection * ratio(opening.server.user_s, ticks),
            opening_busy_cores: ratio(cpu_s(opening), opening.wall_s),
            idle_busy_cores: holding.map(|phase| ratio(cpu_s(phase), phase.wall_s)),
            pss_before_bytes: pss.0,
            pss_connected_bytes: pss.1,
            pss_bytes_per_connection: ratio(pss.1 as f64 - pss.0 as f64, live as f64),
        }
    }
}

impl Load for Figures {
    fn base(&self) -> &Base {
        &self.base
    }
}
