//! All figures of a run as tables, whatever its command: names from the JSON, units from the names.

use maud::{Markup, html};
use serde_json::Value;

use crate::report::page::charts::{NamedSet, capital};
use crate::report::page::html::{table, tile};
use crate::report::page::unit::{Unit, value_text};

/// Where a figure is that people look for first, and what it is called; those that a run does not
/// have are left out.
const TILES: &[(&str, &str)] = &[
    ("deliveries_per_s", "deliveries"),
    ("round_trips_per_s", "round trips"),
    ("opening.live", "connections live"),
    ("opening.opened_per_s", "connections opened"),
    ("deliveries.lost", "messages lost"),
    ("latency.p50_us", "latency, median"),
    ("latency.p99_us", "latency, 99 %"),
    ("latency.max_us", "latency, greatest"),
    ("reached.first_to_last.p50_us", "first to last, median"),
    ("server.cpu_us_per_message", "server CPU per message"),
    ("server.busy_cores", "server CPU"),
    (
        "server_memory.pss_bytes_per_connection",
        "server memory per connection",
    ),
    ("client.busy_share", "client busy"),
];

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

/// The tiles of a run.
pub(super) fn tiles(run: &Value) -> Markup {
    html! {
        @for (path, name) in TILES {
            @if let Some(value) = at(run, path).as_f64() {
                @let is_bad = *path == "deliveries.lost" && value > 0.0;
                (tile(&text_at(run, path), name, if is_bad { "bad" } else { "" }))
            }
        }
    }
}

/// The sets of percentiles, one in each line.
pub(super) fn percentiles(sets: &[NamedSet]) -> Markup {
    let row = |(path, set): &NamedSet| {
        let [p50, p90, p99] = [set.p50_us, set.p90_us, set.p99_us];
        let times = [
            set.min_us,
            p50,
            p90,
            p99,
            set.p999_us,
            set.p9999_us,
            set.max_us,
        ];
        let mut row = vec![path.replace('_', " ").replace('.', ": ")];
        row.extend(times.map(|us| Unit::Micros.text(us)));
        row.push(Unit::Count.text(set.count as f64));
        row
    };
    let columns = [
        "", "least", "p50", "p90", "p99", "p99.9", "p99.99", "greatest", "measured",
    ];
    table(&columns, &sets.iter().map(row).collect::<Vec<_>>())
}

/// All other figures: a table for those at the top, and one for each group.
pub(super) fn tables(run: &Value) -> Markup {
    let own = entries(run).filter(|(_, value)| is_leaf(value));
    let own: Vec<_> = own.map(|(name, value)| row("", name, value)).collect();
    html! {
        (table(&["", "run"], &own))
        @for (name, group) in entries(run).filter(|(_, value)| value.is_object()) {
            (table(&[&capital(&spaced(name)), ""], &rows("", group)))
        }
    }
}

/// Lists of groups, as the rounds of a comparison: a line for each.
pub(super) fn lists(run: &Value) -> Markup {
    html! {
        @for (name, value) in entries(run).filter(|(_, value)| !is_leaf(value)) {
            @if let Some(items) = value.as_array() {
                (list(name, items))
                @for item in items { (lists(item)) }
            }
        }
    }
}

fn list(name: &str, items: &[Value]) -> Markup {
    let first = items.first().unwrap_or(&Value::Null);
    let keys = entries(first).filter(|(_, value)| is_leaf(value));
    let keys: Vec<&str> = keys.map(|(key, _)| key).collect();
    let names: Vec<String> = keys.iter().map(|key| Unit::split(key).1).collect();
    let mut columns = vec![name];
    columns.extend(names.iter().map(String::as_str));
    let row = |(number, item): (usize, &Value)| {
        let cells = keys.iter().map(|key| text_of(key, &item[*key]));
        [number.to_string()].into_iter().chain(cells).collect()
    };
    table(&columns, &(1..).zip(items).map(row).collect::<Vec<_>>())
}

/// Names and values of a group and the groups inside of it.
pub(super) fn facts(group: &Value) -> Markup {
    table(&[], &rows("", group))
}

fn rows(prefix: &str, group: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (name, value) in entries(group) {
        if value.is_object() {
            found.extend(rows(&format!("{prefix}{}: ", spaced(name)), value));
        } else {
            found.push(row(prefix, name, value));
        }
    }
    found
}

fn row(prefix: &str, name: &str, value: &Value) -> Vec<String> {
    // Names of texts have no unit at their end.
    let words = match value.is_string() {
        true => spaced(name),
        false => Unit::split(name).1,
    };
    vec![format!("{prefix}{words}"), text_of(name, value)]
}

/// What a group has that is told here; percentiles have a table of their own.
fn entries(group: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let is_told = |(name, value): &(&str, &Value)| {
        !(ELSEWHERE.contains(name) || value.is_null() || value["p50_us"].is_number())
    };
    let all = group.as_object().into_iter().flatten();
    all.map(|(name, value)| (name.as_str(), value))
        .filter(is_told)
}

/// A name as words; one with dots is the kernel's and stays as it is.
fn spaced(name: &str) -> String {
    match name.contains('.') {
        true => name.to_owned(),
        false => name.replace('_', " "),
    }
}

fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => items.iter().all(|item| !item.is_object()),
        _ => true,
    }
}

/// A value by its path, as `latency.p50_us`.
fn at<'a>(run: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(run, |group, name| &group[name])
}

/// The same for people; empty where there is none.
pub(crate) fn text_at(run: &Value, path: &str) -> String {
    let name = path.rsplit('.').next().unwrap_or(path);
    value_text(name, at(run, path)).unwrap_or_default()
}

fn text_of(name: &str, value: &Value) -> String {
    value_text(name, value).unwrap_or_else(|| "none".to_owned())
}
