//! Charts of distributions: percentiles on an axis that is stretched towards the last few, and what
//! single messages took.

use serde_json::{Map, Value};

use crate::page::chart::{Across, Chart, Curve};
use crate::page::unit::Unit;
use crate::record::Percentiles;

/// A set of percentiles of a run with its path, as `reached.to_first`.
pub(crate) type Named = (String, Percentiles);

/// Curves of one chart.
const CURVES_MAX: usize = 6;

/// All sets of percentiles of a run that hold anything, in their order.
pub(crate) fn percentiles(figures: &Map<String, Value>) -> Vec<Named> {
    let mut found = Vec::new();
    for (name, value) in figures {
        let Value::Object(inner) = value else {
            continue;
        };
        if inner.contains_key("p50_us") && inner.contains_key("max_us") {
            let read = serde_json::from_value::<Percentiles>(value.clone());
            found.extend(read.ok().map(|set| (name.clone(), set)));
        } else {
            let inside = percentiles(inner).into_iter();
            found.extend(inside.map(|(path, set)| (format!("{name}.{path}"), set)));
        }
    }
    found.retain(|(_, set)| set.max_us > 0.0);
    found
}

/// The name of a set for people.
pub(crate) fn words(path: &str) -> String {
    let last = path.rsplit('.').next().unwrap_or(path);
    last.replace('_', " ")
}

/// The distributions of a run, in one chart.
pub(crate) fn distributions(title: &str, sets: &[Named]) -> String {
    let with_points = || sets.iter().filter(|(_, set)| set.distribution.len() > 1);
    let curve = |(path, set): &Named| {
        let end = 1.0 / set.count.max(2) as f64;
        let point = |(quantile, us): &(f64, f64)| (nines((1.0 - quantile).max(end)), Some(*us));
        Curve {
            name: words(path),
            points: set.distribution.iter().map(point).collect(),
        }
    };
    let most = with_points()
        .map(|(_, set)| set.count)
        .max()
        .unwrap_or(0)
        .max(100);
    let end = nines(1.0 / most as f64);
    let ticks = [
        (0.0, "0 %"),
        (0.301, "50 %"),
        (1.0, "90 %"),
        (2.0, "99 %"),
        (3.0, "99.9 %"),
        (4.0, "99.99 %"),
    ];
    let more = [(5.0, "99.999 %"), (7.0, "7 nines"), (9.0, "9 nines")];
    let ticks = ticks
        .into_iter()
        .chain(more)
        .filter(|(place, _)| *place <= end);
    let chart = Chart {
        title,
        unit: Unit::Micros,
        across: Across {
            label: "percentile",
            told: |nines| format!("{} %", percent(nines)),
            ends: (0.0, end),
            ticks: ticks
                .map(|(place, text)| (place, text.to_owned()))
                .collect(),
            marks: Vec::new(),
        },
        curves: with_points().take(CURVES_MAX).map(curve).collect(),
        is_stacked: false,
    };
    chart.draw()
}

/// What single messages took to their first, median and last subscriber, wherever a run has it.
pub(crate) fn by_message(figures: &Map<String, Value>) -> String {
    let mut text = String::new();
    for value in figures.values() {
        let Value::Object(inner) = value else {
            continue;
        };
        if let Some(Value::Object(columns)) = inner.get("by_message") {
            text.push_str(&messages(columns));
        }
    }
    text
}

fn messages(columns: &Map<String, Value>) -> String {
    let column = |name: &str| -> Vec<f64> {
        let values = columns.get(name).and_then(Value::as_array);
        values.map_or(Vec::new(), |values| {
            values.iter().filter_map(Value::as_f64).collect()
        })
    };
    let numbers = column("number");
    let names = [
        ("first_us", "first"),
        ("median_us", "median"),
        ("last_us", "last"),
    ];
    let curve = |(name, words): (&str, &str)| Curve {
        name: format!("to the {words} subscriber"),
        points: numbers
            .iter()
            .copied()
            .zip(column(name).into_iter().map(Some))
            .collect(),
    };
    let chart = Chart {
        title: "Each message, from first to last subscriber",
        unit: Unit::Micros,
        across: Across {
            label: "number of the message",
            told: |place| format!("message {place}"),
            ends: (0.0, numbers.last().copied().unwrap_or(0.0)),
            ticks: Vec::new(),
            marks: Vec::new(),
        },
        curves: names.into_iter().map(curve).collect(),
        is_stacked: false,
    };
    chart.draw()
}

/// The percentage of so many nines, without those that are rounding.
fn percent(nines: f64) -> f64 {
    let left = 10_f64.powf(-nines);
    let digits = 10_f64.powf(nines.ceil() + 1.0);
    100.0 - (left * digits).round() / digits * 100.0
}

/// How many nines: 0 for the median's 50 % is 0.3, for 99 % it is 2.
fn nines(left: f64) -> f64 {
    -left.log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_found_wherever_they_are() {
        let set = serde_json::json!({ "p50_us": 1.0, "max_us": 2.0, "distribution": [[0.0, 1.0], [1.0, 2.0]] });
        let empty = serde_json::json!({ "p50_us": 0.0, "max_us": 0.0 });
        let Value::Object(figures) = serde_json::json!({
            "latency": set, "reached": { "messages": 3, "to_first": set, "to_last": empty }
        }) else {
            unreachable!("it is an object");
        };
        let found = percentiles(&figures);
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["latency", "reached.to_first"]);
        assert_eq!(words(paths[1]), "to first");
        let drawn = distributions("Latency", &found);
        assert_eq!(drawn.matches("<polyline").count(), 2, "{drawn}");
    }
}
