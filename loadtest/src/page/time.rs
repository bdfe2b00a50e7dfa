//! Charts of what a run was like over time.

use crate::page::chart::{Across, Chart, Curve};
use crate::page::unit::{Unit, number};
use crate::series::Series;

/// Columns that belong in one chart, each with its name there.
struct Together {
    title: &'static str,
    columns: &'static [(&'static str, &'static str)],
    is_stacked: bool,
}

const TOGETHER: &[Together] = &[
    Together {
        title: "Latency over time",
        columns: &[
            ("latency_p50_us", "p50"),
            ("latency_p99_us", "p99"),
            ("latency_max_us", "max"),
        ],
        is_stacked: false,
    },
    Together {
        title: "Deliveries over time",
        columns: &[("deliveries_per_s", "deliveries")],
        is_stacked: false,
    },
    Together {
        title: "Round trips over time",
        columns: &[("round_trips_per_s", "round trips")],
        is_stacked: false,
    },
    Together {
        title: "Server CPU over time",
        columns: &[
            ("server_system_cores", "in the kernel"),
            ("server_user_cores", "in user space"),
        ],
        is_stacked: true,
    },
    Together {
        title: "Memory over time",
        columns: &[
            ("server_rss_bytes", "server, resident"),
            ("tcp_memory_bytes", "TCP buffers of the host"),
        ],
        is_stacked: false,
    },
    Together {
        title: "Connections over time",
        columns: &[("connections", "live")],
        is_stacked: false,
    },
    Together {
        title: "Busiest client thread over time",
        columns: &[("client_busy_share", "busy")],
        is_stacked: false,
    },
];

/// Columns that say nothing as a curve.
const LEFT_OUT: &[&str] = &["host_available_bytes"];

/// All charts of a series; columns that are not known here have one each.
pub(super) fn charts(series: &Series) -> String {
    let mut text = String::new();
    for together in TOGETHER {
        text.push_str(&draw(
            series,
            together.title,
            together.columns,
            together.is_stacked,
        ));
    }
    let is_known = |name: &str| {
        let mut known = TOGETHER.iter().flat_map(|together| together.columns);
        known.any(|(column, _)| *column == name) || LEFT_OUT.contains(&name)
    };
    for name in series.columns.keys().filter(|name| !is_known(name)) {
        let (_, words) = Unit::split(name);
        let title = format!("{} over time", capital(&words));
        text.push_str(&draw(series, &title, &[(name, &words)], false));
    }
    text
}

fn draw(series: &Series, title: &str, columns: &[(&str, &str)], is_stacked: bool) -> String {
    let curve = |(column, name): &(&str, &str)| {
        let values = series.columns.get(*column)?;
        let times = series.time_s.iter().copied();
        Some(Curve {
            name: (*name).to_owned(),
            points: times.zip(values.iter().copied()).collect(),
        })
    };
    let (unit, _) = columns
        .first()
        .map_or((Unit::Count, String::new()), |(column, _)| {
            Unit::split(column)
        });
    let chart = Chart {
        title,
        unit,
        across: Across {
            label: "seconds",
            told: |place| format!("at {} s", number(place)),
            ends: (0.0, series.time_s.last().copied().unwrap_or(0.0)),
            ticks: Vec::new(),
            marks: series
                .marks
                .iter()
                .map(|mark| (mark.time_s, mark.name.clone()))
                .collect(),
        },
        curves: columns.iter().filter_map(curve).collect(),
        is_stacked,
    };
    chart.draw()
}

/// With a capital letter.
pub(super) fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
