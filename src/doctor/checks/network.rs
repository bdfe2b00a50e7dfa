//! Ports and connections as the kernel's network knows them.

use crate::doctor::checks::{Check, Host, Judgement, Need, Remedy, Severity};

pub(super) static CHECKS: &[Check] = &[
    Check {
        name: "local-ports",
        read: "/proc/sys/net/ipv4/ip_local_port_range, ip_local_reserved_ports",
        what: "The ports that the kernel gives to outgoing connections. No port of a listener \
               should be among them, unless it is reserved.",
        why: "an outgoing connection of any program may have the port when the server starts, \
              and the server cannot listen",
        source: "Documentation/networking/ip-sysctl.rst: ip_local_reserved_ports",
        judge: local_ports,
    },
    Check {
        name: "conntrack",
        read: "/proc/sys/net/netfilter/nf_conntrack_count, nf_conntrack_max",
        what: "The number of connections that the firewall may track, if it tracks any.",
        why: "packets of connections above it are dropped: \"nf_conntrack: table full\"",
        source: "Documentation/networking/nf_conntrack-sysctl.rst",
        judge: conntrack,
    },
    Check {
        name: "migrate-requests",
        read: "/proc/sys/net/ipv4/tcp_migrate_req",
        what: "Whether connections that a closing listener has not accepted go to another \
               listener of the same port. It matters if a second server takes over the port \
               while the first one drains.",
        why: "clients whose connections wait in the queue of the first server are reset",
        source: "Documentation/networking/ip-sysctl.rst: tcp_migrate_req",
        judge: migrate_requests,
    },
];

fn local_ports(host: &Host, need: &Need) -> Option<Judgement> {
    let (first, last) = host.local_ports?;
    let is_taken =
        |port: &u16| (first..=last).contains(port) && !is_reserved(&host.reserved_ports, *port);
    let taken: Vec<String> = need
        .ports
        .iter()
        .filter(|port| is_taken(port))
        .map(u16::to_string)
        .collect();
    let is = format!("{first} to {last}");
    if taken.is_empty() {
        return Some(Judgement::fine(is));
    }
    let ports = taken.join(",");
    let reserved = match host.reserved_ports.trim() {
        "" => ports.clone(),
        reserved => format!("{reserved},{ports}"),
    };
    let wrong = Judgement::wrong(Severity::Warning, is, format!("without {ports}"));
    Some(wrong.by(Remedy::Sysctl("net.ipv4.ip_local_reserved_ports", reserved)))
}

/// Whether a port is in a list such as `8080,9000-9010`.
fn is_reserved(list: &str, port: u16) -> bool {
    list.trim().split(',').any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let ends = first.parse::<u16>().ok().zip(last.parse::<u16>().ok());
        ends.is_some_and(|(first, last)| (first..=last).contains(&port))
    })
}

fn conntrack(host: &Host, need: &Need) -> Option<Judgement> {
    let (count, most) = host.conntrack?;
    if count == 0 {
        return Some(Judgement::fine("no connection is tracked"));
    }
    let is = format!("{most}, of which {count} are used");
    let needed = count.saturating_add(need.connections);
    if needed <= most {
        return Some(Judgement::fine(is));
    }
    let value = needed.next_power_of_two().to_string();
    let wrong = Judgement::wrong(Severity::Fault, is, format!("{needed} or more"));
    let wrong = wrong.by(Remedy::Sysctl("net.netfilter.nf_conntrack_max", value));
    Some(wrong.by(Remedy::Do(
        "exempt the ports of the listeners from tracking (notrack of nft, or of iptables in the \
         table raw)"
            .to_owned(),
    )))
}

fn migrate_requests(host: &Host, _need: &Need) -> Option<Judgement> {
    if host.migrate_req? != 0 {
        return Some(Judgement::fine("on"));
    }
    let wrong = Judgement::wrong(
        Severity::Note,
        "off",
        "on, if servers take over from each other",
    );
    Some(wrong.by(Remedy::Sysctl("net.ipv4.tcp_migrate_req", "1".to_owned())))
}
