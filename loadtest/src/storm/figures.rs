//! The figures of a storm.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::record::Percentiles;
use crate::report::{ClientCost, Deliveries, Findings, Opening, Table};
use crate::series::Series;
use crate::warning::Warning;

/// All that was found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) passed: bool,
    pub(crate) urls: Vec<String>,
    pub(crate) closed_properly: bool,
    pub(crate) jitter_s: f64,
    /// The first time, before any storm; its failures are those of the whole run.
    pub(crate) opening: Opening,
    pub(crate) rounds: Vec<Round>,
    /// From connect(2) to live, of all tries that got there.
    pub(crate) connect_to_live: Percentiles,
    /// One message in each round, to all who were to come back.
    pub(crate) deliveries: Deliveries,
    pub(crate) steady: Steady,
    /// Why the server ended connections that were live.
    pub(crate) ended_early_by_kind: BTreeMap<String, u64>,
    /// Close frames that the server did not answer with one; `opening.failures` has why.
    pub(crate) close_unanswered: u64,
    /// While those who left came back, in the last round.
    pub(crate) client: ClientCost,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) series: Series,
}

/// One round.
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

/// Those who stayed.
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

impl Findings for Figures {
    fn passed(&self) -> bool {
        self.passed
    }

    fn table(&self) -> Table {
        let mut table = Table::of_load(self.passed, &self.urls);
        table.opening(&self.opening);
        for (number, round) in (1..).zip(&self.rounds) {
            let cpu = round
                .server_cpu_us_per_connection
                .map(|us| format!(", server {us:.0} us per connection"));
            table.row(
                "storm",
                format!(
                    "{number}: left in {:.3} s, {} live again in {:.3} s, {:.0}/s, {} retries{}",
                    round.leave_s,
                    round.live_again,
                    round.all_live_s,
                    round.opened_per_s,
                    round.retries,
                    cpu.unwrap_or_default()
                ),
            );
        }
        table.percentiles("to live", &self.connect_to_live);
        let d = &self.deliveries;
        table.row("then reached", format!("{} of {}", d.got, d.expected));
        table.row("faults", d.faults_text());
        table.counts("ended early", &self.ended_early_by_kind);
        let steady = &self.steady;
        table.row(
            "steady",
            format!(
                "{} at {} with {} messages a second, {} of {} deliveries",
                steady.subscribers,
                steady.url,
                steady.rate_per_s,
                steady.deliveries.got,
                steady.deliveries.expected
            ),
        );
        table.row("their faults", steady.deliveries.faults_text());
        table.percentiles("before", &steady.latency_before);
        table.percentiles("during", &steady.latency_during);
        table.percentiles("after", &steady.latency_after);
        table.percentiles("sent late", &steady.lateness);
        table.cost(&self.client, None, "connection");
        table.warnings(&self.warnings);
        table
    }
}
