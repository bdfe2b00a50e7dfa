//! The report of a run as one page that needs nothing else: charts are inline SVG.
//!
//! Made from the JSON alone, so that it works for every command, and for files kept from earlier.

mod axis;
mod chart;
pub(crate) mod charts;
pub(crate) mod figures;
pub(crate) mod html;
pub(crate) mod unit;

use maud::{Markup, html};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::host::warning::Warning;
use crate::report::page::figures::text_at;
use crate::report::page::html::{grid, section, tile};

/// Writes the page of a run.
pub(crate) fn page(run: &Value) -> String {
    let title = format!("loadtest {}", text_at(run, "command"));
    let environment = |name: &str| text_at(&run["environment"], name);
    let (verdict, class) = if run["passed"] == true {
        ("passed", "good")
    } else {
        ("FAILED", "bad")
    };
    let body = html! {
        h1 { (title) }
        p.soft { (["started", "kernel", "cpu_model"].map(environment).join(" · ")) }
        p { code { (environment("command_line")) } }
        div.tiles { (tile(verdict, "all messages checked", class)) (figures::tiles(run)) }
        (section("Warnings", &warnings(&read::<Vec<_>>(&run["warnings"]))))
        (grid("Charts", "charts", &charts::charts(run)))
        (section("Percentiles", &figures::percentiles(&charts::percentiles(run))))
        (grid("Figures", "columns", &figures::tables(run)))
        (section("Lists", &figures::lists(run)))
        (section("Flags", &figures::facts(&run["parameters"])))
        (section("Host", &figures::facts(&run["environment"])))
    };
    html::frame(&title, &body)
}

fn warnings(warnings: &[Warning]) -> Markup {
    html! {
        @for Warning { what, effect, remedy, .. } in warnings {
            div.warning {
                b { (what) }
                @if !effect.is_empty() { p { span.soft { "What it does:" } " " (effect) } }
                @if !remedy.is_empty() { p { span.soft { "What to do:" } " " (remedy) } }
            }
        }
    }
}

/// A part of a run; empty where it has none.
fn read<T: Default + DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_default()
}
