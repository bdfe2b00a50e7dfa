//! A comparison as one page.

use serde_json::{Map, Value};

use crate::compare::Comparison;
use crate::compare::figure::{Figure, Verdict};
use crate::page::html::{self, Escaped, section};
use crate::page::{spread, tiles, wrapped};

/// Writes the page.
pub(super) fn page(comparison: &Comparison) -> String {
    let command = comparison
        .after
        .get("command")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let line = |name: &str, run: &Map<String, Value>| {
        let fact = |path| {
            tiles::at(run, path)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (started, line) = (
            fact("environment.started"),
            fact("environment.command_line"),
        );
        format!(
            "<p><b>{name}</b> <span class=\"soft\">{}</span> <code>{}</code></p>\n",
            Escaped(started),
            Escaped(line)
        )
    };
    let notes: String = comparison
        .notes()
        .iter()
        .map(|note| format!("<div class=\"warning\">{}</div>\n", Escaped(note)))
        .collect();
    let mut body = format!(
        "<h1>loadtest {}: two runs</h1>\n{}{}{}",
        Escaped(command),
        line("before", &comparison.before),
        line("after", &comparison.after),
        wrapped("tiles", &counts(comparison))
    );
    body.push_str(&section("Notes", &notes));
    body.push_str(&section("Charts", &wrapped("charts", &charts(comparison))));
    let is_changed = |figure: &&Figure| matches!(figure.verdict, Verdict::Better | Verdict::Worse);
    let changed: Vec<&Figure> = comparison.figures.iter().filter(is_changed).collect();
    body.push_str(&section("What changed", &table(&changed)));
    let all: Vec<&Figure> = comparison.figures.iter().collect();
    body.push_str(&section("All figures", &table(&all)));
    html::frame(&format!("loadtest {command}, compared"), &body)
}

fn counts(comparison: &Comparison) -> String {
    let verdicts = [
        (Verdict::Better, "good", "better"),
        (Verdict::Worse, "bad", "worse"),
        (Verdict::Same, "same", "the same"),
    ];
    let tile = |(verdict, class, name): (Verdict, &str, &str)| {
        let count = comparison.count(verdict);
        tiles::tile(
            &count.to_string(),
            &format!("figures {name}, by {} %", comparison.threshold_percent),
            class,
        )
    };
    verdicts.into_iter().map(tile).collect()
}

/// Each distribution of both runs in one chart.
fn charts(comparison: &Comparison) -> String {
    let after = spread::percentiles(&comparison.after);
    let mut text = String::new();
    for (path, before) in spread::percentiles(&comparison.before) {
        let Some((_, after)) = after.iter().find(|(other, _)| *other == path) else {
            continue;
        };
        let both = [
            ("before".to_owned(), before),
            ("after".to_owned(), after.clone()),
        ];
        let title = format!("Distribution: {}", spread::words(&path));
        text.push_str(&spread::distributions(&title, &both));
    }
    text
}

fn table(figures: &[&Figure]) -> String {
    let row = |figure: &&Figure| {
        let [before, after, ratio] = figure.texts();
        let name = figure.path.replace('.', ": ").replace('_', " ");
        vec![
            name,
            before,
            after,
            ratio,
            figure.verdict.word().to_lowercase(),
        ]
    };
    let rows: Vec<Vec<String>> = figures.iter().map(row).collect();
    let text = html::table(&["", "before", "after", "ratio", ""], &rows);
    text.replace("<td>better</td>", "<td class=\"good\">better</td>")
        .replace("<td>worse</td>", "<td class=\"bad\">worse</td>")
}
