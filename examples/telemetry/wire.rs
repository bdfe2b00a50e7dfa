//! The messages of devices and to browsers, as JSON.

use serde::{Deserialize, Serialize};

use crate::history::Point;

/// What a browser sends for a snapshot. It is not JSON, so it cannot be a reading.
pub(crate) const SNAPSHOT: &[u8] = b"snapshot";

/// Bytes of a device's or metric's name, in UTF-8.
const NAME_BYTES_MAX: usize = 40;

/// One reading of a device.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reading {
    pub(crate) device: String,
    pub(crate) metric: String,
    /// Finite: JSON has no infinity, and a number that is too large is refused.
    pub(crate) value: f64,
    /// By the device's clock, in milliseconds since 1970.
    pub(crate) at: u64,
}

/// What a browser receives; a device receives only errors.
#[derive(Serialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub(crate) enum Report<'a> {
    /// All values, with all changes up to `seq`.
    Snapshot {
        seq: u64,
        refused: u64,
        series: Vec<State<'a>>,
    },
    /// The changes since the last report, which had the number `seq - 1`.
    Changes {
        seq: u64,
        refused: u64,
        series: Vec<State<'a>>,
        /// Removed devices and metrics.
        gone: &'a [(String, String)],
    },
    /// Why a reading was refused.
    Error { error: &'a str },
}

/// One metric of one device.
#[derive(Serialize)]
pub(crate) struct State<'a> {
    pub(crate) device: &'a str,
    pub(crate) metric: &'a str,
    pub(crate) value: f64,
    pub(crate) at: u64,
    /// Milliseconds since the reading came in.
    pub(crate) age: u64,
    /// Readings so far.
    pub(crate) count: u64,
    /// There was no reading for a while.
    pub(crate) stale: bool,
    /// The last minute, in a snapshot: ages in milliseconds with values, the oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<Vec<Point>>,
}

impl Reading {
    /// Reads and checks a device's message.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, &'static str> {
        let reading: Self = serde_json::from_slice(payload)
            .map_err(|_| r#"expected {"device":…,"metric":…,"value":number,"at":milliseconds}"#)?;
        let is_name = |name: &str| {
            (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
        };
        if !is_name(&reading.device) || !is_name(&reading.metric) {
            return Err("device and metric have 1 to 40 bytes, and no control characters");
        }
        Ok(reading)
    }
}

pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "texts and numbers always are JSON")]
    let bytes = serde_json::to_vec(value).expect("texts and numbers");
    bytes
}
