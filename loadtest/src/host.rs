//! What this host allows: limits and memory that may keep a run from being what it is meant to be.

use std::fs;
use std::io;

use rustix::param::page_size;

use crate::procfs::{self, SockStat};

/// What this host allows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Host {
    /// Hard limit on the descriptors of a table; none is without a limit.
    pub(crate) descriptors_hard: Option<u64>,
    /// First and last port that the kernel gives to sockets that connect.
    pub(crate) ports: (u64, u64),
    /// Pages at which TCP is at rest, under pressure, and at its end.
    pub(crate) tcp_mem: [u64; 3],
    pub(crate) page_bytes: u64,
    pub(crate) somaxconn: u64,
    pub(crate) syn_backlog: u64,
    pub(crate) available_bytes: u64,
    /// CPUs that this process may use.
    pub(crate) cpus: Vec<u64>,
    pub(crate) sockets: SockStat,
    /// Times that an accept queue was full, since the host started.
    pub(crate) listen_overflows: u64,
    /// Times that TCP came under memory pressure, since the host started.
    pub(crate) memory_pressures: u64,
    pub(crate) server: Option<ServerLimits>,
}

/// What the server's process may do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServerLimits {
    pub(crate) pid: u32,
    /// Soft limit on the descriptors of a table.
    pub(crate) descriptors_soft: u64,
    /// Threads, each of which may have a table.
    pub(crate) threads: u64,
    pub(crate) cpus: Vec<u64>,
}

impl Host {
    /// What is now.
    pub(crate) fn read(server_pid: Option<u32>) -> Self {
        Self::from_files(server_pid, page_size() as u64, |path| {
            fs::read_to_string(path)
        })
    }

    /// From files as proc(5) has them; what cannot be read is zero.
    fn from_files(
        server_pid: Option<u32>,
        page_bytes: u64,
        read: impl Fn(&str) -> io::Result<String>,
    ) -> Self {
        let text = |path: &str| read(path).unwrap_or_default();
        let sysctl =
            |path: &str, index| procfs::number(&text(&format!("/proc/sys/net/{path}")), "", index);
        let ports = |index| sysctl("ipv4/ip_local_port_range", index);
        let netstat = text("/proc/net/netstat");
        let server = server_pid.and_then(|pid| {
            let status = read(&format!("/proc/{pid}/status")).ok()?;
            Some(ServerLimits {
                pid,
                descriptors_soft: open_files(&text(&format!("/proc/{pid}/limits")), 0)
                    .unwrap_or(u64::MAX),
                threads: procfs::number(&status, "Threads:", 0),
                cpus: allowed_cpus(&status),
            })
        });
        Self {
            descriptors_hard: open_files(&text("/proc/self/limits"), 1),
            ports: (ports(0), ports(1)),
            tcp_mem: [0, 1, 2].map(|index| sysctl("ipv4/tcp_mem", index)),
            page_bytes,
            somaxconn: sysctl("core/somaxconn", 0),
            syn_backlog: sysctl("ipv4/tcp_max_syn_backlog", 0),
            available_bytes: procfs::kib(&text("/proc/meminfo"), "MemAvailable:"),
            cpus: allowed_cpus(&text("/proc/self/status")),
            sockets: procfs::parse_sockstat(&text("/proc/net/sockstat"), page_bytes),
            listen_overflows: counter(&netstat, "ListenOverflows"),
            memory_pressures: counter(&netstat, "TCPMemoryPressures"),
            server,
        }
    }
}

/// The soft (0) or hard (1) limit of `/proc/PID/limits`; none is without a limit.
fn open_files(limits: &str, which: usize) -> Option<u64> {
    procfs::word(limits, "Max open files", which)?.parse().ok()
}

/// `Cpus_allowed_list: 0-2,5` of `/proc/PID/status`.
fn allowed_cpus(status: &str) -> Vec<u64> {
    let list = procfs::word(status, "Cpus_allowed_list:", 0).unwrap_or_default();
    let numbers = list.split(',').filter_map(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.parse::<u64>().ok()?..=to.parse().ok()?)
    });
    numbers.flatten().collect()
}

/// A counter of `/proc/net/netstat`: a line of names, then one of numbers.
fn counter(netstat: &str, name: &str) -> u64 {
    let mut lines = netstat.lines();
    while let (Some(names), Some(numbers)) = (lines.next(), lines.next()) {
        let at = names.split_ascii_whitespace().position(|word| word == name);
        if let Some(at) = at {
            return procfs::number(numbers, "", at);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_from_its_files() {
        let files = |path: &str| {
            let text = match path {
                "/proc/self/limits" => {
                    "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  20000  files\n"
                }
                "/proc/sys/net/ipv4/ip_local_port_range" => "32768\t60999\n",
                "/proc/sys/net/ipv4/tcp_mem" => "10\t20\t30\n",
                "/proc/sys/net/core/somaxconn" => "4096\n",
                "/proc/meminfo" => "MemTotal: 9 kB\nMemAvailable:    8 kB\n",
                "/proc/self/status" => "Name:\tx\nCpus_allowed_list:\t0-2,5\n",
                "/proc/7/status" => "Threads:\t4\nCpus_allowed_list:\t3\n",
                "/proc/7/limits" => {
                    "Max open files            100                  200                  files\n"
                }
                "/proc/net/netstat" => {
                    "TcpExt: A ListenOverflows\nTcpExt: 1 42\nIpExt: X\nIpExt: 1\n"
                }
                _ => return Err(io::ErrorKind::NotFound.into()),
            };
            Ok(text.to_owned())
        };
        let host = Host::from_files(Some(7), 4096, files);
        let expected = Host {
            descriptors_hard: Some(20_000),
            ports: (32_768, 60_999),
            tcp_mem: [10, 20, 30],
            page_bytes: 4096,
            somaxconn: 4096,
            available_bytes: 8192,
            cpus: vec![0, 1, 2, 5],
            listen_overflows: 42,
            server: Some(ServerLimits {
                pid: 7,
                descriptors_soft: 100,
                threads: 4,
                cpus: vec![3],
            }),
            ..Host::default()
        };
        assert_eq!(host, expected);
        assert_eq!(Host::from_files(Some(8), 4096, files).server, None);
    }
}
