//! What can be known before a run: limits that it will run into.

use serde_json::{Map, Value};

use crate::client::socket::CONNS_PER_ADDRESS;
use crate::host::warning::Warning;
use crate::host::{Host, ServerLimits};

/// What a run asks of its host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Connections in all, each with both ends on this host.
    pub(crate) connections: u64,
    /// Connections begun and not yet accepted, at most.
    pub(crate) at_once: u64,
}

/// Flags that are numbers of connections, beside publishers. Those of `--slow` are among
/// `--connections`; one of garbage is open for a second at the most, unless the server lets it.
const CONNECTIONS: &[&str] = &["connections", "steady", "slow-headers", "garbage-per-s"];
/// Descriptors of a table that are not connections, with some to spare.
const OTHER_DESCRIPTORS: u64 = 200;
/// Kernel memory of one end of a connection that was in use: the socket with what epoll and the
/// file table have of it, and a page of buffer.
const END_BYTES: u64 = 8 << 10;
/// Of what is available, this much may be asked for.
const MEMORY_SHARE_MAX: f64 = 0.8;

impl Demand {
    /// From the flags of a run, `window` attempts in each of `threads`.
    pub(crate) fn new(flags: &Map<String, Value>, window: u64, threads: u64) -> Self {
        let most = |value: &Value| match value {
            Value::Array(values) => values.iter().filter_map(Value::as_u64).max(),
            value => value.as_u64(),
        };
        let number = |name: &str| flags.get(name).and_then(most);
        // With topics each of them has its publishers.
        let publishers = number("publishers").unwrap_or(0) * number("topics").unwrap_or(1);
        let listeners: u64 = CONNECTIONS.iter().filter_map(|name| number(name)).sum();
        let connections = listeners + publishers;
        let window = number("window").unwrap_or(window);
        let threads = number("threads").unwrap_or(threads);
        Self {
            connections,
            at_once: connections.min(window.saturating_mul(threads)),
        }
    }
}

/// All that stands in the way of a run.
pub(crate) fn before(host: &Host, demand: Demand) -> Vec<Warning> {
    let server = host.server.as_ref();
    let found = [
        client_descriptors(host, demand.connections),
        server.and_then(|server| server_descriptors(server, demand.connections)),
        local_ports(host, demand.connections),
        tcp_memory(host, demand.connections),
        accept_queue(host, demand.at_once),
        memory(host, demand.connections),
        server.and_then(|server| shared_cpus(host, server)),
    ];
    found.into_iter().flatten().collect()
}

fn client_descriptors(host: &Host, conns: u64) -> Option<Warning> {
    let hard = host.descriptors_hard?;
    let cpus = host.cpus.len().max(1) as u64;
    let threads = conns.div_ceil(hard.saturating_sub(OTHER_DESCRIPTORS).max(1));
    let needed = conns.div_ceil(cpus) + OTHER_DESCRIPTORS;
    Warning::if_so(
        threads > cpus,
        "client-descriptors",
        format!(
            "the hard limit of {hard} descriptors makes {threads} client threads on {cpus} CPUs"
        ),
        "the threads take turns on the CPUs, and latencies have their waiting in them",
        format!(
            "ulimit -n {needed} as root before starting, or LimitNOFILE={needed} in the service's \
             unit"
        ),
    )
}

fn server_descriptors(server: &ServerLimits, conns: u64) -> Option<Warning> {
    let (pid, soft, threads) = (server.pid, server.descriptors_soft, server.threads);
    let needed = conns + OTHER_DESCRIPTORS;
    Warning::if_so(
        soft.saturating_mul(threads) < needed,
        "server-descriptors",
        format!(
            "the server's soft limit is {soft} descriptors, too few for {conns} connections even \
             with a table for each of its {threads} threads"
        ),
        "it refuses the connections that are too many",
        format!(
            "prlimit --pid {pid} --nofile={needed}:{needed}, or LimitNOFILE={needed} in its unit"
        ),
    )
}

fn local_ports(host: &Host, conns: u64) -> Option<Warning> {
    let (first, last) = host.ports;
    let ports = (last + 1).saturating_sub(first);
    let per_address = conns.min(u64::from(CONNS_PER_ADDRESS));
    Warning::if_so(
        last > 0 && ports < per_address,
        "local-ports",
        format!(
            "there are {ports} local ports, and each source address has up to {per_address} \
             connections"
        ),
        "connections fail with \"no source port left\", and finding a free port takes long",
        "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"",
    )
}

fn tcp_memory(host: &Host, conns: u64) -> Option<Warning> {
    // A page for each end: what a socket is given when its first message comes.
    let pages = host.sockets.memory_bytes / host.page_bytes.max(1) + 2 * conns;
    let [_, pressure, _] = host.tcp_mem;
    let (more, most) = (pages * 3 / 2, pages * 2);
    Warning::if_so(
        pressure > 0 && pages > pressure,
        "tcp-memory",
        format!(
            "{conns} connections take about {pages} pages of TCP buffers, and from {pressure} on \
             TCP is under pressure"
        ),
        "the kernel shrinks buffers and drops segments: latencies grow to those of retransmission",
        format!("sysctl -w net.ipv4.tcp_mem=\"{pages} {more} {most}\""),
    )
}

fn accept_queue(host: &Host, at_once: u64) -> Option<Warning> {
    let space = host.somaxconn.min(host.syn_backlog);
    Warning::if_so(
        space > 0 && space < at_once,
        "accept-queue",
        format!("up to {at_once} connections are begun at once, and a listener holds {space}"),
        "those that find no space are tried again after a second: it looks like a slow server",
        format!(
            "sysctl -w net.core.somaxconn={at_once} net.ipv4.tcp_max_syn_backlog={at_once}, then \
             start the server again"
        ),
    )
}

fn memory(host: &Host, conns: u64) -> Option<Warning> {
    let (needed, available) = (2 * conns * END_BYTES, host.available_bytes);
    let [needed_mib, available_mib] = [needed, available].map(|bytes| bytes >> 20);
    Warning::if_so(
        available > 0 && needed as f64 > MEMORY_SHARE_MAX * available as f64,
        "host-memory",
        format!(
            "{conns} connections take about {needed_mib} MiB of the kernel's memory, of \
             {available_mib} MiB available"
        ),
        "the host may end the server, or this program, in the middle of the run",
        "ask for fewer connections, or give the host more memory",
    )
}

fn shared_cpus(host: &Host, server: &ServerLimits) -> Option<Warning> {
    let remedy = match &host.cpus[..] {
        [first, rest @ ..] if !rest.is_empty() => {
            let rest: Vec<String> = rest.iter().map(u32::to_string).collect();
            let (pid, rest) = (server.pid, rest.join(","));
            format!("taskset -acp {first} {pid}, and start this program with taskset -c {rest}")
        }
        _ => "run on a host with two CPUs or more".to_owned(),
    };
    Warning::if_so(
        server.cpus.iter().any(|cpu| host.cpus.contains(cpu)),
        "shared-cpus",
        "the server may run on the CPUs that the client uses",
        "each takes time from the other, so that rates and latencies are those of both",
        remedy,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host {
            descriptors_hard: Some(1_048_576),
            ports: (1_024, 65_535),
            tcp_mem: [1_000_000, 2_000_000, 3_000_000],
            page_bytes: 4_096,
            somaxconn: 65_535,
            syn_backlog: 65_535,
            available_bytes: 64 << 30,
            cpus: vec![1, 2, 3],
            server: Some(ServerLimits {
                pid: 7,
                descriptors_soft: 1_048_576,
                threads: 3,
                cpus: vec![0],
            }),
            ..Host::default()
        }
    }

    const DEMAND: Demand = Demand {
        connections: 100_000,
        at_once: 768,
    };

    fn names(host: &Host) -> Vec<String> {
        before(host, DEMAND)
            .into_iter()
            .map(|warning| warning.name)
            .collect()
    }

    #[test]
    fn a_host_that_is_set_up_has_no_warnings() {
        assert_eq!(names(&host()), [""; 0]);
    }

    #[test]
    fn each_limit_that_is_too_low_is_named_with_a_remedy() {
        type Change = fn(&mut Host);
        fn server(host: &mut Host) -> &mut ServerLimits {
            host.server.as_mut().unwrap()
        }
        let cases: [(&str, Change); 8] = [
            ("client-descriptors", |host| {
                host.descriptors_hard = Some(1_024);
            }),
            ("server-descriptors", |host| {
                server(host).descriptors_soft = 1_024;
            }),
            ("local-ports", |host| host.ports = (60_000, 60_999)),
            ("tcp-memory", |host| host.tcp_mem = [1, 100_000, 200_000]),
            ("accept-queue", |host| host.somaxconn = 128),
            ("accept-queue", |host| host.syn_backlog = 512),
            ("host-memory", |host| host.available_bytes = 1 << 30),
            ("shared-cpus", |host| server(host).cpus = vec![0, 1]),
        ];
        for (name, change) in cases {
            let mut host = host();
            change(&mut host);
            assert_eq!(names(&host), [name]);
            let found = before(&host, DEMAND);
            assert!(!found[0].effect.is_empty() && !found[0].remedy.is_empty());
        }
    }

    #[test]
    fn a_demand_is_read_from_flags() {
        let flags = serde_json::json!({
            "connections": [10, 500], "publishers": 4, "window": 50, "threads": 2
        });
        let demand = |flags: &Value| Demand::new(flags.as_object().unwrap(), 256, 8);
        let topics = serde_json::json!({ "connections": 10, "publishers": 2, "topics": 30 });
        assert_eq!(demand(&topics).connections, 70);
        let slow = serde_json::json!({ "connections": 500, "slow": 5 });
        assert_eq!(demand(&slow).connections, 500);
        let demand = demand(&flags);
        assert_eq!(
            demand,
            Demand {
                connections: 504,
                at_once: 100
            }
        );
    }
}
