//! What the kernel counts of a process: its time on the CPU and its memory, proc(5).

use std::fs;
use std::io;

use rustix::param::clock_ticks_per_second;

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
    fn our_own_figures_are_there() {
        let pid = std::process::id();
        assert!(cpu_time(pid).unwrap().on_cpu_ns > 0);
        assert!(pss_bytes(pid).unwrap() > 0);
        assert!(own_thread_cpu_ns(pid) > 0);
    }
}
