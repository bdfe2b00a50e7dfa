//! What a run is expected to find: `lost = 0`, `p99_us_max = 5000`, `deliveries_per_s_min = 1000`.

use serde::Serialize;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::DeValue;

use crate::scenario::flags;
use crate::scenario::problem::Problems;

/// What one figure is expected to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expectation {
    /// As in the file, `latency.p99_us_max`.
    name: String,
    value: f64,
}

/// Whether it was met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Outcome {
    pub(super) figure: String,
    pub(super) expected: String,
    pub(super) found: Option<f64>,
    pub(super) met: bool,
}

/// What a name ends with, and what it asks for.
const BOUNDS: &[(&str, &str)] = &[("_max", "at most"), ("_min", "at least")];
/// Groups in which a name without one is looked for first.
const FIRST: &[&str] = &[
    "latency",
    "deliveries",
    "opening",
    "server",
    "server_memory",
    "client",
];

impl Expectation {
    /// Those of an `assert` table.
    pub(super) fn parse(value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>) -> Vec<Self> {
        let mut found = Vec::new();
        collect("", value, &mut found, problems);
        found
    }

    /// Looks at the figures of a run.
    pub(super) fn judge(&self, figures: &Map<String, Value>) -> Outcome {
        let bound = BOUNDS
            .iter()
            .find_map(|(end, words)| Some((self.name.strip_suffix(end)?, *words)));
        let (path, words) = bound.unwrap_or((&self.name, "exactly"));
        let found = figure(figures, path);
        let met = found.is_some_and(|found| match words {
            "at most" => found <= self.value,
            "at least" => found >= self.value,
            _ => (found - self.value).abs() < f64::EPSILON,
        });
        Outcome {
            figure: path.to_owned(),
            expected: format!("{words} {}", self.value),
            found,
            met,
        }
    }
}

fn collect(
    prefix: &str,
    value: &Spanned<DeValue<'_>>,
    found: &mut Vec<Expectation>,
    problems: &mut Problems<'_>,
) {
    let DeValue::Table(table) = value.get_ref() else {
        return problems.add(
            &value.span(),
            "`assert` must be a table of figures and numbers",
        );
    };
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(_) => collect(&format!("{name}."), value, found, problems),
            DeValue::Boolean(is) => found.push(Expectation {
                name,
                value: f64::from(u8::from(*is)),
            }),
            number => match flags::text(number).and_then(|text| text.replace('_', "").parse().ok())
            {
                Some(value) => found.push(Expectation { name, value }),
                None => problems.add(&value.span(), format!("`{name}` must be a number")),
            },
        }
    }
}

/// A figure by its path, or by its name alone: at the top, in the groups that matter, anywhere.
fn figure(figures: &Map<String, Value>, path: &str) -> Option<f64> {
    let at = |path: &str| number(crate::page::tiles::at(figures, path)?);
    let grouped = || {
        FIRST
            .iter()
            .find_map(|group| at(&format!("{group}.{path}")))
    };
    at(path)
        .or_else(grouped)
        .or_else(|| anywhere(figures, path))
}

fn anywhere(figures: &Map<String, Value>, name: &str) -> Option<f64> {
    let groups = figures
        .iter()
        .filter(|(group, _)| !matches!(group.as_str(), "parameters" | "environment" | "series"));
    let mut inside = groups.filter_map(|(_, value)| value.as_object());
    inside.find_map(|group| {
        group
            .get(name)
            .and_then(number)
            .or_else(|| anywhere(group, name))
    })
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(is) => Some(f64::from(u8::from(*is))),
        value => value.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_path_or_by_name_and_judged_by_how_the_name_ends() {
        let figures = serde_json::json!({
            "passed": true, "deliveries": { "lost": 0 }, "reached": { "to_last": { "p99_us": 900.0 } },
            "latency": { "p99_us": 500.0 }, "series": { "odd": 1 }
        });
        let figures = figures.as_object().unwrap();
        for (name, value, found, met) in [
            ("lost", 0.0, Some(0.0), true),
            ("lost", 1.0, Some(0.0), false),
            ("p99_us_max", 500.0, Some(500.0), true),
            ("p99_us_max", 499.0, Some(500.0), false),
            ("p99_us_min", 499.0, Some(500.0), true),
            ("reached.to_last.p99_us_max", 1_000.0, Some(900.0), true),
            ("passed", 1.0, Some(1.0), true),
            ("odd", 1.0, None, false),
        ] {
            let expectation = Expectation {
                name: name.to_owned(),
                value,
            };
            let outcome = expectation.judge(figures);
            assert_eq!((outcome.found, outcome.met), (found, met), "{name} {value}");
        }
    }
}
