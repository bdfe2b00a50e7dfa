//! From readings to columns: what was between two samples, with units in the names.

use std::collections::BTreeMap;

use crate::clock::seconds;
use crate::procfs::CpuTime;
use crate::series::Series;
use crate::series::sampler::Sample;
use crate::series::sparse::Sparse;
use crate::series::watch::Watch;

type Columns = BTreeMap<String, Vec<Option<f64>>>;

/// Makes the columns; `latencies` by the interval of their sample.
pub(super) fn columns(
    watch: &Watch,
    samples: &[Sample],
    latencies: &BTreeMap<u64, Sparse>,
) -> Series {
    let mut columns = Columns::new();
    let pairs = || samples.iter().zip(samples.iter().skip(1));
    let Some(first) = samples.first() else {
        return Series::default();
    };
    let mut add = |name: &str, values: Vec<Option<f64>>| {
        if values.iter().any(Option::is_some) {
            columns.insert(name.to_owned(), values);
        }
    };
    for (index, (name, _)) in watch.gauges.iter().enumerate() {
        add(
            name,
            per(pairs(), |_, to, _| {
                to.reading.gauges.get(index).map(|value| *value as f64)
            }),
        );
    }
    for (index, (name, _)) in watch.counters.iter().enumerate() {
        let rate = |from: &Sample, to: &Sample, wall_s| {
            let count = |sample: &Sample| sample.reading.counters.get(index).copied();
            Some(count(to)?.saturating_sub(count(from)?) as f64 / wall_s)
        };
        add(name, per(pairs(), rate));
    }
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
        let at = |_: &Sample, to: &Sample, _| latencies.get(&to.interval)?.quantile_us(quantile);
        add(&format!("latency_{name}_us"), per(pairs(), at));
    }
    let cpu = |from: &Sample, to: &Sample| -> Option<CpuTime> {
        Some(to.reading.server?.0.since(from.reading.server?.0))
    };
    add(
        "server_user_cores",
        per(pairs(), |from, to, wall_s| {
            Some(cores(cpu(from, to)?, wall_s).0)
        }),
    );
    add(
        "server_system_cores",
        per(pairs(), |from, to, wall_s| {
            Some(cores(cpu(from, to)?, wall_s).1)
        }),
    );
    add(
        "server_rss_bytes",
        per(pairs(), |_, to, _| Some(to.reading.server?.1 as f64)),
    );
    add("client_busy_share", per(pairs(), busy));
    let bytes = |value: u64| (value > 0).then_some(value as f64);
    add(
        "tcp_memory_bytes",
        per(pairs(), |_, to, _| {
            Some(to.reading.sockets?.memory_bytes as f64)
        }),
    );
    add(
        "host_available_bytes",
        per(pairs(), |_, to, _| bytes(to.reading.host_available_bytes)),
    );
    Series {
        time_s: pairs()
            .map(|(_, to)| rounded(seconds(first.at_ns, to.at_ns)))
            .collect(),
        columns,
        ..Series::default()
    }
}

fn per<'a>(
    pairs: impl Iterator<Item = (&'a Sample, &'a Sample)>,
    value: impl Fn(&Sample, &Sample, f64) -> Option<f64>,
) -> Vec<Option<f64>> {
    let one = |(from, to): (&'a Sample, &'a Sample)| {
        // Two samples at one time, as at a mark, still have a quotient.
        let wall_s = seconds(from.at_ns, to.at_ns).max(1e-6);
        value(from, to, wall_s).map(rounded)
    };
    pairs.map(one).collect()
}

/// CPUs in user space and in the kernel: the exact sum, divided as the clock ticks say.
fn cores(cpu: CpuTime, wall_s: f64) -> (f64, f64) {
    let all = cpu.on_cpu_ns as f64 / 1e9 / wall_s;
    let ticks = cpu.user_s + cpu.system_s;
    let user_share = if ticks > 0.0 { cpu.user_s / ticks } else { 0.0 };
    (all * user_share, all * (1.0 - user_share))
}

/// The busiest client thread.
fn busy(from: &Sample, to: &Sample, wall_s: f64) -> Option<f64> {
    let threads = to
        .reading
        .client_cpu_ns
        .iter()
        .zip(&from.reading.client_cpu_ns);
    let used = threads
        .map(|(after, before)| after.saturating_sub(*before))
        .max()?;
    Some((used as f64 / 1e9 / wall_s).min(1.0))
}

/// Four digits of the fraction, or of the number where it is small: enough to plot.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_divided_as_the_ticks_are() {
        let cpu = CpuTime {
            on_cpu_ns: 500_000_000,
            user_s: 0.1,
            system_s: 0.3,
        };
        let (user, system) = cores(cpu, 0.5);
        assert!((user - 0.25).abs() < 1e-9 && (system - 0.75).abs() < 1e-9);
        let (user, system) = cores(
            CpuTime {
                user_s: 0.0,
                system_s: 0.0,
                ..cpu
            },
            0.5,
        );
        assert!(
            user.abs() < 1e-9 && (system - 1.0).abs() < 1e-9,
            "too short for a tick"
        );
    }
}
