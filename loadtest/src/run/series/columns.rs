//! From readings to columns: what was between two samples, with units in the names.

use std::collections::BTreeMap;

use crate::clock::seconds;
use crate::host::procfs::CpuTime;
use crate::run::series::Series;
use crate::run::series::sampler::Sample;
use crate::run::series::sparse::Sparse;
use crate::run::series::watch::{Reading, Watch};

/// Makes the columns; `latencies` by the interval of their sample.
pub(super) fn columns(
    watch: &Watch,
    samples: &[Sample],
    latencies: &BTreeMap<u64, Sparse>,
) -> Series {
    let mut series = Series::default();
    for (from, to) in samples.iter().zip(samples.iter().skip(1)) {
        series
            .time_s
            .push(rounded(seconds(samples[0].at_ns, to.at_ns)));
        // Two samples at one time, as at a mark, still have a quotient.
        let wall_s = seconds(from.at_ns, to.at_ns).max(1e-6);
        let mut row = between(watch, &from.reading, &to.reading, wall_s);
        let latency = latencies.get(&to.interval);
        let at = |quantile| latency.and_then(|latency| latency.quantile_us(quantile));
        row.extend([
            ("latency_p50_us", at(0.5)),
            ("latency_p99_us", at(0.99)),
            ("latency_max_us", at(1.0)),
        ]);
        for (name, value) in row {
            let column = series.columns.entry(name.to_owned()).or_default();
            column.push(value.map(rounded));
        }
    }
    series
        .columns
        .retain(|_, values| values.iter().any(Option::is_some));
    series
}

fn between(
    watch: &Watch,
    from: &Reading,
    to: &Reading,
    wall_s: f64,
) -> Vec<(&'static str, Option<f64>)> {
    let names = watch.gauges.iter().map(|(name, _)| *name);
    let gauges = names.zip(to.gauges.iter().map(|value| Some(*value as f64)));
    let names = watch.counters.iter().map(|(name, _)| *name);
    let grown = to.counters.iter().zip(&from.counters);
    let counters =
        names.zip(grown.map(|(to, from)| Some(to.saturating_sub(*from) as f64 / wall_s)));
    let cpu = to.server.zip(from.server);
    let cpu = cpu.map(|((to, _), (from, _))| cores(to.since(from), wall_s));
    let threads = to.client_cpu_ns.iter().zip(&from.client_cpu_ns);
    let busiest = threads.map(|(to, from)| to.saturating_sub(*from)).max();
    let busy = busiest.map(|nanos| (nanos as f64 / 1e9 / wall_s).min(1.0));
    let rest = [
        ("server_user_cores", cpu.map(|(user, _)| user)),
        ("server_system_cores", cpu.map(|(_, system)| system)),
        ("server_rss_bytes", to.server.map(|(_, bytes)| bytes as f64)),
        ("client_busy_share", busy),
        (
            "tcp_memory_bytes",
            to.sockets.map(|sockets| sockets.memory_bytes as f64),
        ),
        (
            "host_available_bytes",
            to.host_available_bytes.map(|bytes| bytes as f64),
        ),
    ];
    gauges.chain(counters).chain(rest).collect()
}

/// CPUs in user space and in the kernel: the exact sum, divided as the clock ticks say.
fn cores(cpu: CpuTime, wall_s: f64) -> (f64, f64) {
    let all = cpu.cpu_s() / wall_s;
    let user_share = cpu.user_share();
    (all * user_share, all * (1.0 - user_share))
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
        let short = CpuTime {
            on_cpu_ns: 500_000_000,
            ..CpuTime::default()
        };
        let (user, system) = cores(short, 0.5);
        assert!(
            user.abs() < 1e-9 && (system - 1.0).abs() < 1e-9,
            "too short for a tick"
        );
    }
}
