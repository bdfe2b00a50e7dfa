//! What all runs have in their figures, and what a command hands over to be told.

pub(crate) mod compare;
mod deliveries;
mod document;
pub(crate) mod figures;
mod files;
pub(crate) mod page;
mod parameters;
mod table;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

pub(crate) use crate::report::deliveries::Deliveries;
pub(crate) use crate::report::document::Document;
pub(crate) use crate::report::files::{
    make_page, read, read_text, try_write, write, write_json, write_page,
};
pub(crate) use crate::report::parameters::parameters;
pub(crate) use crate::report::table::Table;

use crate::client::control::Control;
use crate::clock::seconds;
use crate::host::procfs::CpuTime;

/// Counts by kind.
pub(crate) type Counts = BTreeMap<String, u64>;

/// What a command found. All that is in its JSON is in the report as well: figures by their names,
/// which end with their units; percentiles and series as charts.
pub(crate) trait Findings: Serialize {
    /// Whether all went well.
    fn passed(&self) -> bool;
    /// As lines for people.
    fn table(&self) -> Table;
}

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
    pub(crate) failures: Counts,
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
    pub(crate) fn add_failures(&mut self, failures: &Counts) {
        add_counts(&mut self.failures, failures);
    }
}

/// What was found about the client itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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

    /// Adds that of another host, whose threads are others.
    pub(crate) fn add(&mut self, other: Self) {
        self.threads += other.threads;
        self.cpu_s_by_thread.extend(other.cpu_s_by_thread);
        self.busy_share = self.busy_share.max(other.busy_share);
    }

    /// Whether the client itself is what was measured.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy_share > BUSY_SHARE_MAX
    }
}

/// A client busier than this is itself what is measured.
const BUSY_SHARE_MAX: f64 = 0.95;

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
    pub(crate) fn new(cpu: CpuTime, messages: u64, wall_s: f64) -> Self {
        let (on_cpu_s, user_share) = (cpu.cpu_s(), cpu.user_share());
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

/// Adds counts by kind.
pub(crate) fn add_counts(all: &mut Counts, part: &Counts) {
    for (kind, count) in part {
        *all.entry(kind.clone()).or_default() += count;
    }
}

/// A quotient, zero where there is nothing to divide by.
pub(crate) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
