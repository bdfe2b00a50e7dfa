use std::path::Path;

use super::{quota, threads_left};

/// Reads from a tree of files.
fn read_of<'t>(tree: &'t [(&str, &str)]) -> impl Fn(&Path) -> Option<String> + 't {
    |path| {
        let file = tree.iter().find(|(name, _)| Path::new(name) == path);
        file.map(|(_, text)| (*text).to_owned())
    }
}

const V2: &str = "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1: &str = "\
    35 30 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
    36 30 0:32 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";

#[test]
fn the_least_quota_of_cpu_time_from_the_group_up_counts() {
    for (own, slice, least) in [
        ("150000 100000\n", "max 100000\n", Some(1_500)),
        ("max 100000\n", "50000 100000\n", Some(500)),
        ("200000 100000\n", "50000 50000\n", Some(1_000)),
        ("max 100000\n", "max 100000\n", None),
        ("1 0\n", "", None),
    ] {
        let tree = [
            ("/proc/self/cgroup", "0::/a.slice/b.service\n"),
            ("/proc/self/mountinfo", V2),
            ("/sys/fs/cgroup/a.slice/b.service/cpu.max", own),
            ("/sys/fs/cgroup/a.slice/cpu.max", slice),
        ];
        assert_eq!(quota(&read_of(&tree)), least, "{own:?}, {slice:?}");
    }
}

#[test]
fn version_1_has_two_files_for_a_quota() {
    let with = |micros| {
        let tree = [
            ("/proc/self/cgroup", "2:cpu,cpuacct:/a\n"),
            ("/proc/self/mountinfo", V1),
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", micros),
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"),
        ];
        quota(&read_of(&tree))
    };
    assert_eq!(with("250000\n"), Some(2_500));
    assert_eq!(with("-1\n"), None);
}

#[test]
fn threads_that_may_still_start_are_told_where_there_is_a_limit() {
    let with = |most| {
        let tree = [
            ("/proc/self/cgroup", "8:pids:/a\n"),
            ("/proc/self/mountinfo", V1),
            ("/sys/fs/cgroup/pids/a/pids.max", most),
            ("/sys/fs/cgroup/pids/a/pids.current", "7\n"),
        ];
        threads_left(&read_of(&tree))
    };
    assert_eq!(with("10\n"), Some(3));
    assert_eq!(with("5\n"), Some(0));
    assert_eq!(with("max\n"), None);
}
