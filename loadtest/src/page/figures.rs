//! All figures of a run as tables, whatever its command: names from the JSON, units from the names.

use serde_json::{Map, Value};

use crate::page::html;
use crate::page::spread::Named;
use crate::page::time::capital;
use crate::page::unit::Unit;

/// What is told elsewhere on the page, or only draws a chart.
const ELSEWHERE: &[&str] = &[
    "format",
    "command",
    "parameters",
    "environment",
    "warnings",
    "series",
    "passed",
    "distribution",
    "by_message",
];

/// The sets of percentiles, one in each line.
pub(super) fn percentiles(sets: &[Named]) -> String {
    let row = |(path, set): &Named| {
        let us = |value: f64| Unit::Micros.text(value);
        let middle = [
            set.min_us,
            set.p50_us,
            set.p90_us,
            set.p99_us,
            set.p999_us,
            set.p9999_us,
            set.max_us,
        ];
        let mut row = vec![path.replace('_', " ").replace('.', ": ")];
        row.extend(middle.map(us));
        row.push(Unit::Count.text(set.count as f64));
        row
    };
    let columns = [
        "", "least", "p50", "p90", "p99", "p99.9", "p99.99", "greatest", "measured",
    ];
    html::table(&columns, &sets.iter().map(row).collect::<Vec<_>>())
}

/// All other figures: a table for those at the top, and one for each group.
pub(super) fn tables(figures: &Map<String, Value>) -> String {
    let mut text = String::new();
    let own: Vec<Vec<String>> = leaves(figures);
    if !own.is_empty() {
        text.push_str(&html::table(&["", "run"], &own));
    }
    for (name, value) in groups(figures) {
        let heading = capital(&name.replace('_', " "));
        match value {
            Value::Object(inner) if !inner.contains_key("p50_us") => {
                text.push_str(&html::table(&[&heading, ""], &rows("", inner)));
            }
            _ => {}
        }
    }
    text
}

/// Lists of groups, as the rounds of a comparison: a line for each.
pub(super) fn lists(figures: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (name, value) in groups(figures) {
        let Value::Array(items) = value else { continue };
        let items: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
        let Some(first) = items.first() else { continue };
        let keys: Vec<&String> = first
            .iter()
            .filter(|(_, value)| is_leaf(value))
            .map(|(key, _)| key)
            .collect();
        let names: Vec<String> = keys.iter().map(|key| Unit::split(key).1).collect();
        let mut columns = vec![name.as_str()];
        columns.extend(names.iter().map(String::as_str));
        let row = |(index, item): (usize, &&Map<String, Value>)| {
            let mut row = vec![(index + 1).to_string()];
            row.extend(keys.iter().map(|key| {
                item.get(*key)
                    .map_or(String::new(), |value| text_of(key, value))
            }));
            row
        };
        text.push_str(&html::table(
            &columns,
            &items.iter().enumerate().map(row).collect::<Vec<_>>(),
        ));
        for item in items {
            text.push_str(&lists(item));
        }
    }
    text
}

/// Names and values of a group, as they are: for flags and the host.
pub(super) fn facts(group: &Map<String, Value>) -> String {
    let rows = rows("", group);
    html::table(&[], &rows).replace("<table>", "<table class=\"facts\">")
}

fn groups(figures: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    figures
        .iter()
        .filter(|(name, value)| !ELSEWHERE.contains(&name.as_str()) && !is_leaf(value))
}

fn leaves(figures: &Map<String, Value>) -> Vec<Vec<String>> {
    let mine = figures
        .iter()
        .filter(|(name, value)| !ELSEWHERE.contains(&name.as_str()) && is_leaf(value));
    mine.filter(|(_, value)| !value.is_null())
        .map(|(name, value)| vec![Unit::split(name).1, text_of(name, value)])
        .collect()
}

/// All leaves of a group, those of groups inside of it as well.
fn rows(prefix: &str, group: &Map<String, Value>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (name, value) in group {
        if ELSEWHERE.contains(&name.as_str()) || value.is_null() {
            continue;
        }
        match value {
            // The names are the kernel's, and have no unit at their end.
            Value::String(text) => {
                found.push(vec![format!("{prefix}{}", spaced(name)), text.clone()]);
            }
            Value::Object(inner) if !inner.contains_key("p50_us") => {
                found.extend(rows(&format!("{prefix}{}: ", spaced(name)), inner));
            }
            Value::Object(_) => {}
            value => found.push(vec![
                format!("{prefix}{}", Unit::split(name).1),
                text_of(name, value),
            ]),
        }
    }
    found
}

/// A name as words; one with dots is the kernel's and stays as it is.
fn spaced(name: &str) -> String {
    if name.contains('.') {
        name.to_owned()
    } else {
        name.replace('_', " ")
    }
}

fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => items.iter().all(|item| !item.is_object()),
        _ => true,
    }
}

/// A value for people, in the unit that its name ends with.
pub(crate) fn text_of(name: &str, value: &Value) -> String {
    let (unit, _) = Unit::split(name);
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number
            .as_f64()
            .map_or(String::new(), |number| unit.text(number)),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(|item| text_of(name, item)).collect();
            texts.join("  ")
        }
        Value::Object(_) => String::new(),
    }
}
