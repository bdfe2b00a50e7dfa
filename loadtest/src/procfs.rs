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
///
/// # Errors
///
/// There is no such process, or it is not ours to read.
pub(crate) fn cpu_time(pid: u32) -> io::Result<CpuTime> {
    let mut sum = CpuTime::default();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path();
        // A thread may end between the listing and the reading.
        let (Ok(schedstat), Ok(stat)) = (
            fs::read_to_string(path.join("schedstat")),
            fs::read_to_string(path.join("stat")),
        ) else {
            continue;
        };
        sum.on_cpu_ns += first_number(&schedstat);
        let (user, system) = user_and_system_ticks(&stat).unwrap_or_default();
        let hertz = clock_ticks_per_second() as f64;
        sum.user_s += user as f64 / hertz;
        sum.system_s += system as f64 / hertz;
    }
    Ok(sum)
}

/// Reads the most bytes of a process that were resident since its start.
///
/// # Errors
///
/// There is no such process.
pub(crate) fn rss_most_bytes(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(meminfo_bytes(&status, "VmHWM:"))
}

/// Reads the CPU time of one thread of this process in nanoseconds, zero if it has ended.
pub(crate) fn own_thread_cpu_ns(tid: u32) -> u64 {
    fs::read_to_string(format!("/proc/self/task/{tid}/schedstat"))
        .map_or(0, |schedstat| first_number(&schedstat))
}

/// Reads the memory of a process in bytes, each shared page counted by its share.
///
/// # Errors
///
/// There is no such process, or it is not ours to read.
pub(crate) fn pss_bytes(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .map(first_number);
    kib.map(|kib| kib << 10)
        .ok_or_else(|| io::Error::other("no Pss in smaps_rollup"))
}

/// Reads the memory of a process in bytes, shared pages included: cheap enough for every sample.
///
/// # Errors
///
/// There is no such process.
pub(crate) fn rss_bytes(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let (_, resident) = text.split_once(' ').unwrap_or_default();
    Ok(first_number(resident) * page_size() as u64)
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

/// Reads what the kernel holds for TCP.
///
/// # Errors
///
/// There is no `/proc/net/sockstat`.
pub(crate) fn sockstat() -> io::Result<SockStat> {
    let text = fs::read_to_string("/proc/net/sockstat")?;
    Ok(parse_sockstat(&text, page_size() as u64))
}

/// `TCP: inuse 3 orphan 0 tw 1 alloc 5 mem 2`, the last in pages.
pub(crate) fn parse_sockstat(text: &str, page_bytes: u64) -> SockStat {
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:"));
    let words: Vec<&str> = line.unwrap_or_default().split_ascii_whitespace().collect();
    let value = |name: &str| {
        let pair = words.chunks_exact(2).find(|pair| pair[0] == name);
        pair.map_or(0, |pair| first_number(pair[1]))
    };
    SockStat {
        in_use: value("inuse"),
        time_wait: value("tw"),
        memory_bytes: value("mem") * page_bytes,
    }
}

/// Reads how much memory the host can still give, in bytes.
///
/// # Errors
///
/// There is no `/proc/meminfo`.
pub(crate) fn available_bytes() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    Ok(meminfo_bytes(&text, "MemAvailable:"))
}

/// A line of `/proc/meminfo` in bytes, zero if there is none.
pub(crate) fn meminfo_bytes(text: &str, name: &str) -> u64 {
    line_number(text, name) << 10
}

/// The first number of the line that begins with `name`, zero if there is none.
pub(crate) fn line_number(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, first_number)
}

fn first_number(text: &str) -> u64 {
    text.split_ascii_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

/// Fields 14 and 15 of proc_pid_stat(5); field 2 may hold spaces and parentheses.
fn user_and_system_ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_a_strange_name() {
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194560 1 2 3 4 55 66 0 0 20 0 1 0";
        assert_eq!(user_and_system_ticks(stat), Some((55, 66)));
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
        assert!(available_bytes().unwrap() > 0);
    }
}
