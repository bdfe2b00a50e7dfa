//! How much memory the host has.

use std::fs;

/// Bytes of memory of the host (`MemTotal` of proc_meminfo(5)), or 0 if it does not say.
pub fn total() -> usize {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse().ok())
        .map_or(0, |kib: usize| kib * 1024)
}
