//! The figures that all loads have, and how any of them are told to people: names and units are
//! those of the JSON.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::host::admin::AdminFigures;
use crate::host::procfs::HostCpu;
use crate::host::warning::Warning;
use crate::report::page::unit::{Unit, value_text};
use crate::report::{ClientCost, Findings, Opening, Table};
use crate::run::series::Series;

/// What a load found: the figures of every load, and its own.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Found<F> {
    #[serde(flatten)]
    pub(crate) base: Base,
    #[serde(flatten)]
    pub(crate) own: F,
}

/// The figures of every load.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Base {
    pub(crate) passed: bool,
    pub(crate) urls: Vec<String>,
    pub(crate) opening: Opening,
    pub(crate) client: ClientCost,
    pub(crate) host_cpu: HostCpu,
    /// What the server said of the phase that was measured, where its admin port is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin: Option<AdminFigures>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) series: Series,
}

/// What is told while it lasts, and what only draws a chart.
const LEFT_OUT: &[&str] = &["intervals", "by_message", "distribution"];
const QUANTILES: [(&str, &str); 6] = [
    ("p50", "p50_us"),
    ("p90", "p90_us"),
    ("p99", "p99_us"),
    ("p99.9", "p999_us"),
    ("p99.99", "p9999_us"),
    ("max", "max_us"),
];

impl<F: Serialize> Findings for Found<F> {
    fn passed(&self) -> bool {
        self.base.passed
    }

    fn table(&self) -> Table {
        let Opening {
            connections,
            live,
            open_s,
            opened_per_s,
            ended_early,
            failures,
        } = &self.base.opening;
        let mut table = Table::new(self.base.passed);
        table.row("target", self.base.urls.join(" "));
        let opened = format!("{live} of {connections} live in {open_s:.2} s, {opened_per_s:.0}/s");
        table.row("connections", opened);
        if *ended_early > 0 {
            table.row("ended early", ended_early.to_string());
        }
        for (kind, count) in failures {
            table.row("failed", format!("{count} x {kind}"));
        }
        if let Ok(Value::Object(figures)) = serde_json::to_value(&self.own) {
            for (name, value) in shown(&figures) {
                tell(&spaced(name), name, value, &mut table);
            }
        }
        if let Ok(Value::Object(admin)) = serde_json::to_value(self.base.admin) {
            tell_group("admin port", &admin, &mut table);
        }
        let client = &self.base.client;
        let cpu = client.cpu_s_by_thread.iter();
        let cpu: Vec<String> = cpu.map(|cpu| format!("{cpu:.2}")).collect();
        let (cpu, busy) = (cpu.join(" "), client.busy_share * 100.0);
        table.row("client CPU", format!("{cpu} s by thread, {busy:.0} % busy"));
        table.warnings(&self.base.warnings);
        table
    }
}

fn shown(group: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let is_shown = |(name, _): &(&String, &Value)| !LEFT_OUT.contains(&name.as_str());
    group.iter().filter(is_shown)
}

/// Adds the lines of one figure, or of a group of them.
fn tell(title: &str, name: &str, value: &Value, table: &mut Table) {
    match value {
        Value::Object(group) if group.contains_key("p50_us") => {
            let quantile =
                |(label, name)| Some(format!("{label} {}", value_text(name, &group[name])?));
            let all = QUANTILES.into_iter().filter_map(quantile);
            if group["count"] != 0 {
                table.row(title, all.collect::<Vec<_>>().join("  "));
            }
        }
        Value::Object(group) => tell_group(title, group, table),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (number, item) in (1..).zip(items) {
                tell(&format!("{title} {number}"), name, item, table);
            }
        }
        value => {
            if let Some(text) = value_text(name, value) {
                table.row(&Unit::split(name).1, text);
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
    let one = |(name, value): (&String, &Value)| {
        let text = value_text(name, value).filter(|_| !is_apart(value))?;
        Some(format!("{} {text}", Unit::split(name).1))
    };
    let own: Vec<String> = shown(group).filter_map(one).collect();
    if !own.is_empty() {
        table.row(title, own.join("; "));
    }
    for (name, value) in shown(group).filter(|(_, value)| is_apart(value)) {
        tell(&format!("{title}: {}", spaced(name)), name, value, table);
    }
}

fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_figure_is_told_with_its_unit() {
        let latency = json!({
            "count": 1, "p50_us": 1.0, "p90_us": 2.0, "p99_us": 3.0, "p999_us": 4.0,
            "p9999_us": 5.0, "max_us": 6.0, "distribution": [[0.5, 1.0]]
        });
        let own = json!({
            "messages_per_s": 20.0, "none": null, "latency": latency,
            "rounds": [{ "open_s": 2.0, "ends": { "reset": 3 }, "to": latency }]
        });
        let base = Base::default();
        let lines = Found { base, own }.table().lines();
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
