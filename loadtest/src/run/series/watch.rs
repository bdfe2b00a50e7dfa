//! What a series looks at: numbers of the run, the client's threads, the server, the host.

use crate::host::procfs::{self, CpuTime, SockStat};

/// A number that can be read at any time.
type Probe = Box<dyn Fn() -> u64>;

/// What a run wants to be in its series.
#[derive(Default)]
pub(crate) struct Watch {
    /// Process of the server.
    pub(crate) server_pid: Option<u32>,
    /// Kernel ids of the client's threads.
    pub(crate) tids: Vec<u32>,
    /// Columns that tell the number itself. A unit ends the name, as in `behind_bytes`.
    pub(crate) gauges: Vec<(&'static str, Probe)>,
    /// Columns that tell how fast the number grows; the name ends with `_per_s`.
    pub(crate) counters: Vec<(&'static str, Probe)>,
}

/// All numbers at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(super) gauges: Vec<u64>,
    pub(super) counters: Vec<u64>,
    pub(super) server: Option<(CpuTime, u64)>,
    /// Nanoseconds on a CPU of each client thread.
    pub(super) client_cpu_ns: Vec<u64>,
    pub(super) sockets: Option<SockStat>,
    pub(super) host_available_bytes: Option<u64>,
}

/// Reading each thread's time costs a file; beyond this many a sample would be felt.
const THREADS_MAX: usize = 16;

impl Watch {
    /// Adds a column that tells a number.
    pub(crate) fn gauge(&mut self, name: &'static str, read: impl Fn() -> u64 + 'static) {
        self.gauges.push((name, Box::new(read)));
    }

    /// Adds a column that tells how fast a number grows.
    pub(crate) fn counter(&mut self, name: &'static str, read: impl Fn() -> u64 + 'static) {
        self.counters.push((name, Box::new(read)));
    }

    /// Reads everything. A server that is gone has nothing to tell.
    pub(crate) fn read(&self) -> Reading {
        let numbers = |probes: &[(&str, Probe)]| probes.iter().map(|(_, read)| read()).collect();
        let server = self.server_pid.and_then(|pid| {
            let cpu = procfs::cpu_time(pid).ok()?;
            Some((cpu, procfs::rss_bytes(pid).ok()?))
        });
        let threads = self.tids.iter().take(THREADS_MAX);
        Reading {
            gauges: numbers(&self.gauges),
            counters: numbers(&self.counters),
            server,
            client_cpu_ns: threads.map(|tid| procfs::own_thread_cpu_ns(*tid)).collect(),
            sockets: procfs::sockstat().ok(),
            host_available_bytes: procfs::available_bytes(),
        }
    }
}
