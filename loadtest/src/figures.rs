//! The figures that all loads have, and how any of them are told to people: names and units are
//! those of the JSON.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::page::unit::Unit;
use crate::report::{ClientCost, Findings, Opening, Table};
use crate::series::Series;
use crate::warning::Warning;

/// The figures of every load.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Base {
    pub(crate) passed: bool,
    pub(crate) urls: Vec<String>,
    pub(crate) opening: Opening,
    pub(crate) client: ClientCost,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) series: Series,
}

/// Figures that are the base and some more.
pub(crate) trait Load: Serialize {
    fn base(&self) -> &Base;
}

/// What the base tells itself, and what is told while it lasts.
const OF_BASE: &[&str] = &[
    "passed",
    "urls",
    "opening",
    "client",
    "warnings",
    "series",
    "intervals",
];
const OF_CHARTS: &[&str] = &["by_message", "distribution"];
const QUANTILES: [(&str, &str); 6] = [
    ("p50", "p50_us"),
    ("p90", "p90_us"),
    ("p99", "p99_us"),
    ("p99.9", "p999_us"),
    ("p99.99", "p9999_us"),
    ("max", "max_us"),
];

impl<F: Load> Findings for F {
    fn passed(&self) -> bool {
        self.base().passed
    }

    fn table(&self) -> Table {
        let base = self.base();
        let mut table = Table::of_load(base.passed, &base.urls);
        table.opening(&base.opening);
        if let Ok(Value::Object(figures)) = serde_json::to_value(self) {
            let own = |name: &&String| !OF_BASE.contains(&name.as_str());
            for name in figures.keys().filter(own) {
                tell(&spaced(name), name, &figures[name], &mut table);
            }
        }
        table.cost(&base.client);
        table.warnings(&base.warnings);
        table
    }
}

/// Adds the lines of one figure, or of a group of them.
fn tell(title: &str, name: &str, value: &Value, table: &mut Table) {
    match value {
        Value::Object(group) if group.contains_key("p50_us") => {
            let quantile = |(label, name)| Some(format!("{label} {}", text(name, &group[name])?));
            let all = QUANTILES.into_iter().filter_map(quantile);
            if group["count"] != 0 {
                table.row(title.to_owned(), all.collect::<Vec<_>>().join("  "));
            }
        }
        Value::Object(group) => tell_group(title, group, table),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (number, item) in (1..).zip(items) {
                tell(&format!("{title} {number}"), name, item, table);
            }
        }
        value => {
            if let Some(text) = text(name, value) {
                table.row(Unit::split(name).1, text);
            }
        }
    }
}

/// Numbers and words stand on one line, groups within on lines of their own.
fn tell_group(title: &str, group: &Map<String, Value>, table: &mut Table) {
    let is_apart = |value: &Value| match value {
        Value::Array(items) => items.iter().any(Value::is_object),
        value => value.is_object(),
    };
    let group = || {
        let is_told = |(name, _): &(&String, &Value)| !OF_CHARTS.contains(&name.as_str());
        group.iter().filter(is_told)
    };
    let one = |(name, value): (&String, &Value)| {
        let text = text(name, value)?;
        Some(format!("{} {text}", Unit::split(name).1))
    };
    let own = group().filter(|(_, value)| !is_apart(value));
    let own: Vec<String> = own.filter_map(one).collect();
    if !own.is_empty() {
        table.row(title.to_owned(), own.join("; "));
    }
    for (name, value) in group().filter(|(_, value)| is_apart(value)) {
        tell(&format!("{title}: {}", spaced(name)), name, value, table);
    }
}

/// A number with its unit, or a word; none where there is nothing to tell.
fn text(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(Unit::split(name).0.text(number.as_f64()?)),
        Value::Bool(is) => Some(if *is { "yes" } else { "no" }.to_owned()),
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(|item| text(name, item)).collect();
            (!items.is_empty()).then(|| items.join(" "))
        }
        Value::Null | Value::Object(_) => None,
    }
}

fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Found {
        #[serde(flatten)]
        base: Base,
        messages_per_s: f64,
        none: Option<u32>,
        latency: Value,
        rounds: Vec<Value>,
    }

    impl Load for Found {
        fn base(&self) -> &Base {
            &self.base
        }
    }

    #[test]
    fn every_figure_is_told_with_its_unit() {
        let latency = serde_json::json!({
            "count": 1, "p50_us": 1.0, "p90_us": 2.0, "p99_us": 3.0, "p999_us": 4.0,
            "p9999_us": 5.0, "max_us": 6.0, "distribution": [[0.5, 1.0]]
        });
        let found = Found {
            base: Base::default(),
            messages_per_s: 20.0,
            none: None,
            latency: latency.clone(),
            rounds: vec![
                serde_json::json!({ "open_s": 2.0, "ends": { "reset": 3 }, "to": latency }),
            ],
        };
        let lines = found.table().lines();
        for expected in [
            "messages       20/s",
            "latency        p50 1 µs  p90 2 µs  p99 3 µs  p99.9 4 µs  p99.99 5 µs  max 6 µs",
            "rounds 1       open 2 s",
            "rounds 1: ends reset 3",
            "rounds 1: to   p50 1 µs",
        ] {
            assert!(lines.contains(expected), "{expected}: {lines}");
        }
        assert!(!lines.contains("none"), "{lines}");
    }
}
