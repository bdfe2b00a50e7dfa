//! The figures of two runs, found by walking through both.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::compare::figure::{Figure, is_fault, last};

/// Names that hold no figures of what was measured.
const NO_FIGURES: &[&str] = &[
    "format",
    "command",
    "parameters",
    "environment",
    "warnings",
    "series",
    "distribution",
    "by_message",
    "cpu_s_by_thread",
];
/// Rounds of `ratio`, of which the median is taken, hold none either; those of `storm` do.
const ROUNDS_OF_CELLS: &str = "cells.";

/// All figures that both runs have, and the faults that one of them has.
pub(crate) fn figures(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    threshold: f64,
) -> Vec<Figure> {
    let mut found = Vec::new();
    collect("", before, after, threshold, &mut found);
    found
}

fn collect(
    prefix: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    threshold: f64,
    found: &mut Vec<Figure>,
) {
    let only_after = after.keys().filter(|name| !before.contains_key(*name));
    for name in before.keys().chain(only_after) {
        let path = format!("{prefix}{name}");
        if !holds_figures(&path) {
            continue;
        }
        let both = (before.get(name), after.get(name));
        if let Some((one, other)) = numbers(&path, both) {
            found.push(Figure::new(&path, one, other, threshold));
            continue;
        }
        for (name, one, other) in inside(both) {
            collect(&format!("{path}.{name}"), one, other, threshold, found);
        }
    }
}

fn holds_figures(path: &str) -> bool {
    let name = last(path);
    let is_round_of_cell = name == "rounds" && path.starts_with(ROUNDS_OF_CELLS);
    !(is_round_of_cell || NO_FIGURES.contains(&name))
}

/// A value of each run, where it has one.
type Pair<'a> = (Option<&'a Value>, Option<&'a Value>);

/// A figure of both runs, or a fault of one: kinds of fault that did not happen are not written.
fn numbers(path: &str, (before, after): Pair<'_>) -> Option<(f64, f64)> {
    let (one, other) = (before.and_then(number), after.and_then(number));
    if is_fault(path) && one.or(other).is_some() {
        return Some((one.unwrap_or(0.0), other.unwrap_or(0.0)));
    }
    Some((one?, other?))
}

/// The rest of a path, and a group of each run.
type Both<'a> = (String, &'a Map<String, Value>, &'a Map<String, Value>);

/// Groups with the rest of their paths. One that only one run has is empty in the other; lists
/// are compared as far as both go.
fn inside((before, after): Pair<'_>) -> Vec<Both<'_>> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    match (before, after) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            vec![(String::new(), one, other)]
        }
        (Some(Value::Object(one)), None) => vec![(String::new(), one, &*NONE)],
        (None, Some(Value::Object(other))) => vec![(String::new(), &*NONE, other)],
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            let both = one.iter().zip(other).enumerate();
            both.filter_map(|(at, (one, other))| {
                Some((format!("{}.", at + 1), one.as_object()?, other.as_object()?))
            })
            .collect()
        }
        _ => Vec::new(),
    }
}

/// A run that passed counts as one that did not fail.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
        value => value.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::figure::Verdict;

    #[test]
    fn figures_of_groups_and_lists_are_found() {
        let run = |us: f64| {
            let value = serde_json::json!({
                "format": 1, "latency": { "p50_us": us, "distribution": [[0.0, 1.0]] },
                "cells": [{ "median": { "libc_us": us } }], "series": { "interval_s": 1 }, "passed": true
            });
            value.as_object().unwrap().clone()
        };
        let found = figures(&run(10.0), &run(20.0), 0.1);
        let paths: Vec<&str> = found.iter().map(|figure| figure.path.as_str()).collect();
        assert_eq!(
            paths,
            ["latency.p50_us", "cells.1.median.libc_us", "passed"]
        );
        assert_eq!(found[0].ratio(), Some(2.0));
    }

    #[test]
    fn a_fault_that_is_new_is_worse_and_one_that_is_gone_is_better() {
        let run = |value: Value| value.as_object().unwrap().clone();
        let clean = run(serde_json::json!({ "opening": { "failures": {} } }));
        let faulty = run(serde_json::json!({
            "opening": { "failures": { "reset by the server v1.2": 3 } },
            "ended_early_by_kind": { "timed out": 1 }, "latency": { "p50_us": 1.0 }
        }));
        let verdicts = |before, after| -> Vec<Verdict> {
            let found = figures(before, after, 0.1).into_iter();
            found.map(|figure| figure.verdict).collect()
        };
        assert_eq!(verdicts(&clean, &faulty), [Verdict::Worse; 2]);
        assert_eq!(verdicts(&faulty, &clean), [Verdict::Better; 2]);
        assert_eq!(verdicts(&faulty, &faulty), [Verdict::Same; 3]);
    }

    #[test]
    fn rounds_of_a_storm_are_compared_and_those_of_cells_are_not() {
        let run = |s: f64| {
            let value = serde_json::json!({
                "rounds": [{ "opened_per_s": s }], "cells": [{ "rounds": [{ "libc_us": s }] }]
            });
            value.as_object().unwrap().clone()
        };
        let found = figures(&run(100.0), &run(50.0), 0.1);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "rounds.1.opened_per_s");
        assert_eq!(found[0].verdict, Verdict::Worse);
    }
}
