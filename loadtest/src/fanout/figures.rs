//! The figures of a fan-out run.

use serde::Serialize;

use crate::reach::Reached;
use crate::record::Percentiles;
use crate::report::{
    ClientCost, Deliveries, Findings, Opening, ServerCost, ServerMemory, Table, mib,
};
use crate::series::Series;
use crate::warning::Warning;

/// All that a fan-out run found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) passed: bool,
    pub(crate) urls: Vec<String>,
    pub(crate) publish_urls: Vec<String>,
    pub(crate) payload_bytes: u32,
    pub(crate) publishers: u32,
    pub(crate) rate_per_s: Option<f64>,
    /// Mean bytes of a message that came compressed, without the header of its frame.
    pub(crate) compressed_bytes: Option<f64>,
    /// Rest of the client between turns, which is part of every latency.
    pub(crate) gather_us: u32,
    pub(crate) opening: Opening,
    pub(crate) messages_sent: u64,
    pub(crate) deliveries: Deliveries,
    pub(crate) message_phase_s: f64,
    pub(crate) deliveries_per_s: f64,
    /// From when a message was due to each delivery.
    pub(crate) latency: Percentiles,
    /// From when a message was due to its first, its median and its last delivery.
    pub(crate) reached: Reached,
    /// From when a message was due to when it was sent.
    pub(crate) lateness: Option<Percentiles>,
    pub(crate) client: ClientCost,
    pub(crate) server: Option<ServerCost>,
    pub(crate) server_memory: Option<ServerMemory>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) series: Series,
}

impl Findings for Figures {
    fn passed(&self) -> bool {
        self.passed
    }

    fn table(&self) -> Table {
        let mut table = Table::of_load(self.passed, &self.urls);
        table.row("published to", self.publish_urls.join(" "));
        table.opening(&self.opening);
        let pace = match self.rate_per_s {
            Some(rate) => format!("{rate} a second"),
            None => "each after the one before".to_owned(),
        };
        table.row(
            "messages",
            format!(
                "{} of {} B by {} publishers, {pace}",
                self.messages_sent, self.payload_bytes, self.publishers
            ),
        );
        if let Some(bytes) = self.compressed_bytes {
            table.row("compressed", format!("to {bytes:.0} B on average"));
        }
        let d = &self.deliveries;
        table.deliveries(d, self.message_phase_s, self.deliveries_per_s);
        if d.copies_to_publishers > 0 {
            let (copies, faulty) = (d.copies_to_publishers, d.copies_faulty);
            table.row("to publishers", format!("{copies} copies, faulty {faulty}"));
        }
        if let Some(first) = &d.first_misorder {
            table.row("misordered at", first.clone());
        }
        if d.got > 0 {
            table.percentiles("latency", &self.latency);
        }
        if self.reached.messages > 0 {
            table.percentiles("to the first", &self.reached.to_first);
            table.percentiles("to the median", &self.reached.to_median);
            table.percentiles("to the last", &self.reached.to_last);
            table.percentiles("first to last", &self.reached.first_to_last);
        }
        if let Some(lateness) = &self.lateness
            && d.got > 0
        {
            table.percentiles("sent late", lateness);
        }
        table.cost(&self.client, self.server.as_ref(), "delivery");
        if let Some(memory) = &self.server_memory {
            table.row("server memory", memory_text(memory));
        }
        table.warnings(&self.warnings);
        table
    }
}

fn memory_text(memory: &ServerMemory) -> String {
    let slope = memory
        .pss_slope_bytes_per_connection
        .map(|bytes| format!("; between the marks {bytes:.0} B"));
    format!(
        "{:.1} MiB before, {:.1} MiB connected, {:.0} B per connection{}",
        mib(memory.pss_before_bytes),
        mib(memory.pss_connected_bytes),
        memory.pss_bytes_per_connection,
        slope.unwrap_or_default()
    )
}
