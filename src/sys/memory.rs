//! How much memory there is.

use std::fs;

/// Bytes of memory that this process may use: the host's (`MemTotal` of proc_meminfo(5)), or the
/// limit of its control group if that is less (`memory.max` of cgroups(7)); 0 if neither is told.
pub fn total() -> usize {
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|limit| limit.trim().parse().ok());
    of_host().min(limit.unwrap_or(usize::MAX))
}

fn of_host() -> usize {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse().ok())
        .map_or(0, |kib: usize| kib * 1024)
}
