//! The page of all runs of a file.

use serde_json::Value;

use crate::page::html::{self, Escaped, section};
use crate::page::unit::Unit;
use crate::page::{tiles, wrapped};
use crate::scenario::Made;

/// Figures that are shown of each run, where it has them.
const SHOWN: &[(&str, &str)] = &[
    ("opening.live", "connections"),
    ("deliveries_per_s", "deliveries"),
    ("round_trips_per_s", "round trips"),
    ("latency.p50_us", "median"),
    ("latency.p99_us", "99 %"),
    ("server.cpu_us_per_message", "CPU per message"),
];

/// Writes the page.
pub(super) fn page(file: &str, all: &[Made]) -> String {
    let good = all.iter().filter(|made| made.is_good).count();
    let tiles = [
        tiles::tile(&good.to_string(), "runs went well", "good"),
        tiles::tile(
            &(all.len() - good).to_string(),
            "did not",
            if good < all.len() { "bad" } else { "same" },
        ),
    ];
    let mut head = String::from("<th></th><th>command</th><th>result</th>");
    SHOWN
        .iter()
        .for_each(|(_, name)| head.push_str(&format!("<th>{name}</th>")));
    let rows: String = all.iter().map(row).collect();
    let table =
        format!("<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n");
    let body = format!(
        "<h1>{}</h1>\n{}{}",
        Escaped(file),
        wrapped("tiles", &tiles.concat()),
        section("Runs", &wrapped("wide", &table))
    );
    html::frame(file, &body)
}

fn row(made: &Made) -> String {
    let name = Escaped(&made.name);
    let (word, class) = if made.is_good {
        ("good", "good")
    } else {
        ("FAILED", "bad")
    };
    let (first, word) = match &made.failure {
        Some(failure) => (format!("<th>{name}</th>"), failure.as_str()),
        None => (format!("<th><a href=\"{name}.html\">{name}</a></th>"), word),
    };
    let cell = |(path, _): &(&str, &str)| {
        let value = tiles::at(&made.figures, path).and_then(Value::as_f64);
        let (unit, _) = Unit::split(path.rsplit('.').next().unwrap_or(path));
        format!(
            "<td>{}</td>",
            value.map_or(String::new(), |value| unit.text(value))
        )
    };
    let cells: String = SHOWN.iter().map(cell).collect();
    let (command, word) = (Escaped(&made.command), Escaped(word));
    format!("<tr>{first}<td>{command}</td><td class=\"{class}\">{word}</td>{cells}</tr>\n")
}
