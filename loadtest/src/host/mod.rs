//! What this host allows: limits and memory that may keep a run from being what it is meant to be.

pub(crate) mod admin;
pub(crate) mod environment;
pub(crate) mod owner;
pub(crate) mod pin;
pub(crate) mod procfs;
pub(crate) mod spawned;
pub(crate) mod warning;

use std::fs;

use ::procfs::page_size;
use ::procfs::process::{LimitValue, Process, Status};

use crate::host::environment::sysctl;
use crate::host::procfs::{SockStat, available_bytes, number, process, sockstat};

/// What this host allows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Host {
    /// Hard limit on the descriptors of a table; none is without a limit.
    descriptors_hard: Option<u64>,
    /// First and last port that the kernel gives to sockets that connect.
    ports: (u64, u64),
    /// Pages at which TCP is at rest, under pressure, and at its end.
    tcp_mem: [u64; 3],
    page_bytes: u64,
    somaxconn: u64,
    syn_backlog: u64,
    available_bytes: u64,
    /// CPUs that this process may use.
    pub(crate) cpus: Vec<u32>,
    sockets: SockStat,
    /// Times that an accept queue was full, since the host started.
    listen_overflows: u64,
    /// Times that TCP came under memory pressure, since the host started.
    memory_pressures: u64,
    server: Option<ServerLimits>,
}

/// What the server's process may do.
#[derive(Clone, Debug, Default, PartialEq)]
struct ServerLimits {
    pid: u32,
    /// Soft limit on the descriptors of a table.
    descriptors_soft: u64,
    /// Threads, each of which may have a table.
    threads: u64,
    cpus: Vec<u32>,
}

impl Host {
    /// What is now; what cannot be read is zero.
    pub(crate) fn read(server_pid: Option<u32>) -> Self {
        let setting = |name, index| number(&sysctl(name).unwrap_or_default(), "", index);
        let ports = |index| setting("net.ipv4.ip_local_port_range", index);
        let netstat = fs::read_to_string("/proc/net/netstat").unwrap_or_default();
        let own = Process::myself().ok();
        let limits = own.as_ref().and_then(|own| own.limits().ok());
        Self {
            descriptors_hard: limits.and_then(|limits| value(limits.max_open_files.hard_limit)),
            ports: (ports(0), ports(1)),
            tcp_mem: [0, 1, 2].map(|index| setting("net.ipv4.tcp_mem", index)),
            page_bytes: page_size(),
            somaxconn: setting("net.core.somaxconn", 0),
            syn_backlog: setting("net.ipv4.tcp_max_syn_backlog", 0),
            available_bytes: available_bytes().unwrap_or(0),
            cpus: allowed_cpus(own.and_then(|own| own.status().ok())),
            sockets: sockstat().unwrap_or_default(),
            listen_overflows: counter(&netstat, "ListenOverflows"),
            memory_pressures: counter(&netstat, "TCPMemoryPressures"),
            server: server_pid.and_then(ServerLimits::read),
        }
    }
}

/// Ports of one source address that the kernel gives to sockets that connect, ip(7).
pub(crate) fn source_ports() -> u64 {
    let range = sysctl("net.ipv4.ip_local_port_range").unwrap_or_default();
    let reserved = sysctl("net.ipv4.ip_local_reserved_ports").unwrap_or_default();
    ports_of(&range, &reserved)
}

/// Ports from the first to the last of a range, without the reserved ones: `1,7-9`.
fn ports_of(range: &str, reserved: &str) -> u64 {
    let (first, last) = (number(range, "", 0), number(range, "", 1));
    let reserved = reserved.split(',').filter_map(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
        Some((to.min(last) + 1).saturating_sub(from.max(first)))
    });
    (last + 1).saturating_sub(first + reserved.sum::<u64>())
}

impl Host {
    /// CPUs that the server's process may use, where it is known.
    pub(crate) fn server_cpus(&self) -> Option<usize> {
        self.server.as_ref().map(|server| server.cpus.len())
    }

    /// Times that an accept queue of this host was full since an earlier reading.
    pub(crate) fn overflows_since(&self, earlier: &Self) -> u64 {
        self.listen_overflows
            .saturating_sub(earlier.listen_overflows)
    }
}

impl ServerLimits {
    fn read(pid: u32) -> Option<Self> {
        let process = process(pid).ok()?;
        let status = process.status().ok()?;
        let limits = process.limits().ok();
        let soft = limits.and_then(|limits| value(limits.max_open_files.soft_limit));
        Some(Self {
            pid,
            descriptors_soft: soft.unwrap_or(u64::MAX),
            threads: status.threads,
            cpus: allowed_cpus(Some(status)),
        })
    }
}

fn value(limit: LimitValue) -> Option<u64> {
    match limit {
        LimitValue::Unlimited => None,
        LimitValue::Value(value) => Some(value),
    }
}

fn allowed_cpus(status: Option<Status>) -> Vec<u32> {
    let ranges = status.and_then(|status| status.cpus_allowed_list);
    let ranges = ranges.unwrap_or_default().into_iter();
    ranges.flat_map(|(first, last)| first..=last).collect()
}

/// A counter of `/proc/net/netstat`: a line of names, then one of numbers.
fn counter(netstat: &str, name: &str) -> u64 {
    let mut lines = netstat.lines();
    while let (Some(names), Some(numbers)) = (lines.next(), lines.next()) {
        let at = names.split_ascii_whitespace().position(|word| word == name);
        if let Some(at) = at {
            return number(numbers, "", at);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_is_read() {
        let host = Host::read(Some(std::process::id()));
        let server = host.server.clone().unwrap();
        assert_eq!(server.cpus, host.cpus);
        assert!(!host.cpus.is_empty() && server.threads > 0 && server.descriptors_soft > 0);
        assert!(0 < host.ports.0 && host.ports.0 < host.ports.1);
        assert!(host.tcp_mem.is_sorted() && host.tcp_mem[0] > 0);
        assert!(host.somaxconn > 0 && host.syn_backlog > 0 && host.available_bytes > 0);
        assert_eq!(Host::read(Some(u32::MAX)).server, None);
    }

    #[test]
    fn reserved_ports_are_none() {
        assert_eq!(ports_of("32768 60999", ""), 28_232);
        assert_eq!(
            ports_of("1024 2023", "80,1030,1040-1049,2000-3000"),
            1000 - 1 - 10 - 24
        );
        assert_eq!(ports_of("", ""), 1);
    }

    #[test]
    fn a_counter_is_found_under_its_name() {
        let netstat = "TcpExt: A ListenOverflows\nTcpExt: 1 42\nIpExt: X\nIpExt: 1\n";
        assert_eq!(counter(netstat, "ListenOverflows"), 42);
        assert_eq!(counter(netstat, "B"), 0);
    }
}
