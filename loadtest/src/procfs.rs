//! What the kernel counts of a process: its time on the CPU and its memory, proc(5).

use std::fs;
use std::io;

use rustix::param::{clock_ticks_per_second, page_size};

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
    /// What was used since an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            on_cpu_ns: self.on_cpu_ns.saturating_sub(earlier.on_cpu_ns),
            user_s: self.user_s - earlier.user_s,
            system_s: self.system_s - earlier.system_s,
        }
    }
}

/// Reads the CPU time of all threads of a process.
pub(crate) fn cpu_time(pid: u32) -> io::Result<CpuTime> {
    let mut sum = CpuTime::default();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path();
        let read = |name: &str| fs::read_to_string(path.join(name));
        // A thread may end between the listing and the reading.
        let (Ok(schedstat), Ok(stat)) = (read("schedstat"), read("stat")) else {
            continue;
        };
        sum.on_cpu_ns += number(&schedstat, "", 0);
        let [user, system] = ticks(&stat).map(|ticks| ticks as f64);
        let hertz = clock_ticks_per_second() as f64;
        sum.user_s += user / hertz;
        sum.system_s += system / hertz;
    }
    Ok(sum)
}

/// Fields 14 and 15 of proc_pid_stat(5); field 2 may hold spaces and parentheses.
fn ticks(stat: &str) -> [u64; 2] {
    let rest = stat.rsplit(')').next().unwrap_or(stat);
    [11, 12].map(|index| number(rest, "", index))
}

/// Reads the CPU time of one thread of this process in nanoseconds, zero if it has ended.
pub(crate) fn own_thread_cpu_ns(tid: u32) -> u64 {
    fs::read_to_string(format!("/proc/self/task/{tid}/schedstat"))
        .map_or(0, |schedstat| number(&schedstat, "", 0))
}

/// Reads the most bytes of a process that were resident since its start.
pub(crate) fn rss_most_bytes(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(kib(&status, "VmHWM:"))
}

/// Reads the memory of a process in bytes, each shared page counted by its share.
pub(crate) fn pss_bytes(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    match kib(&text, "Pss:") {
        0 => Err(io::Error::other("no Pss in smaps_rollup")),
        bytes => Ok(bytes),
    }
}

/// Reads the memory of a process in bytes, shared pages included: cheap enough for every sample.
pub(crate) fn rss_bytes(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm"))?;
    Ok(number(&text, "", 1) * page_size() as u64)
}

/// Reads what the kernel holds for TCP.
pub(crate) fn sockstat() -> io::Result<SockStat> {
    let text = fs::read_to_string("/proc/net/sockstat")?;
    Ok(parse_sockstat(&text, page_size() as u64))
}

/// `TCP: inuse 3 orphan 0 tw 1 alloc 5 mem 2`, the last in pages.
pub(crate) fn parse_sockstat(text: &str, page_bytes: u64) -> SockStat {
    SockStat {
        in_use: number(text, "TCP: inuse", 0),
        time_wait: number(text, "TCP: inuse", 4),
        memory_bytes: number(text, "TCP: inuse", 8) * page_bytes,
    }
}

/// Reads how much memory the host can still give, in bytes.
pub(crate) fn available_bytes() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    Ok(kib(&text, "MemAvailable:"))
}

/// A number of KiB as bytes, from the line that begins with `name`; zero if there is none.
pub(crate) fn kib(text: &str, name: &str) -> u64 {
    number(text, name, 0) << 10
}

/// A word behind `name` on the line that begins with it, if it is a number; zero if not.
pub(crate) fn number(text: &str, name: &str, index: usize) -> u64 {
    word(text, name, index)
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

/// A word behind `name` on the line that begins with it.
pub(crate) fn word<'a>(text: &'a str, name: &str, index: usize) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().nth(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_a_strange_name() {
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194560 1 2 3 4 55 66 0 0 20 0 1 0";
        assert_eq!(ticks(stat), [55, 66]);
    }

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
