use std::path::Path;

use super::{limit, of_host, total, total_by};
use crate::sys::cgroup::text;

const MIB: usize = 1 << 20;
/// The value of version 1 if there is no limit.
const NONE: &str = "9223372036854771712\n";

/// Reads from a tree of files.
fn read_of<'t>(tree: &'t [(&str, &str)]) -> impl Fn(&Path) -> Option<String> + 't {
    |path| {
        let file = tree.iter().find(|(name, _)| Path::new(name) == path);
        file.map(|(_, text)| (*text).to_owned())
    }
}

/// The limit in a tree of files.
fn limit_of(tree: &[(&str, &str)]) -> Option<usize> {
    limit(&read_of(tree))
}

const V2: &str = "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1: &str = "\
    30 23 0:26 / /sys/fs/cgroup ro shared:5 - tmpfs tmpfs ro,mode=755\n\
    31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
    35 30 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
    36 30 0:32 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n";

#[test]
fn a_unit_of_systemd_has_the_limit_of_its_group() {
    let tree = [
        ("/proc/self/cgroup", "0::/system.slice/corecast.service\n"),
        ("/proc/self/mountinfo", V2),
        (
            "/sys/fs/cgroup/system.slice/corecast.service/memory.max",
            "314572800\n",
        ),
        (
            "/sys/fs/cgroup/system.slice/corecast.service/memory.high",
            "max\n",
        ),
        ("/sys/fs/cgroup/system.slice/memory.max", "max\n"),
    ];
    assert_eq!(limit_of(&tree), Some(300 * MIB));
}

#[test]
fn the_least_limit_from_the_group_up_counts() {
    for (own, slice, high, least) in [
        ("100", "200", "max", Some(100)),
        ("200", "100", "max", Some(100)),
        ("max", "200", "150", Some(150)),
        ("max", "max", "max", None),
        ("100", "200", "50", Some(50)),
    ] {
        let tree = [
            ("/proc/self/cgroup", "0::/a.slice/b.slice/c.scope\n"),
            ("/proc/self/mountinfo", V2),
            ("/sys/fs/cgroup/a.slice/b.slice/c.scope/memory.max", own),
            ("/sys/fs/cgroup/a.slice/memory.max", slice),
            ("/sys/fs/cgroup/a.slice/b.slice/memory.high", high),
        ];
        assert_eq!(limit_of(&tree), least, "{own}, {slice}, {high}");
    }
}

#[test]
fn version_1_has_one_hierarchy_for_memory() {
    let groups = "\
        12:cpu,cpuacct:/other\n\
        4:memory:/machine/corecast\n\
        1:name=systemd:/init.scope\n\
        0::/init.scope\n";
    let tree = [
        ("/proc/self/cgroup", groups),
        ("/proc/self/mountinfo", V1),
        (
            "/sys/fs/cgroup/memory/machine/corecast/memory.limit_in_bytes",
            NONE,
        ),
        (
            "/sys/fs/cgroup/memory/machine/memory.limit_in_bytes",
            "314572800\n",
        ),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", NONE),
        ("/sys/fs/cgroup/memory/other/memory.limit_in_bytes", "1\n"),
        ("/sys/fs/cgroup/cpu,cpuacct/memory.limit_in_bytes", "1\n"),
    ];
    assert_eq!(limit_of(&tree), Some(300 * MIB));
    let without = &tree[..3];
    assert_eq!(limit_of(without), None, "no limit is no number");
}

#[test]
fn both_versions_count_where_both_are_mounted() {
    let hybrid = |two, one| {
        limit_of(&[
            ("/proc/self/cgroup", "4:memory:/a\n0::/b\n"),
            ("/proc/self/mountinfo", V1),
            ("/sys/fs/cgroup/unified/b/memory.max", two),
            ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", one),
        ])
    };
    assert_eq!(hybrid("200", "300"), Some(200));
    assert_eq!(hybrid("max", "300"), Some(300));
    assert_eq!(hybrid("400", NONE), Some(400));
}

#[test]
fn a_container_sees_its_group_as_the_root() {
    // With a namespace of its own (cgroup_namespaces(7)).
    let of_version_2 = [
        ("/proc/self/cgroup", "0::/\n"),
        ("/proc/self/mountinfo", V2),
        ("/sys/fs/cgroup/memory.max", "100\n"),
    ];
    assert_eq!(limit_of(&of_version_2), Some(100));
    // Without one, its group alone is mounted.
    let line = "36 30 0:32 /docker/4af9 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    let of_version_1 = [
        ("/proc/self/cgroup", "4:memory:/docker/4af9/inner\n"),
        ("/proc/self/mountinfo", line),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "200\n"),
        ("/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "100\n"),
    ];
    assert_eq!(limit_of(&of_version_1), Some(100));
    assert_eq!(limit_of(&of_version_1[..3]), Some(200));
}

#[test]
fn the_mounts_of_others_are_passed_over() {
    let line = "25 30 0:23 /other /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    let other = [
        ("/proc/self/cgroup", "0::/mine\n"),
        ("/proc/self/mountinfo", line),
        ("/sys/fs/cgroup/mine/memory.max", "1\n"),
        ("/sys/fs/cgroup/memory.max", "2\n"),
    ];
    assert_eq!(limit_of(&other), None);
    // Mounted before the process entered its namespace.
    let line = "25 30 0:23 /../.. /groups/my\\040groups rw - cgroup2 cgroup2 rw\n";
    let around = [
        ("/proc/self/cgroup", "0::/\n"),
        ("/proc/self/mountinfo", line),
        ("/groups/my groups/memory.max", "100\n"),
    ];
    assert_eq!(limit_of(&around), Some(100));
}

#[test]
fn hierarchies_that_a_sandbox_has_covered_leave_the_customary_place() {
    let covered = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                   41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                   90 23 0:50 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n";
    let tree = [
        ("/proc/self/cgroup", "4:memory:/a\n0::/\n"),
        ("/proc/self/mountinfo", covered),
        ("/sys/fs/cgroup/memory.max", "300\n"),
    ];
    assert_eq!(limit_of(&tree), Some(300));
}

#[test]
fn without_mounts_the_customary_place_is_looked_at() {
    assert_eq!(
        limit_of(&[("/sys/fs/cgroup/memory.max", "100\n")]),
        Some(100)
    );
    assert_eq!(limit_of(&[]), None);
    let broken = [
        ("/proc/self/cgroup", "\n:\n0\n4:memory\n"),
        (
            "/proc/self/mountinfo",
            " - cgroup2\n - \n1 2 3 - cgroup\n\\ \\9 \\777 \\ - cgroup2 a b\n",
        ),
    ];
    assert_eq!(limit_of(&broken), None);
}

#[test]
fn the_host_has_what_it_says() {
    let info = "MemTotal:       24684036 kB\nMemFree: 1 kB\n";
    assert_eq!(of_host(&|_| Some(info.to_owned())), Some(24_684_036 << 10));
    for info in [
        "",
        "MemTotal: many kB\n",
        "MemTotal: 18446744073709551615 kB\n",
    ] {
        assert_eq!(of_host(&|_| Some(info.to_owned())), None, "{info}");
    }
    assert_ne!(total(), 0);
}

#[test]
fn the_smaller_limit_of_host_and_groups_counts_or_the_only_known_one() {
    let host = ("/proc/meminfo", "MemTotal: 8 kB\n");
    let group = |limit| ("/sys/fs/cgroup/memory.max", limit);
    for (tree, total) in [
        (&[host, group("4096")][..], 4096),
        (&[host, group("9000")], 8192),
        (&[host, group("max")], 8192),
        // As `ProcSubset=pid` of systemd has it.
        (&[group("4096")], 4096),
        (&[], 0),
    ] {
        assert_eq!(total_by(&read_of(tree)), total, "{tree:?}");
    }
}

#[test]
fn a_mount_with_a_name_that_is_no_utf_8_hides_no_other() {
    let file = std::env::temp_dir().join(format!("corecast-mountinfo-{}", std::process::id()));
    let latin1 = b"24 30 0:22 / /caf\xe9 rw - ext4 /dev/sda1 rw\n";
    std::fs::write(&file, [latin1, V2.as_bytes()].concat()).unwrap();
    let mounts = text(&file);
    std::fs::remove_file(&file).unwrap();
    let mounts = mounts.unwrap();
    let tree = [
        ("/proc/self/cgroup", "0::/a\n"),
        ("/proc/self/mountinfo", &mounts),
        ("/sys/fs/cgroup/a/memory.max", "100\n"),
    ];
    assert_eq!(limit_of(&tree), Some(100));
}
