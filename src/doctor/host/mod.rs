//! What a host says of itself: files below a root, and one system call.

mod files;
mod nics;
mod others;

use std::path::Path;

use crate::doctor::host::files::Files;
pub use crate::doctor::host::nics::Nic;
pub use crate::doctor::host::others::Other;
use crate::sys::{cgroup, descriptors, memory};

/// What was read of a host. `None` where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The hard limit of open files; `usize::MAX` for none.
    pub open_files: Option<usize>,
    /// Whether a thread can have a descriptor table of its own.
    pub own_tables: Option<bool>,
    /// The mode of seccomp: 0 is none, 2 is a filter.
    pub seccomp: Option<usize>,
    /// `fs.nr_open`.
    pub nr_open: Option<usize>,
    /// `fs.file-max`.
    pub file_max: Option<usize>,
    /// Open files of the host.
    pub files_used: Option<usize>,
    /// `fs.epoll.max_user_watches`.
    pub watches: Option<usize>,
    /// `net.core.somaxconn`.
    pub somaxconn: Option<usize>,
    /// `net.ipv4.tcp_max_syn_backlog`.
    pub syn_backlog: Option<usize>,
    /// `net.ipv4.tcp_syncookies`.
    pub syncookies: Option<usize>,
    /// `net.ipv4.tcp_mem`: low, pressure, high, in pages.
    pub tcp_mem: Option<[usize; 3]>,
    /// `net.ipv4.ip_local_port_range`.
    pub local_ports: Option<(u16, u16)>,
    /// `net.ipv4.ip_local_reserved_ports`, as it is written.
    pub reserved_ports: String,
    /// Tracked connections, and the maximum.
    pub conntrack: Option<(usize, usize)>,
    /// `net.ipv4.tcp_migrate_req`.
    pub migrate_req: Option<usize>,
    /// `net.core.netdev_max_backlog`.
    pub netdev_backlog: Option<usize>,
    /// Packets that found the queue of a CPU full.
    pub netdev_dropped: Option<usize>,
    /// Bytes of memory that are available now, and all.
    pub memory: Option<(usize, usize)>,
    /// The smallest limit of memory of the control groups.
    pub memory_limit: Option<usize>,
    /// Bytes of swap.
    pub swap: Option<usize>,
    /// Thousandths of a core that the control groups allow.
    pub quota: Option<usize>,
    /// Threads that may still start.
    pub threads_left: Option<usize>,
    /// Cores that the process may use.
    pub cores: Vec<usize>,
    /// Cores that the host has.
    pub cores_online: Vec<usize>,
    /// Threads of other programs that are bound to cores.
    pub others: Vec<Other>,
    /// Network interfaces with a device.
    pub nics: Vec<Nic>,
    /// Transparent huge pages: which memory gets them, and what is done to have them.
    pub huge_pages: Option<(String, String)>,
    /// The clock of the kernel, and the clocks there are.
    pub clock: Option<(String, String)>,
    /// The governor of the cores' frequency, and its driver.
    pub governor: Option<(String, String)>,
}

impl Host {
    /// Reads what a server needs to know of its limits; `root` is `/`, except in tests.
    pub fn read(root: &Path) -> Self {
        let files = Files::new(root);
        let sys = |key: &str| files.number(&format!("proc/sys/{key}"));
        let status = files.text("proc/self/status").unwrap_or_default();
        let ports = files.numbers("proc/sys/net/ipv4/ip_local_port_range");
        let port = |at: usize| u16::try_from(*ports.get(at)?).ok();
        let meminfo = files.text("proc/meminfo").unwrap_or_default();
        let bytes = |name| Some(number_after(&meminfo, name)?.saturating_mul(1024));
        let group = |path: &Path| files.absolute(path);
        Self {
            open_files: open_files(&files.text("proc/self/limits").unwrap_or_default()),
            own_tables: (root == Path::new("/")).then(descriptors::can_own_table),
            seccomp: number_after(&status, "Seccomp:"),
            nr_open: sys("fs/nr_open"),
            file_max: sys("fs/file-max"),
            files_used: files.numbers("proc/sys/fs/file-nr").first().copied(),
            watches: sys("fs/epoll/max_user_watches"),
            somaxconn: sys("net/core/somaxconn"),
            syn_backlog: sys("net/ipv4/tcp_max_syn_backlog"),
            syncookies: sys("net/ipv4/tcp_syncookies"),
            tcp_mem: files.numbers("proc/sys/net/ipv4/tcp_mem").try_into().ok(),
            local_ports: port(0).zip(port(1)),
            reserved_ports: files
                .text("proc/sys/net/ipv4/ip_local_reserved_ports")
                .unwrap_or_default(),
            conntrack: sys("net/netfilter/nf_conntrack_count")
                .zip(sys("net/netfilter/nf_conntrack_max")),
            migrate_req: sys("net/ipv4/tcp_migrate_req"),
            netdev_backlog: sys("net/core/netdev_max_backlog"),
            netdev_dropped: files
                .text("proc/net/softnet_stat")
                .map(|text| dropped(&text)),
            memory: bytes("MemAvailable:").zip(bytes("MemTotal:")),
            memory_limit: memory::limit(&group),
            swap: bytes("SwapTotal:"),
            quota: cgroup::quota(&group),
            threads_left: cgroup::threads_left(&group),
            cores: cores(after(&status, "Cpus_allowed_list:").unwrap_or_default()),
            cores_online: cores(
                &files
                    .text("sys/devices/system/cpu/online")
                    .unwrap_or_default(),
            ),
            others: Vec::new(),
            nics: Vec::new(),
            huge_pages: None,
            clock: None,
            governor: None,
        }
    }

    /// Reads as well what makes a server slower, and takes longer to read.
    pub fn read_all(root: &Path) -> Self {
        let files = Files::new(root);
        let pages = "sys/kernel/mm/transparent_hugepage";
        let clock = "sys/devices/system/clocksource/clocksource0";
        let cpu = "sys/devices/system/cpu/cpu0/cpufreq";
        let both = |one: String, other: String| files.text(&one).zip(files.text(&other));
        let host = Self::read(root);
        Self {
            others: others::read(&files, &host),
            nics: nics::read(&files),
            huge_pages: both(format!("{pages}/enabled"), format!("{pages}/defrag"))
                .map(|(enabled, defrag)| (chosen(&enabled), chosen(&defrag))),
            clock: both(
                format!("{clock}/current_clocksource"),
                format!("{clock}/available_clocksource"),
            ),
            governor: both(
                format!("{cpu}/scaling_governor"),
                format!("{cpu}/scaling_driver"),
            ),
            ..host
        }
    }
}

/// What follows a name at the beginning of a line.
fn after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut lines = text.lines();
    Some(lines.find_map(|line| line.strip_prefix(name))?.trim())
}

fn number_after(text: &str, name: &str) -> Option<usize> {
    after(text, name)?.split(' ').next()?.parse().ok()
}

/// The hard limit in proc_pid_limits(5): `Max open files  1024  4096  files`.
fn open_files(limits: &str) -> Option<usize> {
    match after(limits, "Max open files")?.split_whitespace().nth(1)? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

/// The second column of softnet_stat, in hexadecimal digits: a row for each CPU.
fn dropped(text: &str) -> usize {
    let columns = text.lines().filter_map(|line| line.split(' ').nth(1));
    let counts = columns.filter_map(|count| usize::from_str_radix(count, 16).ok());
    counts.sum()
}

/// A list of cores: `0-3,8`.
fn cores(list: &str) -> Vec<usize> {
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    ranges.flatten().take(CORES_MAX).collect()
}

/// The word in brackets of a list of choices: `always [madvise] never`.
fn chosen(text: &str) -> String {
    let rest = text.split_once('[').map_or(text, |(_, rest)| rest);
    rest.split(']').next().unwrap_or(rest).trim().to_owned()
}

/// More cores than Linux knows (`CONFIG_NR_CPUS` is at most 8,192).
const CORES_MAX: usize = 8_192;
