//! The figures that people look for first, in large type.

use serde_json::{Map, Value};

use crate::page::html::Escaped;
use crate::page::unit::Unit;

/// Where a figure is, and what it is called; those that a run does not have are left out.
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

/// The tiles of a run.
pub(super) fn tiles(figures: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (path, name) in TILES {
        let Some(value) = at(figures, path).and_then(Value::as_f64) else {
            continue;
        };
        let (unit, _) = Unit::split(path.rsplit('.').next().unwrap_or(path));
        let is_bad = *path == "deliveries.lost" && value > 0.0;
        text.push_str(&tile(
            &unit.text(value),
            name,
            if is_bad { "bad" } else { "" },
        ));
    }
    text
}

/// One tile.
pub(crate) fn tile(value: &str, name: &str, class: &str) -> String {
    format!(
        "<div class=\"tile\"><b class=\"{class}\">{}</b><span>{}</span></div>\n",
        Escaped(value),
        Escaped(name)
    )
}

/// A value by its path, as `latency.p50_us`.
pub(crate) fn at<'a>(figures: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((head, rest)) => at(figures.get(head)?.as_object()?, rest),
        None => figures.get(path),
    }
}
