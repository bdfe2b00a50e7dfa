//! The figures of a run, as a table for people and as JSON for programs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

use serde::Serialize;

use crate::clock::seconds;
use crate::control::Control;
use crate::record::Percentiles;

/// What was found about opening connections.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Opening {
    pub(crate) connections: u32,
    pub(crate) live: u64,
    pub(crate) open_s: f64,
    pub(crate) opened_per_s: f64,
    /// Live connections that ended before the run did.
    pub(crate) ended_early: u64,
    /// What failed, each try counted.
    pub(crate) failures: BTreeMap<String, u64>,
}

impl Opening {
    /// From what a crew counted since it was told to open at `start_ns`.
    pub(crate) fn new(connections: u32, control: &Control, start_ns: u64) -> Self {
        let live = control.live.load(Ordering::Acquire);
        let open_s = seconds(start_ns, control.last_live_ns.load(Ordering::Acquire));
        let opened_per_s = ratio(live as f64, open_s);
        Self {
            connections,
            live,
            open_s,
            opened_per_s,
            ..Self::default()
        }
    }

    /// Adds what failed in one thread.
    pub(crate) fn add_failures(&mut self, failures: &BTreeMap<String, u64>) {
        for (what, count) in failures {
            *self.failures.entry(what.clone()).or_default() += count;
        }
    }
}

/// What was found about the client itself.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ClientCost {
    pub(crate) threads: usize,
    pub(crate) cpu_s_by_thread: Vec<f64>,
    /// The busiest thread, or all together against the CPUs they may use, whichever is more.
    pub(crate) busy_share: f64,
}

impl ClientCost {
    /// From each thread's nanoseconds on a CPU during `wall_s` seconds.
    pub(crate) fn new(cpu_ns: &[u64], wall_s: f64) -> Self {
        let cpu_s: Vec<f64> = cpu_ns.iter().map(|nanos| *nanos as f64 / 1e9).collect();
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let busiest = cpu_s.iter().copied().fold(0.0, f64::max);
        let all = cpu_s.iter().sum::<f64>() / cpus as f64;
        Self {
            threads: cpu_s.len(),
            busy_share: ratio(busiest.max(all), wall_s),
            cpu_s_by_thread: cpu_s,
        }
    }
}

/// What was found about the server's use of the CPU.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ServerCost {
    pub(crate) on_cpu_s: f64,
    /// Per delivery, or per round trip.
    pub(crate) cpu_us_per_message: f64,
    /// CPUs in use; 1 is one core all the time.
    pub(crate) busy_cores: f64,
    pub(crate) user_share: f64,
    pub(crate) user_us_per_message: f64,
}

impl ServerCost {
    /// From the CPU time of a phase of `wall_s` seconds with this many messages.
    pub(crate) fn new(cpu: crate::procfs::CpuTime, messages: u64, wall_s: f64) -> Self {
        let on_cpu_s = cpu.on_cpu_ns as f64 / 1e9;
        let user_share = ratio(cpu.user_s, cpu.user_s + cpu.system_s);
        let cpu_us_per_message = ratio(on_cpu_s * 1e6, messages as f64);
        Self {
            on_cpu_s,
            cpu_us_per_message,
            busy_cores: ratio(on_cpu_s, wall_s),
            user_share,
            user_us_per_message: cpu_us_per_message * user_share,
        }
    }
}

/// What was found about the server's memory.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ServerMemory {
    pub(crate) pss_before_bytes: u64,
    pub(crate) pss_connected_bytes: u64,
    pub(crate) pss_bytes_per_connection: f64,
    /// Between the two marks of --pss-at.
    pub(crate) pss_slope_bytes_per_connection: Option<f64>,
}

/// Something that makes the figures doubtful, and its remedy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Warning {
    /// The client had hardly any time left.
    ClientBusy { share: f64 },
    /// Messages went out after they were due.
    ScheduleLate { p99_us: f64 },
}

/// A client busier than this is itself what is measured.
const BUSY_SHARE_MAX: f64 = 0.95;
/// A schedule may slip this much.
const LATE_US_MAX: f64 = 1_000.0;

impl Warning {
    /// All that apply.
    pub(crate) fn find(client: &ClientCost, lateness: Option<&Percentiles>) -> Vec<Self> {
        let share = client.busy_share;
        let busy = (share > BUSY_SHARE_MAX).then_some(Self::ClientBusy { share });
        let p99_us = lateness.map_or(0.0, |lateness| lateness.p99_us);
        let late = (p99_us > LATE_US_MAX).then_some(Self::ScheduleLate { p99_us });
        busy.into_iter().chain(late).collect()
    }

    /// The words for it.
    pub(crate) fn text(self) -> String {
        match self {
            Self::ClientBusy { share } => format!(
                "the client was {:.0} % busy: this run measures the client; give it more CPUs and \
                 --threads, or fewer connections",
                share * 100.0
            ),
            Self::ScheduleLate { p99_us } => format!(
                "messages went out up to {p99_us:.0} us late (p99): the client's CPU was taken or \
                 the server slowed the publishers; latency counts from when they were due"
            ),
        }
    }
}

/// Lines of a table: a name and what is to say.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(&'static str, String)>);

impl Table {
    /// Adds a line.
    pub(crate) fn row(&mut self, name: &'static str, text: String) {
        self.0.push((name, text));
    }

    /// Adds the verdict.
    pub(crate) fn result(&mut self, passed: bool) {
        self.row(
            "result",
            if passed { "passed" } else { "FAILED" }.to_owned(),
        );
    }

    /// Adds a line of percentiles.
    pub(crate) fn percentiles(&mut self, name: &'static str, at: &Percentiles) {
        let Percentiles {
            p50_us,
            p90_us,
            p99_us,
            p999_us,
            max_us,
        } = at;
        self.row(
            name,
            format!(
                "p50 {p50_us:.0}  p90 {p90_us:.0}  p99 {p99_us:.0}  p99.9 {p999_us:.0}  max {max_us:.0} us"
            ),
        );
    }

    /// Adds what all reports have about connections.
    pub(crate) fn opening(&mut self, opening: &Opening) {
        let Opening {
            connections,
            live,
            open_s,
            opened_per_s,
            ended_early,
            failures,
        } = opening;
        self.row(
            "connections",
            format!("{live} of {connections} live in {open_s:.2} s, {opened_per_s:.0}/s"),
        );
        if *ended_early > 0 {
            self.row("ended early", ended_early.to_string());
        }
        for (what, count) in failures {
            self.row("failed", format!("{count} x {what}"));
        }
    }

    /// Adds what all reports have about cost.
    pub(crate) fn cost(&mut self, client: &ClientCost, server: Option<&ServerCost>, per: &str) {
        if let Some(server) = server {
            self.row(
                "server CPU",
                format!(
                    "{:.3} us per {per}, of it {:.3} in user space ({:.1} %); {:.2} cores busy",
                    server.cpu_us_per_message,
                    server.user_us_per_message,
                    server.user_share * 100.0,
                    server.busy_cores
                ),
            );
        }
        let cpu: Vec<String> = client
            .cpu_s_by_thread
            .iter()
            .map(|cpu| format!("{cpu:.2}"))
            .collect();
        self.row(
            "client CPU",
            format!(
                "{} s by thread, {:.0} % busy",
                cpu.join(" "),
                client.busy_share * 100.0
            ),
        );
    }

    /// Adds the warnings.
    pub(crate) fn warnings(&mut self, warnings: &[String]) {
        for warning in warnings {
            self.row("warning", warning.clone());
        }
    }

    /// Writes the lines to stdout.
    ///
    /// # Errors
    ///
    /// Stdout is closed.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for (name, text) in &self.0 {
            writeln!(out, "{name:<14} {text}")?;
        }
        out.flush()
    }
}

/// Writes figures as JSON.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn write_json(path: &Path, figures: &impl Serialize) -> io::Result<()> {
    let mut file = File::create(path)?;
    serde_json::to_writer_pretty(&mut file, figures)?;
    file.write_all(b"\n")
}

/// A quotient, zero where there is nothing to divide by.
pub(crate) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
