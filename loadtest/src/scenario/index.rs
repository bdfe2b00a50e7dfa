//! The page of all runs of a file.

use maud::{Markup, html};

use crate::report::page::figures::text_at;
use crate::report::page::html::{frame, section, table, tile};
use crate::scenario::RunResult;

/// Figures that are shown of each run, where it has them.
const SHOWN: &[(&str, &str)] = &[
    ("command", "command"),
    ("opening.live", "connections"),
    ("deliveries_per_s", "deliveries"),
    ("round_trips_per_s", "round trips"),
    ("latency.p50_us", "median"),
    ("latency.p99_us", "99 %"),
    ("server.cpu_us_per_message", "CPU per message"),
];

/// Writes the page.
pub(super) fn page(file: &str, all: &[RunResult]) -> String {
    let good = all.iter().filter(|result| result.is_good).count();
    let bad = all.len() - good;
    let mut columns = vec!["", "result"];
    columns.extend(SHOWN.iter().map(|(_, name)| name));
    let rows: Vec<Vec<Markup>> = all.iter().map(row).collect();
    let body = html! {
        h1 { (file) }
        div.tiles {
            (tile(&good.to_string(), "runs went well", "good"))
            (tile(&bad.to_string(), "did not", if bad > 0 { "bad" } else { "same" }))
        }
        (section("Runs", &table(&columns, &rows)))
    };
    frame(file, &body)
}

fn row(
    RunResult {
        name,
        is_good,
        failure,
        figures,
    }: &RunResult,
) -> Vec<Markup> {
    let class = if *is_good { "good" } else { "bad" };
    let word = if *is_good { "good" } else { "FAILED" };
    let mut row = vec![
        html! {
            @if failure.is_some() { (name) } @else { a href={ (name) ".html" } { (name) } }
        },
        html! { span class=(class) { (failure.as_deref().unwrap_or(word)) } },
    ];
    row.extend(
        SHOWN
            .iter()
            .map(|(path, _)| html! { (text_at(figures, path)) }),
    );
    row
}
