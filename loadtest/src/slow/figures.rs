//! The figures of a run with slow readers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::record::Percentiles;
use crate::report::{ClientCost, Deliveries, Findings, Opening, ServerCost, Table, mib};
use crate::series::Series;
use crate::warning::Warning;

/// All that was found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) passed: bool,
    pub(crate) urls: Vec<String>,
    pub(crate) payload_bytes: u32,
    pub(crate) rate_per_s: f64,
    pub(crate) messages_sent: u32,
    pub(crate) opening: Opening,
    /// The others.
    pub(crate) deliveries: Deliveries,
    /// From when a message was due to each delivery to the others, while all read.
    pub(crate) latency_without_slow: Percentiles,
    /// The same beside slow readers.
    pub(crate) latency_beside_slow: Percentiles,
    /// From when a message was due to when it was sent.
    pub(crate) lateness: Percentiles,
    pub(crate) slow: Slow,
    /// Beside slow readers, in the last round, as the two that follow.
    pub(crate) server: Option<ServerCost>,
    pub(crate) client: ClientCost,
    pub(crate) server_pss_before_bytes: Option<u64>,
    /// In the last round, before the slow ones read what is left for them.
    pub(crate) server_pss_beside_slow_bytes: Option<u64>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) series: Series,
}

/// What became of the slow ones.
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

impl Findings for Figures {
    fn passed(&self) -> bool {
        self.passed
    }

    fn table(&self) -> Table {
        let mut table = Table::of_load(self.passed, &self.urls);
        table.opening(&self.opening);
        table.row(
            "messages",
            format!(
                "{} of {} B, {} a second",
                self.messages_sent, self.payload_bytes, self.rate_per_s
            ),
        );
        let d = &self.deliveries;
        table.row("to the others", format!("{} of {}", d.got, d.expected));
        table.row("faults", d.faults_text());
        table.percentiles("without slow", &self.latency_without_slow);
        table.percentiles("beside slow", &self.latency_beside_slow);
        table.percentiles("sent late", &self.lateness);
        let slow = &self.slow;
        let pace = match slow.bytes_per_s {
            0 => "reading nothing".to_owned(),
            rate => format!("reading {rate} B/s"),
        };
        let ended: u64 = slow.ended.values().sum();
        table.row(
            "slow",
            format!(
                "{} {pace}: got {}, missed {}, faulty {}; {ended} ended by the server",
                slow.readers, slow.messages_got, slow.messages_missed, slow.messages_faulty
            ),
        );
        table.counts("slow ended", &slow.ended);
        if let (Some(before), Some(beside)) = (
            self.server_pss_before_bytes,
            self.server_pss_beside_slow_bytes,
        ) {
            let text = format!(
                "{:.1} MiB before, {:.1} MiB beside",
                mib(before),
                mib(beside)
            );
            table.row("server memory", text);
        }
        table.cost(&self.client, self.server.as_ref(), "delivery");
        table.warnings(&self.warnings);
        table
    }
}
