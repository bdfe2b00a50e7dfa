//! The cores of the host, and pinning a thread to one.

use crate::sys::cgroup;

/// Number of cores that this process may use: those of its affinity mask, or its quota of CPU time
/// (`cpu.max` of cgroups(7)) rounded up, if that is less; 1 if the system does not say.
pub fn cores() -> usize {
    let quota = cgroup::quota(&cgroup::text);
    cores_by(allowed(), quota)
}

/// `quota` is in thousandths of a core. `std::thread::available_parallelism` rounds it down, and a
/// server with one and a half cores would have one shard.
fn cores_by(allowed: usize, quota: Option<usize>) -> usize {
    let quota = quota.map_or(usize::MAX, |quota| quota.div_ceil(1_000));
    allowed.min(quota).max(1)
}

/// Number of cores in the calling thread's affinity mask, whatever a cgroup quota allows; 0 if the
/// system does not say.
pub fn allowed() -> usize {
    core_affinity::get_core_ids().map_or(0, |cores| cores.len())
}

/// Pins the calling thread to one of the cores it is allowed to run on: the one at `index`,
/// counted modulo their number (`sched_setaffinity(2)`).
///
/// Returns whether that worked; a thread that is not pinned works as well, only slower. A thread
/// starts with the mask of the thread that spawned it, so spawn shards from a thread that is not
/// pinned.
pub fn pin_to(index: usize) -> bool {
    let allowed = core_affinity::get_core_ids().unwrap_or_default();
    let Some(turn) = index.checked_rem(allowed.len()) else {
        return false;
    };
    allowed
        .get(turn)
        .is_some_and(|core| core_affinity::set_for_current(*core))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_quota_of_cpu_time_is_rounded_up_and_within_the_mask() {
        let cases = [
            (4, None, 4),
            (4, Some(1_500), 2),
            (4, Some(2_000), 2),
            (2, Some(3_001), 2),
            (2, Some(100), 1),
            (0, None, 1),
        ];
        for (allowed, quota, cores) in cases {
            assert_eq!(cores_by(allowed, quota), cores, "{allowed}, {quota:?}");
        }
    }

    #[test]
    fn a_pinned_thread_may_use_one_core() {
        for index in [0, 1, 1000] {
            let left = thread::spawn(move || {
                assert!(pin_to(index));
                core_affinity::get_core_ids().unwrap().len()
            });
            assert_eq!(left.join().unwrap(), 1, "index {index}");
        }
    }

    #[test]
    fn neighbours_get_different_cores() {
        let pinned = |index| {
            let thread = thread::spawn(move || {
                assert!(pin_to(index));
                core_affinity::get_core_ids().unwrap()
            });
            thread.join().unwrap()
        };
        let allowed = core_affinity::get_core_ids().unwrap().len();
        assert_eq!(pinned(0), pinned(allowed));
        if 1 < allowed {
            assert_ne!(pinned(0), pinned(1));
        }
    }
}
