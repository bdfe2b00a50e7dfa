//! The report of a run as one page that needs nothing else: charts are inline SVG.
//!
//! Made from the JSON alone, so that it works for every command, and for files kept from earlier.

pub(crate) mod chart;
mod curve;
mod figures;
pub(crate) mod html;
pub(crate) mod scale;
pub(crate) mod spread;
pub(crate) mod tiles;
mod time;
pub(crate) mod unit;

use serde_json::{Map, Value};

use crate::page::chart::{Across, Chart, Curve};
use crate::page::html::{Escaped, section};
use crate::page::unit::Unit;
use crate::series::Series;
use crate::warning::Warning;

/// Writes the page of a run.
pub(crate) fn page(run: &Map<String, Value>) -> String {
    let command = text(run, "command");
    let sets = spread::percentiles(run);
    let mut charts = spread::distributions("Distribution of latencies", &sets);
    charts.push_str(&spread::by_message(run));
    let series = read::<Series>(run, "series");
    charts.insert_str(0, &time::charts(&series));
    charts.push_str(&rounds(run));
    let mut body = head(run, command);
    body.push_str(&warnings(&read::<Vec<Warning>>(run, "warnings")));
    body.push_str(&section("Charts", &wrapped("charts", &charts)));
    body.push_str(&section("Percentiles", &figures::percentiles(&sets)));
    body.push_str(&section(
        "Figures",
        &wrapped("columns", &figures::tables(run)),
    ));
    body.push_str(&section("Lists", &figures::lists(run)));
    for (heading, name) in [("Flags", "parameters"), ("Host", "environment")] {
        if let Some(Value::Object(group)) = run.get(name) {
            body.push_str(&section(heading, &figures::facts(group)));
        }
    }
    html::frame(&format!("loadtest {command}"), &body)
}

fn head(run: &Map<String, Value>, command: &str) -> String {
    let passed = run.get("passed").and_then(Value::as_bool).unwrap_or(false);
    let (verdict, class) = if passed {
        ("passed", "good")
    } else {
        ("FAILED", "bad")
    };
    let fact = |path| {
        tiles::at(run, path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let mut tiles = tiles::tile(verdict, "all messages checked", class);
    tiles.push_str(&tiles::tiles(run));
    format!(
        "<h1>loadtest {}</h1>\n<p class=\"soft\">{} &#183; {} &#183; {}</p>\n<p><code>{}</code></p>\n{}",
        Escaped(command),
        Escaped(fact("environment.started")),
        Escaped(fact("environment.kernel")),
        Escaped(fact("environment.cpu_model")),
        Escaped(fact("environment.command_line")),
        wrapped("tiles", &tiles)
    )
}

fn warnings(warnings: &[Warning]) -> String {
    let one = |warning: &Warning| {
        let Warning {
            what,
            effect,
            remedy,
            ..
        } = warning;
        let line = |words: &str, text: &str| {
            if text.is_empty() {
                return String::new();
            }
            let text = Escaped(text);
            format!("<p><span class=\"soft\">{words}</span> {text}</p>")
        };
        format!(
            "<div class=\"warning\"><b>{}</b>{}{}</div>\n",
            Escaped(what),
            line("What it does:", effect),
            line("What to do:", remedy)
        )
    };
    section("Warnings", &warnings.iter().map(one).collect::<String>())
}

/// The rounds of a comparison with the floors, a chart for each load.
fn rounds(run: &Map<String, Value>) -> String {
    let cells = run.get("cells").and_then(Value::as_array);
    let mut text = String::new();
    for cell in cells.into_iter().flatten().filter_map(Value::as_object) {
        let number = |name: &str| cell.get(name).and_then(Value::as_u64).unwrap_or(0);
        let Some(Value::Array(rounds)) = cell.get("rounds") else {
            continue;
        };
        let curve = |(key, name): (&str, &str)| {
            let value = |round: &Value| round.get(key).and_then(Value::as_f64);
            let points = rounds
                .iter()
                .enumerate()
                .map(|(at, round)| ((at + 1) as f64, value(round)));
            Curve {
                name: name.to_owned(),
                points: points.collect(),
            }
        };
        let sides = [
            ("corecast_us", "corecast"),
            ("libc_us", "libc floor"),
            ("inline_us", "inlined floor"),
        ];
        let chart = Chart {
            title: &format!(
                "CPU per message, {} connections, {} B",
                number("connections"),
                number("payload_bytes")
            ),
            unit: Unit::Micros,
            across: Across {
                label: "round",
                told: |round| format!("round {round}"),
                ends: (1.0, rounds.len() as f64),
                ticks: (1..=rounds.len())
                    .map(|round| (round as f64, round.to_string()))
                    .collect(),
                marks: Vec::new(),
            },
            curves: sides.into_iter().map(curve).collect(),
            is_stacked: false,
        };
        text.push_str(&chart.draw());
    }
    text
}

fn text<'a>(run: &'a Map<String, Value>, name: &str) -> &'a str {
    run.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A part of a run; empty where it has none.
fn read<T: Default + serde::de::DeserializeOwned>(run: &Map<String, Value>, name: &str) -> T {
    let value = run.get(name).cloned();
    value
        .and_then(|value| serde_json::from_value(value).ok())
        .unwrap_or_default()
}

/// In a `div` of this class; nothing if there is nothing in it.
pub(crate) fn wrapped(class: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    format!("<div class=\"{class}\">\n{body}</div>\n")
}
