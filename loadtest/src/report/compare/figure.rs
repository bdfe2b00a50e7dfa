//! The figures of two runs: which is better, and by how much.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::report::page::unit::Unit;

/// A figure of two runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// Where it is in the JSON, as `latency.p50_us`.
    pub(crate) path: String,
    before: f64,
    after: f64,
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

/// Names that hold no figures of what was measured.
const NO_FIGURES: &str = " format command parameters environment warnings series distribution by_message cpu_s_by_thread ";
/// Faults: from none to one is worse, whatever the threshold.
const FAULTS: &str = " lost duplicated reordered misordered subscribers_off_order foreign \
    copies_faulty wrong ended_early unexpected_messages messages_faulty close_unanswered left_open \
    gaps_told ";
/// Counts by kind, which are there only where there are any.
const FAULTS_BY_KIND: &[&str] = &["failures.", "ended_early_by_kind.", "slow.ended."];
/// Of single messages, or of what was asked for: they differ from run to run.
const NOT_JUDGED: &str =
    " min_us max_us p9999_us rate_per_s gather_us payload_bytes busy_share pss_before_bytes ";

fn has(names: &str, name: &str) -> bool {
    names.split(' ').any(|one| one == name)
}

/// All figures that both runs have, and the faults that one of them has.
pub(crate) fn figures(before: &Value, after: &Value, threshold: f64) -> Vec<Figure> {
    let [(paths, had), (later, has)] = [before, after].map(|run| {
        let mut found = Vec::new();
        collect("", run, &mut found);
        let paths: Vec<String> = found.iter().map(|(path, _)| path.clone()).collect();
        (paths, found.into_iter().collect::<BTreeMap<_, _>>())
    });
    let only_after = later.iter().filter(|path| !had.contains_key(*path));
    let both = |path: &String| {
        // Kinds of fault that did not happen are not written.
        let or = (wanted(path) == Wanted::None).then_some(0.0);
        let value = |run: &BTreeMap<String, f64>| run.get(path).copied().or(or);
        Some(Figure::new(path, value(&had)?, value(&has)?, threshold))
    };
    paths.iter().chain(only_after).filter_map(both).collect()
}

/// All numbers of a group with their paths. A run that passed counts as one that did not fail.
fn collect(prefix: &str, value: &Value, found: &mut Vec<(String, f64)>) {
    let mut add = |name: &str, value: &Value| {
        let path = format!("{prefix}{name}");
        // Rounds of `ratio`, of which the median is taken, are no figures; those of `storm` are.
        if has(NO_FIGURES, name) || (name == "rounds" && prefix.starts_with("cells.")) {
            return;
        }
        match number(value) {
            Some(number) => found.push((path, number)),
            None => collect(&format!("{path}."), value, found),
        }
    };
    match value {
        Value::Object(group) => group.iter().for_each(|(name, value)| add(name, value)),
        Value::Array(list) => {
            let groups = (1..).zip(list).filter(|(_, item)| item.is_object());
            groups.for_each(|(number, item): (usize, _)| add(&number.to_string(), item));
        }
        _ => {}
    }
}

/// A number, or whether something is so as one.
pub(crate) fn number(value: &Value) -> Option<f64> {
    let is = value.as_bool().map(|is| f64::from(u8::from(is)));
    is.or_else(|| value.as_f64())
}

impl Figure {
    /// One figure of two runs; the same if it differs by no more than `threshold`, a share.
    fn new(path: &str, before: f64, after: f64, threshold: f64) -> Self {
        let grown = after - before;
        let is_same = grown.abs() <= threshold * before.abs();
        let verdict = match wanted(path) {
            Wanted::Any => Verdict::NotJudged,
            Wanted::None if grown == 0.0 => Verdict::Same,
            Wanted::More | Wanted::Less if is_same => Verdict::Same,
            wanted if (grown > 0.0) == (wanted == Wanted::More) => Verdict::Better,
            _ => Verdict::Worse,
        };
        Self {
            path: path.to_owned(),
            before,
            after,
            verdict,
        }
    }

    /// Both numbers in their unit, and after by before where there is something to divide by.
    pub(crate) fn texts(&self) -> [String; 3] {
        let (unit, _) = Unit::split(last(&self.path));
        let ratio = (self.before != 0.0).then(|| format!("{:.3}", self.after / self.before));
        let [before, after] = [self.before, self.after].map(|value| unit.text(value));
        [before, after, ratio.unwrap_or_default()]
    }
}

fn wanted(path: &str) -> Wanted {
    let name = last(path);
    let is_fault_of_kind = FAULTS_BY_KIND.iter().any(|group| path.contains(group));
    match Unit::split(name).0 {
        _ if has(FAULTS, name) || is_fault_of_kind => Wanted::None,
        _ if has(NOT_JUDGED, name) => Wanted::Any,
        _ if matches!(name, "passed" | "live" | "got" | "round_trips") => Wanted::More,
        Unit::PerSecond => Wanted::More,
        Unit::Micros | Unit::Bytes => Wanted::Less,
        Unit::Seconds if name.starts_with("open") || name == "caught_up_s" => Wanted::Less,
        _ if name.contains("_to_") || name == "memory_growth_percent" => Wanted::Less,
        _ => Wanted::Any,
    }
}

/// The last part of a path.
fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Verdict::{Better, NotJudged, Same, Worse};
    use super::*;

    #[test]
    fn more_or_less_is_better_by_the_name() {
        for (path, before, after, expected) in [
            ("latency.p99_us", 100.0, 120.0, Worse),
            ("latency.p99_us", 100.0, 80.0, Better),
            ("latency.p99_us", 100.0, 105.0, Same),
            ("latency.max_us", 100.0, 900.0, NotJudged),
            ("deliveries_per_s", 100.0, 120.0, Better),
            ("deliveries.lost", 0.0, 1.0, Worse),
            ("deliveries.lost", 0.0, 0.0, Same),
            ("opening.failures.reset", 0.0, 2.0, Worse),
            (
                "server_memory.pss_bytes_per_connection",
                300.0,
                600.0,
                Worse,
            ),
            ("cells.1.median.corecast_to_inline", 1.0, 1.3, Worse),
            ("client.threads", 2.0, 4.0, NotJudged),
            ("passed", 1.0, 0.0, Worse),
            ("slow.ended.reset by the server", 0.0, 1.0, Worse),
            ("unexpected_messages", 0.0, 1.0, Worse),
            ("memory_growth_percent", 2.0, 9.0, Worse),
            ("memory_growth_max_percent", 2.0, 9.0, NotJudged),
        ] {
            let verdict = Figure::new(path, before, after, 0.1).verdict;
            assert_eq!(verdict, expected, "{path} {before} {after}");
        }
    }

    #[test]
    fn figures_of_groups_and_lists_are_found_but_not_rounds_of_cells() {
        let run = |us: f64| {
            json!({
                "format": 1, "latency": { "p50_us": us, "distribution": [[0.0, 1.0]] },
                "cells": [{ "median": { "libc_us": us }, "rounds": [{ "libc_us": us }] }],
                "series": { "interval_s": 1 }, "rounds": [{ "opened_per_s": us }], "passed": true
            })
        };
        let found = figures(&run(10.0), &run(20.0), 0.1);
        let verdicts = found
            .iter()
            .map(|figure| (figure.path.as_str(), figure.verdict));
        let expected = [
            ("latency.p50_us", Worse),
            ("cells.1.median.libc_us", Worse),
            ("rounds.1.opened_per_s", Better),
            ("passed", Same),
        ];
        assert_eq!(verdicts.collect::<Vec<_>>(), expected);
        assert_eq!(found[0].texts()[2], "2.000");
    }

    #[test]
    fn a_fault_that_is_new_is_worse_and_one_that_is_gone_is_better() {
        let clean = json!({ "opening": { "failures": {} } });
        let faulty = json!({
            "opening": { "failures": { "reset by the server v1.2": 3 } },
            "ended_early_by_kind": { "timed out": 1 }, "latency": { "p50_us": 1.0 }
        });
        let verdicts = |before, after| -> Vec<Verdict> {
            let found = figures(before, after, 0.1).into_iter();
            found.map(|figure| figure.verdict).collect()
        };
        assert_eq!(verdicts(&clean, &faulty), [Worse; 2]);
        assert_eq!(verdicts(&faulty, &clean), [Better; 2]);
        assert_eq!(verdicts(&faulty, &faulty), [Same; 3]);
    }
}
