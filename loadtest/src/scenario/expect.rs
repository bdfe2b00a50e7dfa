//! What a run is expected to find: `lost = 0`, `p99_us_max = 5000`, `deliveries_per_s_min = 1000`.

use serde::Serialize;
use serde_json::{Value, json};
use toml::Spanned;

use crate::commands::broadcast::{self, Memory, TopicMemory};
use crate::commands::{connect, echo, hostile, slow, soak, storm};
use crate::report::ServerMemory;
use crate::report::compare::number;
use crate::report::figures::{Base, Found};
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
    /// Those of an `assert` table, for a run of this command.
    pub(super) fn read_all(
        command: &str,
        table: &Spanned<toml::Value>,
        problems: &mut Problems<'_>,
    ) -> Vec<Self> {
        let mut found = Vec::new();
        let mut wrong = collect("assert", table.get_ref(), &mut found);
        let figures = figures_of(command);
        let unknown = found
            .iter()
            .filter(|expected| !has(&figures, expected.bound().0));
        wrong.extend(unknown.map(|Self { name, .. }| {
            format!("`{command}` has no figure `{name}`: there are those that --json writes")
        }));
        for what in wrong {
            problems.add(table.span(), what);
        }
        found
    }

    /// The path of the figure, and what the end of its name asks for.
    fn bound(&self) -> (&str, &'static str) {
        let ends = [("_max", "at most"), ("_min", "at least")];
        let found = |(end, words)| Some((self.name.strip_suffix(end)?, words));
        ends.into_iter()
            .find_map(found)
            .unwrap_or((&self.name, "exactly"))
    }

    /// Looks at the figures of a run.
    pub(super) fn judge(&self, figures: &Value) -> Outcome {
        let (path, words) = self.bound();
        let found = figure(figures, path).and_then(number);
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

/// Finds the numbers of a table and those in it; returns what is none.
fn collect(name: &str, value: &toml::Value, found: &mut Vec<Expectation>) -> Vec<String> {
    let value = match value {
        toml::Value::Table(table) => {
            let inside = |(key, value): (&String, _)| match name {
                "assert" => collect(key, value, found),
                group => collect(&format!("{group}.{key}"), value, found),
            };
            return table.iter().flat_map(inside).collect();
        }
        toml::Value::Boolean(is) => f64::from(u8::from(*is)),
        toml::Value::Float(number) => *number,
        toml::Value::Integer(number) => *number as f64,
        _ => return vec![format!("`{name}` must be a number")],
    };
    let name = name.to_owned();
    found.push(Expectation { name, value });
    Vec::new()
}

/// A figure by its path, or by its name alone: at the top, in the groups that matter, anywhere.
fn figure<'a>(figures: &'a Value, path: &str) -> Option<&'a Value> {
    let at = |group: &'a Value| {
        path.split('.')
            .try_fold(group, |group, name| group.get(name))
    };
    let grouped = || FIRST.iter().find_map(|group| at(figures.get(group)?));
    at(figures)
        .or_else(grouped)
        .or_else(|| anywhere(figures, path))
}

fn anywhere<'a>(figures: &'a Value, name: &str) -> Option<&'a Value> {
    let is_found = |group: &str| !matches!(group, "parameters" | "environment" | "series");
    let groups = figures.as_object().into_iter().flatten();
    let mut groups = groups.filter(|(group, _)| is_found(group));
    groups.find_map(|(_, group)| group.get(name).or_else(|| anywhere(group, name)))
}

/// Whether there may be such a figure. What is counted by kind may have any.
fn has(figures: &Value, path: &str) -> bool {
    let ends = path.match_indices('.').map(|(at, _)| at);
    let mut groups = ends.filter_map(|end| figure(figures, &path[..end]));
    let is_one = |value: &Value| value.is_null() || number(value).is_some();
    figure(figures, path).is_some_and(is_one) || groups.any(|group| *group == json!({}))
}

/// The figures that a command may find, with all that is there only sometimes.
fn figures_of(command: &str) -> Value {
    match command {
        "fanout" | "chat" | "topics" => of(broadcast::Figures {
            own_latency: some(),
            reached: some(),
            lateness: some(),
            server: some(),
            server_memory: Some(match command {
                "topics" => Memory::OfTopics(TopicMemory::default()),
                _ => Memory::OfConnections(ServerMemory::default()),
            }),
            ..Default::default()
        }),
        "connect" => of(connect::Figures {
            server: some(),
            ..Default::default()
        }),
        "storm" => of(storm::Figures::default()),
        "slow" => of(slow::Figures {
            server: some(),
            ..Default::default()
        }),
        "soak" => of(soak::Figures::default()),
        "hostile" => of(hostile::Figures {
            echo: some(),
            turns: some(),
            server: some(),
            ..Default::default()
        }),
        "echo" => of(echo::Figures {
            server: some(),
            ..Default::default()
        }),
        // All others of `ratio` are in lists.
        _ => json!({ "passed": true, "pinned": true }),
    }
}

fn of(own: impl Serialize) -> Value {
    let base = Base::default();
    json!(Found { base, own })
}

fn some<T: Default>() -> Option<T> {
    Some(T::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_path_or_by_name_and_judged_by_how_the_name_ends() {
        let figures = json!({
            "passed": true, "deliveries": { "lost": 0 }, "reached": { "to_last": { "p99_us": 900.0 } },
            "latency": { "p99_us": 500.0 }, "series": { "odd": 1 }
        });
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
            let name = name.to_owned();
            let outcome = Expectation { name, value }.judge(&figures);
            assert_eq!((outcome.found, outcome.met), (found, met), "{outcome:?}");
        }
    }

    #[test]
    fn a_command_has_the_figures_that_it_may_find_and_no_others() {
        for (command, path, is_there) in [
            ("fanout", "lost", true),
            ("fanout", "latency.p99_us", true),
            ("fanout", "cpu_us_per_message", true),
            ("fanout", "opening.failures.reset by the server", true),
            ("fanout", "latency.p98_us", false),
            ("fanout", "latency", false),
            ("soak", "memory_growth_percent", true),
            ("connect", "server.idle_busy_cores", true),
            ("connect", "deliveries_per_s", false),
            ("hostile", "attacks.flood.opened", true),
            ("ratio", "passed", true),
            ("ratio", "lost", false),
        ] {
            assert_eq!(
                has(&figures_of(command), path),
                is_there,
                "{command} {path}"
            );
        }
    }
}
