//! The figures of a run of `hostile`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::{Base, Load};
use crate::hostile::turns::TurnFigures;
use crate::phase::Phase;
use crate::record::Percentiles;
use crate::report::ratio;

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// Its opening is that of the client that behaves: one connection for each target, afterwards.
    #[serde(flatten)]
    pub(crate) base: Base,
    pub(crate) nice: i32,
    pub(crate) seed: u64,
    pub(crate) duration_s: f64,
    /// Of these, from connect(2) to live.
    pub(crate) connect_to_live: Percentiles,
    pub(crate) slow_heads: SlowHeads,
    pub(crate) garbage: Garbage,
    /// By attack.
    pub(crate) attacks: BTreeMap<String, Losses>,
    /// What the client that behaves saw beside the attacks.
    pub(crate) echo: Option<Echo>,
    /// Turns of the server's event loops meanwhile.
    pub(crate) turns: Option<TurnFigures>,
    /// Of all connections: ended by the server with the end of the stream.
    pub(crate) closed_by_server: u64,
    /// With a reset.
    pub(crate) reset_by_server: u64,
    pub(crate) server: Option<Server>,
}

/// What became of slow heads.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SlowHeads {
    pub(crate) wanted: u32,
    pub(crate) byte_every_s: f64,
    /// Each time counted.
    pub(crate) opened: u64,
    /// The most that were open at once.
    pub(crate) open_most: u64,
    /// When the time was over.
    pub(crate) open_at_end: u64,
    /// Of those that the server ended, from connected to the end.
    pub(crate) lived: Percentiles,
    /// By the server's answer.
    pub(crate) ends: BTreeMap<String, u64>,
}

/// What became of garbage.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Garbage {
    pub(crate) wanted: u32,
    pub(crate) connections: u64,
    pub(crate) connected_per_s: f64,
    /// Due and not begun, as too many were still open.
    pub(crate) held_back: u64,
    /// Not ended by the server within the patience.
    pub(crate) left_open: u64,
    /// Of those that the server ended, from connected to the end.
    pub(crate) lived: Percentiles,
    /// By what was sent, and by the server's answer.
    pub(crate) ends: BTreeMap<&'static str, BTreeMap<String, u64>>,
}

/// What the connections of an attack did and met.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Losses {
    pub(crate) connections: usize,
    /// Each time counted.
    pub(crate) opened: u64,
    pub(crate) sent_bytes: u64,
    /// How connections ended, and the status of answers, each with how often.
    pub(crate) ends: BTreeMap<String, u64>,
}

/// What the client that behaves saw: the time from when a message was due to when it came back.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Echo {
    /// Before the attacks.
    pub(crate) quiet: Percentiles,
    /// Beside them.
    pub(crate) beside: Percentiles,
    /// Connections of it that the server has ended.
    pub(crate) ended: u64,
}

/// What it cost the server.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Server {
    pub(crate) on_cpu_s: f64,
    /// CPUs in use; 1 is one core all the time.
    pub(crate) busy_cores: f64,
    pub(crate) user_share: f64,
    pub(crate) pss_before_bytes: u64,
    /// The most of one look each second.
    pub(crate) pss_most_bytes: u64,
    /// When all had gone.
    pub(crate) pss_after_bytes: u64,
    /// The most that was resident since it was started.
    pub(crate) rss_most_bytes: Option<u64>,
}

impl Server {
    /// From the phase, and the memory before, at its most and after.
    pub(super) fn new(
        phase: &Phase,
        [before, most, after]: [u64; 3],
        rss_most_bytes: Option<u64>,
    ) -> Self {
        let on_cpu_s = phase.server.on_cpu_ns as f64 / 1e9;
        let ticks = phase.server.user_s + phase.server.system_s;
        Self {
            on_cpu_s,
            busy_cores: ratio(on_cpu_s, phase.wall_s),
            user_share: ratio(phase.server.user_s, ticks),
            pss_before_bytes: before,
            pss_most_bytes: most,
            pss_after_bytes: after,
            rss_most_bytes,
        }
    }
}

impl Load for Figures {
    fn base(&self) -> &Base {
        &self.base
    }
}
