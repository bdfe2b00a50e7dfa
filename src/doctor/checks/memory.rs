//! Memory: of the kernel's sockets, and of the server.

use crate::doctor::checks::{Check, Host, Judgement, Need, Remedy, Severity};
use crate::limits::{CONNECTION_BYTES, KERNEL_PAGE_BYTES};

pub(super) static CHECKS: &[Check] = &[
    Check {
        name: "memory",
        read: "/proc/meminfo: MemAvailable; memory.max and memory.high of the control groups, or \
               memory.limit_in_bytes",
        what: "Memory that is available, or that the control groups allow if that is less. An \
               idle connection takes 4.3 KB of the kernel's memory and 0.2 KB of the server's; \
               with a message that its client has not acknowledged, a page more.",
        why: "the kernel ends the server, or some other program, before all are connected",
        source: "proc_meminfo(5); Documentation/admin-guide/cgroup-v2.rst: memory of sockets \
                 counts; measured, docs/BENCHMARKS.md",
        judge: memory,
    },
    Check {
        name: "memory-limit",
        read: "limits.memory, beside the above",
        what: "The memory that clients can make the server use, if it is configured, together \
               with that of all connections.",
        why: "slow clients make the server use what its connections need, and the kernel ends it",
        source: "docs/CONFIG.md",
        judge: budget,
    },
    Check {
        name: "tcp-mem",
        read: "/proc/sys/net/ipv4/tcp_mem",
        what: "Pages of memory that the buffers of all TCP sockets of the host may use: below the \
               first number without care, from the second with smaller buffers, up to the third. \
               An idle socket has none; one with data in it has one or more. The numbers are \
               limits, and reserve nothing.",
        why: "a message to all connections needs a page for each: from the second number on \
              buffers shrink, and above the third the kernel drops what arrives and takes nothing \
              to send",
        source: "tcp(7)",
        judge: tcp_mem,
    },
    Check {
        name: "swap",
        read: "/proc/meminfo: SwapTotal",
        what: "Swap on a disk.",
        why: "what a server has not used for long may be swapped out, and a message to all \
              connections then waits for the disk",
        source: "Documentation/admin-guide/sysctl/vm.rst: swappiness; systemd.resource-control(5)",
        judge: swap,
    },
    Check {
        name: "huge-pages",
        read: "/sys/kernel/mm/transparent_hugepage/enabled and defrag",
        what: "What the kernel does to give a program huge pages.",
        why: "with `always` in both, a shard that touches new memory may wait until the kernel \
              has freed and moved enough of it",
        source: "Documentation/admin-guide/mm/transhuge.rst",
        judge: huge_pages,
    },
];

/// What there is: now available, or allowed.
fn available(host: &Host) -> Option<usize> {
    let (available, _) = host.memory?;
    Some(
        host.memory_limit
            .map_or(available, |limit| limit.min(available)),
    )
}

fn memory(host: &Host, need: &Need) -> Option<Judgement> {
    let available = available(host)?;
    let idle = need.connections.saturating_mul(CONNECTION_BYTES);
    let busy = need
        .connections
        .saturating_mul(CONNECTION_BYTES + KERNEL_PAGE_BYTES);
    let is = match host.memory_limit {
        Some(limit) if limit == available => format!("{} allowed by a control group", mib(limit)),
        _ => format!("{} available", mib(available)),
    };
    let severity = match () {
        () if available < idle => Severity::Fault,
        () if available < busy => Severity::Warning,
        () => {
            return Some(Judgement::fine(format!(
                "{is}; connections take {}",
                mib(idle)
            )));
        }
    };
    let should = format!("{} idle, {} with a message for each", mib(idle), mib(busy));
    let wrong = Judgement::wrong(severity, is, should);
    let remedy = if host.memory_limit == Some(available) {
        "raise the limit of the control group (MemoryMax= of systemd, --memory of Docker), or set \
         fewer connections (--max-connections)"
    } else {
        "give the host more memory, or set fewer connections (--max-connections)"
    };
    Some(wrong.by(Remedy::Do(remedy.to_owned())))
}

fn budget(host: &Host, need: &Need) -> Option<Judgement> {
    let limit = need.memory?;
    let (_, total) = host.memory?;
    let total = host.memory_limit.map_or(total, |limit| limit.min(total));
    let idle = need.connections.saturating_mul(CONNECTION_BYTES);
    let is = format!("limits.memory is {}, of {}", mib(limit), mib(total));
    if limit.saturating_add(idle) <= total {
        return Some(Judgement::fine(is));
    }
    let left = total.saturating_sub(idle) >> 20;
    let should = format!("at most {left} MiB: connections take {}", mib(idle));
    let remedy = match left {
        0 => "give the host more memory, or set fewer connections".to_owned(),
        left => format!("set limits.memory to \"{left}MiB\" or \"auto\""),
    };
    Some(Judgement::wrong(Severity::Warning, is, should).by(Remedy::Do(remedy)))
}

fn tcp_mem(host: &Host, need: &Need) -> Option<Judgement> {
    let values = host.tcp_mem?;
    let [_, pressure, high] = values;
    let pages = need.connections;
    let severity = match () {
        () if high < pages => Severity::Fault,
        () if pressure < pages => Severity::Warning,
        () => return Some(Judgement::fine(words(values))),
    };
    let should = tcp_mem_of(host, need);
    let remedy = Remedy::Sysctl("net.ipv4.tcp_mem", should.clone());
    Some(Judgement::wrong(severity, words(values), should).by(remedy))
}

/// Pages for `net.ipv4.tcp_mem`, no fewer than the host has: one for each connection without care,
/// two without pressure. With these a million connections were held on one host, both ends of each
/// (docs/BENCHMARKS.md).
pub(in crate::doctor) fn tcp_mem_of(host: &Host, need: &Need) -> String {
    let now = host.tcp_mem.unwrap_or_default();
    let pages = |at: usize| now[at].max(need.connections.saturating_mul(1 + at));
    words([pages(0), pages(1), pages(2)])
}

/// Three numbers as they are written.
fn words([low, pressure, high]: [usize; 3]) -> String {
    format!("{low} {pressure} {high}")
}

fn swap(host: &Host, _need: &Need) -> Option<Judgement> {
    let bytes = host.swap?;
    if bytes == 0 {
        return Some(Judgement::fine("none"));
    }
    let wrong = Judgement::wrong(Severity::Note, mib(bytes), "none for the server");
    Some(wrong.by(Remedy::Unit("MemorySwapMax", "0".to_owned())))
}

fn huge_pages(host: &Host, _need: &Need) -> Option<Judgement> {
    let (enabled, defrag) = host.huge_pages.as_ref()?;
    let is = format!("enabled {enabled}, defrag {defrag}");
    if enabled != "always" || defrag != "always" {
        return Some(Judgement::fine(is));
    }
    let wrong = Judgement::wrong(
        Severity::Warning,
        is,
        "defrag madvise, the kernel's default",
    );
    Some(wrong.by(Remedy::Do(
        "echo madvise > /sys/kernel/mm/transparent_hugepage/defrag".to_owned(),
    )))
}

fn mib(bytes: usize) -> String {
    format!("{} MiB", bytes >> 20)
}
