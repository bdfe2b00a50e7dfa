//! What the kernel counts of a process: its time on the CPU and its memory, proc(5).

use std::{fs, io};

use procfs::process::Process;
use procfs::{Current, CurrentSI, KernelStats, Meminfo, ProcResult, page_size, ticks_per_second};
use serde::Serialize;

use crate::report::ratio;

/// Time that the threads of a process were on a CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CpuTime {
    /// Sum over the threads from `schedstat`, in nanoseconds.
    pub(crate) on_cpu_ns: u64,
    /// In user space, in seconds, to the clock tick.
    pub(crate) user_s: f64,
    /// In the kernel, in seconds, to the clock tick.
    pub(crate) system_s: f64,
}

/// How busy the CPUs of this host were meanwhile, with all that runs there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct HostCpu {
    /// Of all CPUs.
    pub(crate) busy_share: f64,
    /// Share of a CPU's time that went to the network and other softirqs, of the one with most.
    pub(crate) softirq_share_most: f64,
}

/// Clock ticks of each CPU since the host started: all, idle ones, and those of softirqs.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostTicks(Vec<[u64; 3]>);

impl HostTicks {
    /// None where they cannot be read.
    pub(crate) fn read() -> Self {
        let stat = KernelStats::current().map(|stat| stat.cpu_time);
        let ticks = |cpu: procfs::CpuTime| {
            let idle = cpu.idle + cpu.iowait.unwrap_or(0);
            let irqs = [cpu.irq, cpu.softirq, cpu.steal].map(Option::unwrap_or_default);
            let all = cpu.user + cpu.nice + cpu.system + idle + irqs.iter().sum::<u64>();
            [all, idle, irqs[1]]
        };
        Self(stat.unwrap_or_default().into_iter().map(ticks).collect())
    }

    pub(crate) fn since(&self, earlier: &Self) -> HostCpu {
        let spent = self.0.iter().zip(&earlier.0);
        let spent =
            spent.map(|(now, then)| [0, 1, 2].map(|i| now[i].saturating_sub(then[i]) as f64));
        let spent: Vec<[f64; 3]> = spent.collect();
        let sum = |i: usize| spent.iter().map(|cpu| cpu[i]).sum::<f64>();
        let softirq = spent.iter().map(|cpu| ratio(cpu[2], cpu[0]));
        HostCpu {
            busy_share: ratio(sum(0) - sum(1), sum(0)),
            softirq_share_most: softirq.fold(0.0, f64::max),
        }
    }
}

/// What the kernel holds for TCP, of all processes of this host.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SockStat {
    /// Sockets that are neither closed nor waiting out their time.
    pub(crate) in_use: u64,
    /// Those that wait out their time, and keep a port meanwhile.
    pub(crate) time_wait: u64,
    /// Memory of all buffers, in bytes, which `tcp_mem` bounds.
    pub(crate) memory_bytes: u64,
}

impl CpuTime {
    pub(crate) fn cpu_s(self) -> f64 {
        self.on_cpu_ns as f64 / 1e9
    }

    /// The share of user space, as the clock ticks say.
    pub(crate) fn user_share(self) -> f64 {
        ratio(self.user_s, self.user_s + self.system_s)
    }

    /// What was used since an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            on_cpu_ns: self.on_cpu_ns.saturating_sub(earlier.on_cpu_ns),
            user_s: self.user_s - earlier.user_s,
            system_s: self.system_s - earlier.system_s,
        }
    }
}

/// A process by its number.
pub(super) fn process(pid: u32) -> ProcResult<Process> {
    Process::new(i32::try_from(pid).unwrap_or(i32::MAX))
}

/// Reads the CPU time of all threads of a process.
pub(crate) fn cpu_time(pid: u32) -> ProcResult<CpuTime> {
    let (mut sum, hertz) = (CpuTime::default(), ticks_per_second() as f64);
    for task in process(pid)?.tasks()?.flatten() {
        // A thread may end between the listing and the reading.
        if let (Ok(scheduled), Ok(stat)) = (task.schedstat(), task.stat()) {
            sum.on_cpu_ns += scheduled.sum_exec_runtime;
            sum.user_s += stat.utime as f64 / hertz;
            sum.system_s += stat.stime as f64 / hertz;
        }
    }
    Ok(sum)
}

/// Reads the CPU time of one thread of this process in nanoseconds, zero if it has ended.
pub(crate) fn own_thread_cpu_ns(tid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/self/task/{tid}/schedstat"));
    text.map_or(0, |schedstat| number(&schedstat, "", 0))
}

/// Reads the most bytes of a process that were resident since its start.
pub(crate) fn rss_most_bytes(pid: u32) -> ProcResult<u64> {
    Ok(process(pid)?.status()?.vmhwm.unwrap_or(0) << 10)
}

/// Reads the memory of a process in bytes, each shared page counted by its share.
pub(crate) fn pss_bytes(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    match number(&text, "Pss:", 0) << 10 {
        0 => Err(io::Error::other("no Pss in smaps_rollup")),
        bytes => Ok(bytes),
    }
}

/// Reads the memory of a process in bytes, shared pages included: cheap enough for every sample.
pub(crate) fn rss_bytes(pid: u32) -> ProcResult<u64> {
    Ok(process(pid)?.statm()?.resident * page_size())
}

/// Reads what the kernel holds for TCP.
pub(crate) fn sockstat() -> io::Result<SockStat> {
    let text = fs::read_to_string("/proc/net/sockstat")?;
    Ok(parse_sockstat(&text, page_size()))
}

/// `TCP: inuse 3 orphan 0 tw 1 alloc 5 mem 2`, the last in pages.
fn parse_sockstat(text: &str, page_bytes: u64) -> SockStat {
    let [in_use, time_wait, pages] = [0, 4, 8].map(|index| number(text, "TCP: inuse", index));
    SockStat {
        in_use,
        time_wait,
        memory_bytes: pages * page_bytes,
    }
}

/// Reads how much memory the host can still give, in bytes.
pub(crate) fn available_bytes() -> Option<u64> {
    Meminfo::current().ok()?.mem_available
}

/// A word behind `name` on the line that begins with it, if it is a number; zero if not.
pub(super) fn number(text: &str, name: &str, index: usize) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|line| line.split_ascii_whitespace().nth(index));
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tcp_holds_is_read() {
        let text =
            "sockets: used 9\nTCP: inuse 3 orphan 0 tw 1 alloc 5 mem 2\nUDP: inuse 0 mem 1\n";
        let expected = SockStat {
            in_use: 3,
            time_wait: 1,
            memory_bytes: 8192,
        };
        assert_eq!(parse_sockstat(text, 4096), expected);
        assert_eq!(parse_sockstat("", 4096), SockStat::default());
    }

    #[test]
    fn what_cpus_did_meanwhile_is_told() {
        let ticks = |cpus: &[[u64; 3]]| HostTicks(cpus.to_vec());
        let (then, now) = (
            ticks(&[[10, 5, 0], [10, 5, 1]]),
            ticks(&[[110, 5, 20], [110, 55, 1]]),
        );
        let expected = HostCpu {
            busy_share: 0.75,
            softirq_share_most: 0.2,
        };
        assert_eq!(now.since(&then), expected);
        assert_eq!(now.since(&now), HostCpu::default());
        assert!(HostTicks::read().0.iter().all(|[all, idle, _]| all >= idle));
    }

    #[test]
    fn our_own_figures_are_there() {
        let pid = std::process::id();
        assert!(cpu_time(pid).unwrap().on_cpu_ns > 0);
        assert!(pss_bytes(pid).unwrap() > 0);
        assert!(own_thread_cpu_ns(pid) > 0);
        assert!(rss_bytes(pid).unwrap() > 0);
        assert!(rss_most_bytes(pid).unwrap() > 0);
        assert!(available_bytes().unwrap() > 0);
    }
}
