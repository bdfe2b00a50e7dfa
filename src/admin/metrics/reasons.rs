//! What ended, was refused, denied or limited, by reason.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::admin::metrics::Scrape;
use crate::close_reason::CloseReason;
use crate::counters::{Limit, STATUSES};
use crate::denial::Denial;

impl Scrape {
    /// Every reason, status and limit exists from the start, with 0.
    pub(super) fn encode_reasons(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let closes = CloseReason::all().map(|reason| {
            let count = self.sum(|counters| counters.closed[reason.index()]);
            (reason.label().to_owned(), count)
        });
        let help = "Connections that ended, by reason.";
        encode_labelled(encoder, "closes", help, "reason", closes)?;

        let statuses = STATUSES.iter().map(u16::to_string);
        let statuses = statuses.chain(["other".to_owned()]).enumerate();
        let refusals = statuses.map(|(index, status)| {
            let count = self.sum(|counters| counters.refused[index]);
            (status, count)
        });
        let help = "Requests refused, by the status of the answer.";
        encode_labelled(encoder, "http_refusals", help, "status", refusals)?;

        let denials = Denial::ALL.into_iter().map(|denial| {
            let count = self.sum(|counters| counters.denied[denial.index()]);
            (denial.label().to_owned(), count)
        });
        let help = "Clients not admitted, or not permitted what they asked for, by reason.";
        encode_labelled(encoder, "denials", help, "reason", denials)?;

        let hits = Limit::ALL.into_iter().map(|limit| {
            let count = self.sum(|counters| counters.limited[limit.index()]);
            (limit.label().to_owned(), count)
        });
        let help =
            "Times that a limit took effect, for limits without a close reason of their own.";
        encode_labelled(encoder, "limit_hits", help, "limit", hits)
    }
}

fn encode_labelled(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &'static str,
    counts: impl Iterator<Item = (String, u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (value, count) in counts {
        let labels = [(label, value)];
        let mut one = metric.encode_family(&labels)?;
        one.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    Ok(())
}
