//! From readings to columns: what was between two samples, with units in the names.

use std::collections::BTreeMap;

use crate::clock::seconds;
use crate::procfs::CpuTime;
use crate::series::Series;
use crate::series::sampler::Sample;
use crate::series::sparse::Sparse;
use crate::series::watch::{Reading, Watch};

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
    let gauge = |(index, (name, _)): (usize, &(&'static str, _))| {
        (*name, to.gauges.get(index).map(|value| *value as f64))
    };
    let counter = |(index, (name, _)): (usize, &(&'static str, _))| {
        let both = to.counters.get(index).zip(from.counters.get(index));
        let rate = both.map(|(to, from)| to.saturating_sub(*from) as f64 / wall_s);
        (*name, rate)
    };
    let cpu = to.server.zip(from.server);
    let cpu = cpu.map(|((to, _), (from, _))| cores(to.since(from), wall_s));
    let threads = to.client_cpu_ns.iter().zip(&from.client_cpu_ns);
    let busiest = threads.map(|(to, from)| to.saturating_sub(*from)).max();
    let available = to.host_available_bytes;
    let rest = [
        ("server_user_cores", cpu.map(|(user, _)| user)),
        ("server_system_cores", cpu.map(|(_, system)| system)),
        ("server_rss_bytes", to.server.map(|(_, bytes)| bytes as f64)),
        (
            "client_busy_share",
            busiest.map(|nanos| (nanos as f64 / 1e9 / wall_s).min(1.0)),
        ),
        (
            "tcp_memory_bytes",
            to.sockets.map(|sockets| sockets.memory_bytes as f64),
        ),
        (
            "host_available_bytes",
            (available > 0).then_some(available as f64),
        ),
    ];
    let gauges = watch.gauges.iter().enumerate().map(gauge);
    let counters = watch.counters.iter().enumerate().map(counter);
    gauges.chain(counters).chain(rest).collect()
}

/// CPUs in user space and in the kernel: the exact sum, divided as the clock ticks say.
fn cores(cpu: CpuTime, wall_s: f64) -> (f64, f64) {
    let all = cpu.on_cpu_ns as f64 / 1e9 / wall_s;
    let ticks = cpu.user_s + cpu.system_s;
    let user_share = if ticks > 0.0 { cpu.user_s / ticks } else { 0.0 };
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
