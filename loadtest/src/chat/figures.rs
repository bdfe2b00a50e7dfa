//! The figures of a chat.

use serde::Serialize;

use crate::reach::Reached;
use crate::record::Percentiles;
use crate::report::{ClientCost, Deliveries, Findings, Opening, ServerCost, Table};
use crate::series::Series;
use crate::warning::Warning;

/// All that was found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) passed: bool,
    pub(crate) urls: Vec<String>,
    pub(crate) payload_bytes: u32,
    pub(crate) rate_per_s: Option<f64>,
    pub(crate) opening: Opening,
    pub(crate) messages_sent: u64,
    pub(crate) deliveries: Deliveries,
    pub(crate) message_phase_s: f64,
    pub(crate) deliveries_per_s: f64,
    /// From when a message was due to each delivery.
    pub(crate) latency: Percentiles,
    /// To the delivery to its own sender.
    pub(crate) own_latency: Percentiles,
    /// To its first, its median and its last delivery.
    pub(crate) reached: Reached,
    /// From when a message was due to when it was sent.
    pub(crate) lateness: Option<Percentiles>,
    pub(crate) client: ClientCost,
    pub(crate) server: Option<ServerCost>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) series: Series,
}

impl Findings for Figures {
    fn passed(&self) -> bool {
        self.passed
    }

    fn table(&self) -> Table {
        let mut table = Table::of_load(self.passed, &self.urls);
        table.opening(&self.opening);
        let pace = match self.rate_per_s {
            Some(rate) => format!("{rate} a second"),
            None => "each after its own before".to_owned(),
        };
        table.row(
            "messages",
            format!("{} of {} B, {pace}", self.messages_sent, self.payload_bytes),
        );
        let d = &self.deliveries;
        table.deliveries(d, self.message_phase_s, self.deliveries_per_s);
        if let Some(first) = &d.first_misorder {
            table.row("misordered at", first.clone());
        }
        if d.got > 0 {
            table.percentiles("latency", &self.latency);
            table.percentiles("to its sender", &self.own_latency);
        }
        if self.reached.messages > 0 {
            table.percentiles("to the first", &self.reached.to_first);
            table.percentiles("to the median", &self.reached.to_median);
            table.percentiles("to the last", &self.reached.to_last);
        }
        if let Some(lateness) = &self.lateness {
            table.percentiles("sent late", lateness);
        }
        table.cost(&self.client, self.server.as_ref(), "delivery");
        table.warnings(&self.warnings);
        table
    }
}
