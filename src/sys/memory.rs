//! The amount of memory: the host's, or what a control group allows.

use std::path::Path;

use crate::sys::cgroup::{Groups, Read, Version, text};

/// Bytes of memory that this process may use: the host's (`MemTotal` of proc_meminfo(5)), or the
/// smallest limit of its control groups, from its own up to the root, if that is less (cgroups(7));
/// 0 if both are unknown.
pub fn total() -> usize {
    total_by(&text)
}

/// Asks the allocator to return its free memory to the host.
///
/// glibc returns by itself only free memory at the end of its heaps, and the memory of a hundred
/// thousand removed topics lies between memory still in use (malloc_trim(3)). Other allocators need
/// no request.
pub fn release() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) may be called at any time, by any thread.
    let _given = unsafe { libc::malloc_trim(0) };
}

/// Has the allocator join each small block with its free neighbours when it is freed.
///
/// By default, glibc keeps small free blocks apart (fast bins), and joins all of them when a large
/// block is freed: after a million, that takes 50 ms. The setting is that of the whole process, so
/// programs choose it, and libraries do not (mallopt(3), `M_MXFAST`).
pub fn join_small_blocks() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt(3) locks what it changes, and other threads read the setting as one word.
    let _set = unsafe { libc::mallopt(libc::M_MXFAST, 0) };
}

fn total_by(read: Read<'_>) -> usize {
    let told = [of_host(read), limit(read)];
    told.into_iter().flatten().min().unwrap_or(0)
}

fn of_host(read: Read<'_>) -> Option<usize> {
    let info = read(Path::new("/proc/meminfo"))?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: usize = line?.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

/// The smallest limit of the process's control groups, if any has one.
pub fn limit(read: Read<'_>) -> Option<usize> {
    let limits = Groups::of("memory", read).flat_map(|group| {
        let files = limits_of(group.version).iter();
        let limits = files.filter_map(move |file| group.number(file, read));
        limits.collect::<Vec<usize>>()
    });
    // Version 1 reports a very large number if there is no limit.
    limits.min().filter(|limit| *limit < usize::MAX / 4)
}

/// The files with a group's limits. Above `memory.high` a process is not killed but slowed down
/// until it stops.
fn limits_of(version: Version) -> &'static [&'static str] {
    match version {
        Version::One => &["memory.limit_in_bytes"],
        Version::Two => &["memory.max", "memory.high"],
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
