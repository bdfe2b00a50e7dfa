//! Something that makes the figures doubtful: what is the matter, what it does to them, what to do.

mod after;
mod before;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use crate::host::warning::after::after;
pub(crate) use crate::host::warning::before::{Demand, before};

use crate::report::ClientCost;

/// Something that makes the figures doubtful, and its remedy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Warning {
    /// A word for programs, as `client-busy`.
    pub(crate) name: String,
    /// What is the matter.
    pub(crate) what: String,
    /// What it does to the figures.
    pub(crate) effect: String,
    /// What to do; a command where there is one.
    pub(crate) remedy: String,
}

/// A schedule may slip this much.
const LATE_US_MAX: f64 = 1_000.0;

impl Warning {
    /// One with its three sentences.
    pub(crate) fn new(
        name: &str,
        what: impl Into<String>,
        effect: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            what: what.into(),
            effect: effect.into(),
            remedy: remedy.into(),
        }
    }

    /// The same if it is so.
    fn if_so(
        is_so: bool,
        name: &str,
        what: impl Into<String>,
        effect: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Option<Self> {
        is_so.then(|| Self::new(name, what, effect, remedy))
    }

    /// One that is all said in one sentence.
    pub(crate) fn note(name: &str, what: impl Into<String>) -> Self {
        Self::new(name, what, "", "")
    }

    /// What can be told of the client after a run.
    pub(crate) fn find(client: &ClientCost, late_us: f64) -> Vec<Self> {
        let busy = Self::if_so(
            client.is_busy(),
            "client-busy",
            format!("the client was {:.0} % busy", client.busy_share * 100.0),
            "this run measures the client: the server could do more, and latencies have the \
             client's queue in them",
            "give the client more CPUs and --threads, or ask for fewer connections or a lower \
             --rate",
        );
        let late = Self::if_so(
            late_us > LATE_US_MAX,
            "schedule-late",
            format!("messages went out up to {late_us:.0} us late (p99)"),
            "the client's CPU was taken or the server slowed the publishers; latency counts from \
             when they were due",
            "lower --rate, or give the client a CPU that nothing else uses: taskset -c",
        );
        busy.into_iter().chain(late).collect()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        let more = [(": ", &self.effect), ("; ", &self.remedy)];
        for (between, text) in more.into_iter().filter(|(_, text)| !text.is_empty()) {
            write!(f, "{between}{text}")?;
        }
        Ok(())
    }
}
