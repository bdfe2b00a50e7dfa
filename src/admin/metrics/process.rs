//! The metrics of the process, with the names that the client libraries of Prometheus use.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use rustix::param::{clock_ticks_per_second, page_size};

/// What the kernel says of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Process {
    pub(crate) cpu_seconds: f64,
    /// When it was started, in seconds since 1970.
    started: f64,
    pub(crate) threads: u64,
    pub(crate) resident_bytes: u64,
}

impl Process {
    /// Reads it; zeros where there is no `/proc`.
    pub(crate) fn read() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let ticks = clock_ticks_per_second() as f64;
        let parsed = Self::parse(&stat, ticks, page_size() as u64);
        let mut process = parsed.unwrap_or_default();
        let host = fs::read_to_string("/proc/stat").unwrap_or_default();
        process.started += boot_time(&host).unwrap_or_default() as f64;
        process
    }

    /// Parses a line of `/proc/PID/stat`, proc_pid_stat(5). The name of the program may hold spaces
    /// and parentheses, so fields are counted from the last of those. The start is since that of
    /// the host.
    fn parse(stat: &str, ticks: f64, page: u64) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        // The first of these is the third of the line.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_seconds: (number(14)? + number(15)?) as f64 / ticks,
            threads: number(20)?,
            started: number(22)? as f64 / ticks,
            resident_bytes: number(24)? * page,
        })
    }
}

/// When the host was started, in seconds since 1970: `btime` of `/proc/stat`, proc_stat(5).
fn boot_time(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "CPU time of all threads, in user space and in the kernel.";
        let (unit, kind) = (Unit::Seconds, MetricType::Counter);
        let mut metric = encoder.encode_descriptor("process_cpu", help, Some(&unit), kind)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&self.cpu_seconds, None)?;
        let (unit, kind) = (Unit::Bytes, MetricType::Gauge);
        let help = "Memory of the process that is in RAM; not that of its sockets.";
        let name = "process_resident_memory";
        let mut metric = encoder.encode_descriptor(name, help, Some(&unit), kind)?;
        metric.encode_gauge(&self.resident_bytes)?;
        let unit = Unit::Seconds;
        let help = "When the process was started, in seconds since 1970.";
        let name = "process_start_time";
        let mut metric = encoder.encode_descriptor(name, help, Some(&unit), kind)?;
        metric.encode_gauge(&self.started)?;
        let help = "Threads of the process.";
        let mut metric = encoder.encode_descriptor("process_threads", help, None, kind)?;
        metric.encode_gauge(&self.threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name_of_the_program() {
        let stat = "7 (a ) (b) S 1 7 7 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 3 0 1200 99 10 rest";
        let process = Process::parse(stat, 100.0, 4_096).unwrap();
        assert_eq!(
            process,
            Process {
                cpu_seconds: 3.0,
                started: 12.0,
                threads: 3,
                resident_bytes: 40_960,
            }
        );
        for cut in 0..stat.len() - "0 rest".len() {
            assert_eq!(Process::parse(&stat[..cut], 100.0, 4_096), None, "{cut}");
        }
        assert_eq!(
            boot_time("cpu 1 2\nbtime 1700000000\nprocesses 1\n"),
            Some(1_700_000_000)
        );
    }

    #[test]
    fn this_process_is_read() {
        let process = Process::read();
        assert!(
            1 <= process.threads && 0 < process.resident_bytes,
            "{process:?}"
        );
        assert!(1.7e9 < process.started, "{process:?}");
    }
}
