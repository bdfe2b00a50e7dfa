//! The charts of a run: over time, distributions, single messages, and rounds of a comparison.

use maud::{Markup, html};
use serde_json::Value;

use crate::report::page::chart::{Chart, Curve};
use crate::report::page::read;
use crate::report::page::unit::Unit;
use crate::run::record::Percentiles;
use crate::run::series::Series;

/// A set of percentiles of a run with its path, as `reached.to_first`.
pub(crate) type NamedSet = (String, Percentiles);

/// A title, columns of a series that belong in its chart with their names there, and whether they
/// are stacked.
type ColumnGroup = (&'static str, &'static [(&'static str, &'static str)], bool);

const GROUPS: &[ColumnGroup] = &[
    (
        "Latency over time",
        &[
            ("latency_p50_us", "p50"),
            ("latency_p99_us", "p99"),
            ("latency_max_us", "max"),
        ],
        false,
    ),
    (
        "Deliveries over time",
        &[("deliveries_per_s", "deliveries")],
        false,
    ),
    (
        "Round trips over time",
        &[("round_trips_per_s", "round trips")],
        false,
    ),
    (
        "Server CPU over time",
        &[
            ("server_system_cores", "in the kernel"),
            ("server_user_cores", "in user space"),
        ],
        true,
    ),
    (
        "Memory over time",
        &[
            ("server_rss_bytes", "server, resident"),
            ("tcp_memory_bytes", "TCP buffers of the host"),
        ],
        false,
    ),
    ("Connections over time", &[("connections", "live")], false),
    (
        "Busiest client thread over time",
        &[("client_busy_share", "busy")],
        false,
    ),
];

/// Columns that say nothing as a curve.
const LEFT_OUT: &[&str] = &["host_available_bytes"];
/// Curves of one chart.
const CURVES_MAX: usize = 6;

/// All charts of a run.
pub(super) fn charts(run: &Value) -> Markup {
    html! {
        (over_time(&read(&run["series"])))
        (distributions("Distribution of latencies", &percentiles(run)))
        @for group in run.as_object().into_iter().flat_map(|run| run.values()) {
            (messages(&group["by_message"]))
        }
        @for cell in run["cells"].as_array().into_iter().flatten() { (rounds(cell)) }
    }
}

/// The charts of a series; columns that are not known here have one each.
fn over_time(series: &Series) -> Markup {
    let is_known = |name: &str| {
        let mut known = GROUPS.iter().flat_map(|(_, columns, _)| *columns);
        known.any(|(column, _)| *column == name) || LEFT_OUT.contains(&name)
    };
    html! {
        @for (title, columns, is_stacked) in GROUPS {
            (column_chart(series, title, columns, *is_stacked))
        }
        @for name in series.columns.keys().filter(|name| !is_known(name)) {
            @let words = Unit::split(name).1;
            @let title = capital(&format!("{words} over time"));
            (column_chart(series, &title, &[(name, &words)], false))
        }
    }
}

fn column_chart(
    series: &Series,
    title: &str,
    columns: &[(&str, &str)],
    is_stacked: bool,
) -> Markup {
    let curve = |(column, name): &(&str, &str)| {
        let values = series.columns.get(*column)?.iter().copied();
        Some(Curve::new(*name, series.time_s.iter().copied().zip(values)))
    };
    let unit = columns
        .first()
        .map_or(Unit::Count, |(column, _)| Unit::split(column).0);
    let curves = columns.iter().filter_map(curve).collect();
    let marks = series.marks.iter();
    let chart = Chart {
        marks: marks.map(|mark| (mark.time_s, mark.name.clone())).collect(),
        is_stacked,
        ..Chart::new(title, unit, "seconds", curves)
    };
    chart.draw()
}

/// All sets of percentiles of a run that hold anything, in their order.
pub(crate) fn percentiles(run: &Value) -> Vec<NamedSet> {
    let mut found = Vec::new();
    for (name, value) in run.as_object().into_iter().flatten() {
        if value["p50_us"].is_number() && value["max_us"].is_number() {
            found.push((name.clone(), read(value)));
        } else {
            let inside = percentiles(value).into_iter();
            found.extend(inside.map(|(path, set)| (format!("{name}.{path}"), set)));
        }
    }
    found.retain(|(_, set): &NamedSet| set.max_us > 0.0);
    found
}

/// Distributions in one chart, on an axis that is stretched towards the last few.
pub(crate) fn distributions(title: &str, sets: &[NamedSet]) -> Markup {
    let sets = || sets.iter().filter(|(_, set)| set.distribution.len() > 1);
    let curve = |(path, set): &NamedSet| {
        let end = 1.0 / set.count.max(2) as f64;
        let point = |(quantile, us): &(f64, f64)| (nines((1.0 - quantile).max(end)), Some(*us));
        Curve::new(words(path), set.distribution.iter().map(point))
    };
    let most = sets().map(|(_, set)| set.count).max().unwrap_or(0);
    // Where there are many nines there is no space for each.
    let ticks: &[f64] = match nines(1.0 / most.max(1) as f64) {
        end if end > 6.5 => &[0.301, 1.0, 2.0, 3.0, 5.0, 7.0, 9.0],
        end if end > 5.0 => &[0.301, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        _ => &[0.0, 0.301, 1.0, 2.0, 3.0, 4.0, 5.0],
    };
    let curves = sets().take(CURVES_MAX).map(curve).collect();
    let chart = Chart {
        text: percent,
        ticks,
        ..Chart::new(title, Unit::Micros, "percentile", curves)
    };
    chart.draw()
}

/// What single messages took to their first, median and last subscriber.
fn messages(columns: &Value) -> Markup {
    let column = |name: &str| {
        let values = columns[name].as_array().into_iter().flatten();
        values.map(Value::as_f64)
    };
    let curve = |words: &str| {
        let numbers = column("number").map(Option::unwrap_or_default);
        let points = numbers.zip(column(&format!("{words}_us")));
        Curve::new(format!("to the {words} subscriber"), points)
    };
    let title = "Each message, from first to last subscriber";
    let curves = ["first", "median", "last"].map(curve).to_vec();
    Chart::new(title, Unit::Micros, "number of the message", curves).draw()
}

/// The rounds of a comparison with the floors, for one load.
fn rounds(cell: &Value) -> Markup {
    let Some(rounds) = cell["rounds"].as_array() else {
        return html! {};
    };
    let curve = |(key, name): (&str, &str)| {
        let values = rounds.iter().map(|round| round[key].as_f64());
        Curve::new(name, (1..).map(f64::from).zip(values))
    };
    let sides = [
        ("corecast_us", "corecast"),
        ("libc_us", "libc floor"),
        ("inline_us", "inlined floor"),
    ];
    let every = rounds.len().div_ceil(12).max(1);
    let ticks = (1..=rounds.len()).step_by(every).map(|round| round as f64);
    let title = format!(
        "CPU per message, {} connections, {} B",
        cell["connections"], cell["payload_bytes"]
    );
    let curves = sides.map(curve).to_vec();
    let chart = Chart {
        from: 1.0,
        ticks: &ticks.collect::<Vec<_>>(),
        ..Chart::new(&title, Unit::Micros, "round", curves)
    };
    chart.draw()
}

/// The name of a set for people.
pub(crate) fn words(path: &str) -> String {
    path.rsplit('.').next().unwrap_or(path).replace('_', " ")
}

/// With a capital letter.
pub(super) fn capital(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// The percentage of so many nines, without those that are rounding.
fn percent(nines: f64) -> String {
    let left = 10_f64.powf(-nines);
    let digits = 10_f64.powf(nines.ceil() + 1.0);
    format!("{} %", 100.0 - (left * digits).round() / digits * 100.0)
}

/// How many nines a share that is left has: 0.3 for the median's 50 %, 2 for 99 %.
fn nines(left: f64) -> f64 {
    -left.log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_found_wherever_they_are() {
        let points = [[0.0, 1.0], [1.0, 2.0]];
        let set = serde_json::json!({ "p50_us": 1.0, "max_us": 2.0, "distribution": points });
        let empty = serde_json::json!({ "p50_us": 0.0, "max_us": 0.0 });
        let figures = serde_json::json!({
            "latency": set, "reached": { "messages": 3, "to_first": set, "to_last": empty }
        });
        let found = percentiles(&figures);
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["latency", "reached.to_first"]);
        assert_eq!(words(paths[1]), "to first");
        let drawn = distributions("Latency", &found).0;
        for (name, colour) in [("latency", "#0B6BCB"), ("to first", "#D9730D")] {
            assert!(drawn.contains(name) && drawn.contains(colour), "{drawn}");
        }
    }

    #[test]
    fn nines_are_percentages() {
        for (nines, text) in [
            (0.0, "0 %"),
            (0.301, "50 %"),
            (1.0, "90 %"),
            (5.0, "99.999 %"),
        ] {
            assert_eq!(percent(nines), text);
        }
    }
}
