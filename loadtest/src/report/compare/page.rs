//! A comparison as one page.

use maud::{Markup, html};

use crate::report::compare::Comparison;
use crate::report::compare::figure::{Figure, Verdict};
use crate::report::page::charts;
use crate::report::page::figures::text_at;
use crate::report::page::html::{frame, grid, section, table, tile};

/// Verdicts of tiles and of tables, with their class.
const VERDICTS: [(Verdict, &str, &str); 3] = [
    (Verdict::Better, "better", "good"),
    (Verdict::Worse, "worse", "bad"),
    (Verdict::Same, "same", "same"),
];

/// Writes the page.
pub(super) fn page(comparison: &Comparison) -> String {
    let Comparison {
        before,
        after,
        notes,
        figures,
        threshold_percent,
    } = comparison;
    let command = text_at(after, "command");
    let is_changed = |figure: &&Figure| matches!(figure.verdict, Verdict::Better | Verdict::Worse);
    let body = html! {
        h1 { "loadtest " (command) ": two runs" }
        @for (name, run) in [("before", before), ("after", after)] {
            p {
                b { (name) } " " span.soft { (text_at(run, "environment.started")) } " "
                code { (text_at(run, "environment.command_line")) }
            }
        }
        div.tiles {
            @for (verdict, name, class) in VERDICTS {
                (tile(
                    &comparison.count(verdict).to_string(),
                    &format!("figures {name}, by {threshold_percent} %"),
                    class,
                ))
            }
        }
        (section("Notes", &html! { @for note in notes { div.warning { (note) } } }))
        (grid("Charts", "charts", &distributions(comparison)))
        (section("What changed", &rows(figures.iter().filter(is_changed))))
        (section("All figures", &rows(figures.iter())))
    };
    frame(&format!("loadtest {command}, compared"), &body)
}

/// Each distribution of both runs in one chart.
fn distributions(comparison: &Comparison) -> Markup {
    let after = charts::percentiles(&comparison.after);
    html! {
        @for (path, before) in charts::percentiles(&comparison.before) {
            @if let Some((_, after)) = after.iter().find(|(other, _)| *other == path) {
                (charts::distributions(
                    &format!("Distribution: {}", charts::words(&path)),
                    &[("before".to_owned(), before), ("after".to_owned(), after.clone())],
                ))
            }
        }
    }
}

fn rows<'a>(figures: impl Iterator<Item = &'a Figure>) -> Markup {
    let row = |figure: &Figure| {
        let name = figure.path.replace('.', ": ").replace('_', " ");
        let verdict = VERDICTS
            .iter()
            .find(|(verdict, ..)| *verdict == figure.verdict);
        let mut row = vec![html! { (name) }];
        row.extend(figure.texts().map(|text| html! { (text) }));
        row.push(
            html! { @if let Some((_, word, class)) = verdict { span class=(class) { (word) } } },
        );
        row
    };
    table(
        &["", "before", "after", "ratio", ""],
        &figures.map(row).collect::<Vec<_>>(),
    )
}
