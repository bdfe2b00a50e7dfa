//! What a run was like over time: a bounded number of samples, as columns.
//!
//! The leader takes the samples, between looking after its threads; they only count.

mod columns;
mod pulse;
mod sampler;
mod sparse;
mod watch;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use crate::run::series::pulse::{Meter, Part, Pulse};
pub(crate) use crate::run::series::sampler::Sampler;
pub(crate) use crate::run::series::watch::Watch;

/// Samples of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Series {
    /// Seconds between samples at the end of the run; it doubles when there are too many.
    pub(crate) interval_s: f64,
    /// When each sample was taken, in seconds since the first, which is not among them.
    pub(crate) time_s: Vec<f64>,
    /// Of each sample, since the one before; units end the names.
    pub(crate) columns: BTreeMap<String, Vec<Option<f64>>>,
    /// What began when.
    pub(crate) marks: Vec<Mark>,
}

/// A moment of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Mark {
    /// Seconds since the first sample.
    pub(crate) time_s: f64,
    /// What begins here.
    pub(crate) name: String,
    /// Memory of the server with its shared pages by their share, where it was read.
    pub(crate) server_pss_bytes: Option<u64>,
}
