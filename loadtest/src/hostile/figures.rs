//! The figures of a run of `hostile`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::hostile::turns::TurnFigures;
use crate::phase::Phase;
use crate::record::Percentiles;
use crate::report::{ClientCost, Findings, Opening, Table, mib, ratio};
use crate::series::Series;
use crate::warning::Warning;

/// All that was found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) passed: bool,
    pub(crate) urls: Vec<String>,
    pub(crate) nice: i32,
    pub(crate) seed: u64,
    pub(crate) duration_s: f64,
    /// Of those who behave: one for each target, before and after.
    pub(crate) opening: Opening,
    /// How long they took after the run, from connect(2) to live.
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
    pub(crate) client: ClientCost,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) series: Series,
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

impl Findings for Figures {
    fn passed(&self) -> bool {
        self.passed
    }

    fn table(&self) -> Table {
        let mut table = Table::of_load(self.passed, &self.urls);
        if self.slow_heads.wanted > 0 {
            self.slow_heads.rows(&mut table);
        }
        if self.garbage.wanted > 0 {
            self.garbage.rows(&mut table);
        }
        for (attack, losses) in &self.attacks {
            table.row("attack", losses.text(attack));
        }
        if let Some(echo) = &self.echo {
            table.percentiles("echo before", &echo.quiet);
            table.percentiles("echo beside", &echo.beside);
            if echo.ended > 0 {
                table.row("", format!("{} of its connections were ended", echo.ended));
            }
        }
        if let Some(turns) = &self.turns {
            table.row("turns", turns.text());
        }
        table.row(
            "by the server",
            format!(
                "{} closed, {} reset",
                self.closed_by_server, self.reset_by_server
            ),
        );
        table.counts("failed", &self.opening.failures);
        let Opening {
            live, connections, ..
        } = self.opening;
        table.row(
            "afterwards",
            format!("{live} of {connections} who behave were let in"),
        );
        if let Some(server) = &self.server {
            table.row(
                "server CPU",
                format!(
                    "{:.2} s, {:.2} cores busy, {:.0} % of it in user space",
                    server.on_cpu_s,
                    server.busy_cores,
                    server.user_share * 100.0
                ),
            );
            let [before, most, after] = [
                server.pss_before_bytes,
                server.pss_most_bytes,
                server.pss_after_bytes,
            ]
            .map(mib);
            table.row(
                "server memory",
                format!("{before:.1} MiB before, {most:.1} at the most, {after:.1} after"),
            );
        }
        table.cost(&self.client, None, "connection");
        table.warnings(&self.warnings);
        table
    }
}

impl SlowHeads {
    fn rows(&self, table: &mut Table) {
        table.row(
            "slow heads",
            format!(
                "{} wanted, {} opened, {} at the most, {} at the end",
                self.wanted, self.opened, self.open_most, self.open_at_end
            ),
        );
        table.counts("slow ended", &self.ends);
        if self.lived.count > 0 {
            table.percentiles("were let live", &self.lived);
        }
    }
}

impl Losses {
    fn text(&self, attack: &str) -> String {
        let ends: Vec<String> = self
            .ends
            .iter()
            .map(|(how, count)| format!("; {count} x {how}"))
            .collect();
        format!(
            "{attack}: {} connections, {} opened, {:.1} MiB sent{}",
            self.connections,
            self.opened,
            mib(self.sent_bytes),
            ends.concat()
        )
    }
}

impl Garbage {
    fn rows(&self, table: &mut Table) {
        let Self {
            connections,
            connected_per_s,
            held_back,
            left_open,
            ..
        } = self;
        table.row(
            "garbage",
            format!(
                "{connections} connections, {connected_per_s:.0}/s; {held_back} held back, \
                 {left_open} not ended by the server"
            ),
        );
        for (kind, ends) in &self.ends {
            let ends: Vec<String> = ends
                .iter()
                .map(|(how, count)| format!("{count} x {how}"))
                .collect();
            table.row("", format!("{kind}: {}", ends.join(", ")));
        }
        table.percentiles("ended after", &self.lived);
    }
}
