//! The cores of the host, and pinning a thread to one.

use std::num::NonZero;
use std::thread;

/// Number of cores that this process may use, by affinity mask and cgroup quota
/// (`std::thread::available_parallelism`); 1 if the system does not say.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
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
    use super::*;

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
