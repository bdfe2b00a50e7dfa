//! Queues of connections and packets that wait for the server.

use crate::doctor::checks::{Check, Host, Judgement, Need, Remedy, Severity};
use crate::limits::{LISTEN_BACKLOG, NETDEV_BACKLOG};

pub(super) static CHECKS: &[Check] = &[
    Check {
        name: "listen-queue",
        read: "/proc/sys/net/core/somaxconn",
        what: "The longest queue of connections that no shard has accepted yet. Each shard asks \
               for 65,535. It is set when the server starts to listen.",
        why: "after a restart all clients connect at once, and one that finds the queue full \
              tries again after a second or more",
        source: "listen(2); Documentation/networking/ip-sysctl.rst: somaxconn",
        judge: listen_queue,
    },
    Check {
        name: "handshake-queue",
        read: "/proc/sys/net/ipv4/tcp_syncookies, tcp_max_syn_backlog",
        what: "The number of TCP handshakes of a listener that may be incomplete. Only without \
               SYN cookies: with them (the default), the queue above is the limit.",
        why: "handshakes above three quarters of it are dropped, and clients try again after a \
              second",
        source: "Documentation/networking/ip-sysctl.rst: tcp_syncookies, tcp_max_syn_backlog; \
                 tcp_conn_request in net/ipv4/tcp_input.c",
        judge: handshake_queue,
    },
    Check {
        name: "packet-queue",
        read: "/proc/net/softnet_stat, /proc/sys/net/core/netdev_max_backlog",
        what: "The number of received packets that wait for one CPU, on loopback, on virtual \
               interfaces, and where RPS is on. It matters if packets were dropped.",
        why: "packets that find it full are dropped, and latency grows to that of \
              retransmissions",
        source: "Documentation/admin-guide/sysctl/net.rst: netdev_max_backlog",
        judge: packet_queue,
    },
];

/// Connections that come to one shard's queue at once, at most.
fn burst(need: &Need) -> usize {
    let most = usize::try_from(LISTEN_BACKLOG).unwrap_or(usize::MAX);
    need.of_shard().min(most)
}

fn listen_queue(host: &Host, need: &Need) -> Option<Judgement> {
    let most = host.somaxconn?;
    let burst = burst(need);
    if burst <= most {
        return Some(Judgement::fine(most.to_string()));
    }
    let wrong = Judgement::wrong(
        Severity::Warning,
        most.to_string(),
        format!("{burst} or more"),
    );
    Some(wrong.by(Remedy::Sysctl(
        "net.core.somaxconn",
        LISTEN_BACKLOG.to_string(),
    )))
}

fn handshake_queue(host: &Host, need: &Need) -> Option<Judgement> {
    let most = host.syn_backlog?;
    if host.syncookies? != 0 {
        return Some(Judgement::fine("SYN cookies are on"));
    }
    let needed = burst(need).saturating_mul(4).div_ceil(3);
    let is = format!("{most}, and SYN cookies are off");
    if needed <= most {
        return Some(Judgement::fine(is));
    }
    let should = format!("{needed} or more, or SYN cookies on");
    let wrong = Judgement::wrong(Severity::Warning, is, should);
    let value = needed.next_power_of_two().to_string();
    Some(wrong.by(Remedy::Sysctl("net.ipv4.tcp_max_syn_backlog", value)))
}

fn packet_queue(host: &Host, _need: &Need) -> Option<Judgement> {
    let (most, dropped) = (host.netdev_backlog?, host.netdev_dropped?);
    let is = format!("{most}, and {dropped} packets were dropped since the host started");
    if dropped == 0 || NETDEV_BACKLOG <= most {
        return Some(Judgement::fine(is));
    }
    let wrong = Judgement::wrong(Severity::Warning, is, format!("{NETDEV_BACKLOG} or more"));
    let value = NETDEV_BACKLOG.to_string();
    Some(wrong.by(Remedy::Sysctl("net.core.netdev_max_backlog", value)))
}
