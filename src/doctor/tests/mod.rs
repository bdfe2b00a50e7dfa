//! Hosts planted in a folder: one that has all it needs, and the same with one fault each.

mod findings;
mod outputs;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::doctor::{Finding, Host, Need, Severity, examine};
use crate::server::Descriptors;

/// A root with files, gone when dropped.
struct Root(PathBuf);

impl Root {
    /// A host that has what a million connections on two shards need.
    fn tuned() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("corecast-doctor-{}-{number}", std::process::id());
        let root = Self(std::env::temp_dir().join(name));
        for (path, text) in TUNED {
            root.put(path, text);
        }
        root
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn host(&self) -> Host {
        Host::read_all(&self.0)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

const MEMINFO: &str = "\
    MemTotal:       24684084 kB\n\
    MemFree:        15301980 kB\n\
    MemAvailable:   23364572 kB\n\
    SwapTotal:             0 kB\n";
const STATUS: &str = "Name:\tcorecast\nVmSize:\t  1 kB\nSeccomp:\t0\nCpus_allowed_list:\t0-1\n";
const LIMITS: &str = "\
    Limit                     Soft Limit           Hard Limit           Units     \n\
    Max processes             96000                96000                processes \n\
    Max open files            1024                 1048576              files     \n";
const INTERRUPTS: &str = "\
    \x20          CPU0       CPU1       \n\
    \x2040:          0          0 PCI-MSIX-0000:00:04.0   0-edge      eth0-config\n\
    \x2041:       4614          0 PCI-MSIX-0000:00:04.0   1-edge      eth0-input.0\n\
    \x2042:          0       6620 PCI-MSIX-0000:00:04.0   2-edge      eth0-input.1\n\
    NMI:          0          0   Non-maskable interrupts\n";

const TUNED: &[(&str, &str)] = &[
    ("proc/self/limits", LIMITS),
    ("proc/self/status", STATUS),
    ("proc/self/cgroup", "0::/a.service\n"),
    (
        "proc/self/mountinfo",
        "25 30 0:23 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    ),
    ("sys/fs/cgroup/a.service/memory.max", "max\n"),
    ("sys/fs/cgroup/a.service/cpu.max", "max 100000\n"),
    ("sys/fs/cgroup/a.service/pids.max", "max\n"),
    ("sys/fs/cgroup/a.service/pids.current", "1\n"),
    ("proc/meminfo", MEMINFO),
    ("proc/interrupts", INTERRUPTS),
    ("proc/irq/41/effective_affinity_list", "0\n"),
    ("proc/irq/42/effective_affinity_list", "1\n"),
    (
        "proc/net/softnet_stat",
        "00000010 00000000\n00000011 00000000\n",
    ),
    ("proc/sys/fs/nr_open", "1048576\n"),
    ("proc/sys/fs/file-max", "9223372036854775807\n"),
    ("proc/sys/fs/file-nr", "1024\t0\t9223372036854775807\n"),
    ("proc/sys/fs/epoll/max_user_watches", "5491511\n"),
    ("proc/sys/net/core/somaxconn", "65535\n"),
    ("proc/sys/net/core/netdev_max_backlog", "1000\n"),
    ("proc/sys/net/ipv4/tcp_max_syn_backlog", "65535\n"),
    ("proc/sys/net/ipv4/tcp_syncookies", "1\n"),
    ("proc/sys/net/ipv4/tcp_mem", "1000000\t2000000\t3000000\n"),
    ("proc/sys/net/ipv4/tcp_migrate_req", "1\n"),
    ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
    ("proc/sys/net/ipv4/ip_local_reserved_ports", "\n"),
    ("proc/sys/net/netfilter/nf_conntrack_count", "100\n"),
    ("proc/sys/net/netfilter/nf_conntrack_max", "2000000\n"),
    ("proc/1/task/1/status", STATUS),
    ("sys/devices/system/cpu/online", "0-1\n"),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        "schedutil\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_driver",
        "acpi-cpufreq\n",
    ),
    (
        "sys/devices/system/clocksource/clocksource0/current_clocksource",
        "tsc\n",
    ),
    (
        "sys/devices/system/clocksource/clocksource0/available_clocksource",
        "tsc hpet acpi_pm \n",
    ),
    (
        "sys/kernel/mm/transparent_hugepage/enabled",
        "[always] madvise never\n",
    ),
    (
        "sys/kernel/mm/transparent_hugepage/defrag",
        "always defer defer+madvise [madvise] never\n",
    ),
    ("sys/class/net/eth0/operstate", "up\n"),
    ("sys/class/net/eth0/device/vendor", "0x1af4\n"),
    ("sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n"),
    ("sys/class/net/eth0/queues/rx-1/rps_cpus", "0\n"),
    ("sys/class/net/lo/queues/rx-0/rps_cpus", "0\n"),
];

fn million() -> Need {
    Need {
        connections: 1_000_000,
        descriptors: Descriptors {
            shards: 2,
            own_tables: true,
        },
        pins: true,
        ports: vec![8080, 9000],
        memory: None,
    }
}

/// The findings that are not as they should be.
fn wrong(host: &Host, need: &Need) -> Vec<Finding> {
    let found = examine(host, need).into_iter();
    found.filter(|found| found.severity.is_some()).collect()
}

fn names(findings: &[Finding]) -> Vec<(&'static str, Severity)> {
    let found = findings.iter();
    let named = found.filter_map(|found| Some((found.check.name, found.severity?)));
    named.collect()
}
