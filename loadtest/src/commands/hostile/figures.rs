//! The figures of a run of `hostile`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::client::control::load;
use crate::commands::hostile::HostileArgs;
use crate::commands::hostile::attack::Attack;
use crate::commands::hostile::orders::{Meters, Tally};
use crate::host::admin::TurnFigures;
use crate::report::{Counts, ratio};
use crate::run::phase::Phase;
use crate::run::record::Percentiles;

/// Its opening is that of the client that behaves: one connection for each target, afterwards.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
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
    /// Of all slow heads and garbage: ended by the server with the end of the stream.
    pub(crate) closed_by_server: u64,
    /// With a reset.
    pub(crate) reset_by_server: u64,
    pub(crate) server: Option<Server>,
}

/// What became of slow heads.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SlowHeads {
    wanted: u32,
    byte_every_s: f64,
    /// Each time counted.
    opened: u64,
    /// The most that were open at once.
    open_most: u64,
    /// When the time was over.
    pub(super) open_at_end: u64,
    /// Of those that the server ended, from connected to the end.
    lived: Percentiles,
    /// By the server's answer.
    ends: Counts,
}

/// What became of garbage.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Garbage {
    wanted: u32,
    connections: u64,
    connected_per_s: f64,
    /// Due and not begun, as too many were still open.
    held_back: u64,
    /// Not ended by the server within the patience.
    pub(super) left_open: u64,
    /// Of those that the server ended, from connected to the end.
    lived: Percentiles,
    /// By what was sent, and by the server's answer.
    ends: BTreeMap<&'static str, Counts>,
}

/// What the connections of an attack did and met.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Losses {
    connections: usize,
    /// Each time counted.
    opened: u64,
    sent_bytes: u64,
    /// How connections ended, and the status of answers, each with how often.
    ends: Counts,
}

/// What the client that behaves saw: the time from when a message was due to when it came back.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Echo {
    /// Before the attacks.
    pub(super) quiet: Percentiles,
    /// Beside them.
    pub(super) beside: Percentiles,
    /// Connections of it that the server has ended.
    pub(super) ended: u64,
}

/// What it cost the server.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Server {
    on_cpu_s: f64,
    /// CPUs in use; 1 is one core all the time.
    busy_cores: f64,
    user_share: f64,
    pss_before_bytes: u64,
    /// The most of one look each second.
    pss_most_bytes: u64,
    /// When all had gone.
    pss_after_bytes: u64,
    /// The most that was resident since it was started.
    rss_most_bytes: Option<u64>,
}

impl Server {
    /// From the phase, and the memory before, at its most and after.
    pub(super) fn new(phase: &Phase, pss: [u64; 3], rss_most_bytes: Option<u64>) -> Self {
        Self {
            on_cpu_s: phase.server.cpu_s(),
            busy_cores: ratio(phase.server.cpu_s(), phase.wall_s),
            user_share: phase.server.user_share(),
            pss_before_bytes: pss[0],
            pss_most_bytes: pss[1],
            pss_after_bytes: pss[2],
            rss_most_bytes,
        }
    }
}

impl Figures {
    /// Fills in what became of all that misbehaved; `wanted` are the attacks.
    pub(super) fn tell(
        &mut self,
        args: &HostileArgs,
        meters: &Meters,
        mut tally: Tally,
        wanted: &[(Attack, usize)],
    ) {
        (self.closed_by_server, self.reset_by_server) = (tally.closed, tally.reset);
        self.slow_heads = SlowHeads {
            wanted: args.slow_headers,
            byte_every_s: args.slow_byte_every,
            opened: load(&meters.slow_opened),
            open_most: load(&meters.slow_open_most),
            open_at_end: self.slow_heads.open_at_end,
            lived: tally.slow_lived.percentiles(),
            ends: tally.slow_ends,
        };
        let connections = load(&meters.garbage_made);
        self.garbage = Garbage {
            wanted: args.garbage_per_s,
            connections,
            connected_per_s: ratio(connections as f64, self.duration_s),
            held_back: tally.held_back,
            left_open: tally.left_open,
            lived: tally.garbage_lived.percentiles(),
            ends: tally.garbage_ends,
        };
        for (attack, connections) in wanted {
            let losses = tally.attacks.remove(attack).unwrap_or_default();
            let told = Losses {
                connections: *connections,
                opened: losses.opened,
                sent_bytes: losses.sent,
                ends: losses.ends,
            };
            self.attacks.insert(attack.label(), told);
        }
    }
}
