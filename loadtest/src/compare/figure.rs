//! The figures of two runs: which is better, and by how much.

use crate::page::unit::Unit;

/// A figure of two runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// Where it is in the JSON, as `latency.p50_us`.
    pub(crate) path: String,
    pub(crate) before: f64,
    pub(crate) after: f64,
    pub(crate) verdict: Verdict,
}

/// What became of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Better,
    Worse,
    /// Within the threshold.
    Same,
    /// Neither more nor less is better.
    NotJudged,
}

/// What is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    More,
    Less,
    /// Not a single one; one that is absent is none.
    None,
    /// Does not matter.
    Any,
}

/// Faults: from none to one is worse, whatever the threshold.
const FAULTS: &[&str] = &[
    "lost",
    "duplicated",
    "reordered",
    "misordered",
    "subscribers_off_order",
    "foreign",
    "copies_faulty",
    "wrong",
    "ended_early",
    "unexpected_messages",
    "messages_faulty",
    "close_unanswered",
    "left_open",
];
/// Counts by kind, which are there only where there are any.
const FAULTS_BY_KIND: &[&str] = &["failures.", "ended_early_by_kind.", "slow.ended."];
/// Of single messages, or of what was asked for: they differ from run to run.
const NOT_JUDGED: &[&str] = &[
    "min_us",
    "max_us",
    "p9999_us",
    "rate_per_s",
    "gather_us",
    "payload_bytes",
    "busy_share",
    "pss_before_bytes",
];

impl Figure {
    /// One figure of two runs; the same if it differs by no more than `threshold`, a share.
    pub(crate) fn new(path: &str, before: f64, after: f64, threshold: f64) -> Self {
        let grown = after - before;
        let is_same = grown.abs() <= threshold * before.abs();
        let judge = |is_better: bool| match (is_same, is_better) {
            (true, _) => Verdict::Same,
            (false, true) => Verdict::Better,
            (false, false) => Verdict::Worse,
        };
        let verdict = match wanted(path) {
            Wanted::More => judge(grown > 0.0),
            Wanted::Less => judge(grown < 0.0),
            Wanted::None if grown > 0.0 => Verdict::Worse,
            Wanted::None if grown < 0.0 => Verdict::Better,
            Wanted::None => Verdict::Same,
            Wanted::Any => Verdict::NotJudged,
        };
        Self {
            path: path.to_owned(),
            before,
            after,
            verdict,
        }
    }

    /// After by before; none if there is nothing to divide by.
    pub(crate) fn ratio(&self) -> Option<f64> {
        (self.before != 0.0).then(|| self.after / self.before)
    }

    /// Both numbers in their unit, and the ratio.
    pub(crate) fn texts(&self) -> [String; 3] {
        let (unit, _) = Unit::split(last(&self.path));
        let ratio = self
            .ratio()
            .map_or(String::new(), |ratio| format!("{ratio:.3}"));
        [unit.text(self.before), unit.text(self.after), ratio]
    }
}

impl Verdict {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "WORSE",
            Self::Same => "same",
            Self::NotJudged => "",
        }
    }
}

/// Whether a figure is a number of faults, of which there are to be none.
pub(super) fn is_fault(path: &str) -> bool {
    wanted(path) == Wanted::None
}

fn wanted(path: &str) -> Wanted {
    let name = last(path);
    let is_fault_of_kind = FAULTS_BY_KIND.iter().any(|group| path.contains(group));
    if FAULTS.contains(&name) || is_fault_of_kind {
        return Wanted::None;
    }
    if NOT_JUDGED.contains(&name) {
        return Wanted::Any;
    }
    if matches!(name, "passed" | "live" | "got" | "round_trips") {
        return Wanted::More;
    }
    match Unit::split(name).0 {
        Unit::PerSecond => Wanted::More,
        Unit::Micros | Unit::Bytes => Wanted::Less,
        Unit::Seconds if name.starts_with("open") => Wanted::Less,
        _ if name.contains("_to_") || name == "memory_growth_percent" => Wanted::Less,
        _ => Wanted::Any,
    }
}

/// The last part of a path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_or_less_is_better_by_the_name() {
        for (path, before, after, expected) in [
            ("latency.p99_us", 100.0, 120.0, Verdict::Worse),
            ("latency.p99_us", 100.0, 80.0, Verdict::Better),
            ("latency.p99_us", 100.0, 105.0, Verdict::Same),
            ("latency.max_us", 100.0, 900.0, Verdict::NotJudged),
            ("deliveries_per_s", 100.0, 120.0, Verdict::Better),
            ("deliveries.lost", 0.0, 1.0, Verdict::Worse),
            ("deliveries.lost", 0.0, 0.0, Verdict::Same),
            ("opening.failures.reset", 0.0, 2.0, Verdict::Worse),
            (
                "server_memory.pss_bytes_per_connection",
                300.0,
                600.0,
                Verdict::Worse,
            ),
            (
                "cells.1.median.corecast_to_inline",
                1.0,
                1.3,
                Verdict::Worse,
            ),
            ("client.threads", 2.0, 4.0, Verdict::NotJudged),
            ("passed", 1.0, 0.0, Verdict::Worse),
            ("slow.ended.reset by the server", 0.0, 1.0, Verdict::Worse),
            ("unexpected_messages", 0.0, 1.0, Verdict::Worse),
            ("memory_growth_percent", 2.0, 9.0, Verdict::Worse),
            ("memory_growth_max_percent", 2.0, 9.0, Verdict::NotJudged),
        ] {
            assert_eq!(
                Figure::new(path, before, after, 0.1).verdict,
                expected,
                "{path} {before} {after}"
            );
        }
    }
}
