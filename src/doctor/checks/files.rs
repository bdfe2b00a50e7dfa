//! Open files: the first limit that a server meets.

use crate::doctor::checks::{Check, Host, Judgement, Need, Remedy, Severity};
use crate::limits::{DESCRIPTORS_RESERVED, OPEN_FILES_USUAL, SHARDS_MAX};
use crate::server::Descriptors;

pub(super) static CHECKS: &[Check] = &[
    Check {
        name: "open-files",
        read: "/proc/self/limits: Max open files",
        what: "The hard limit of open files. Each connection is one. The limit applies to each \
               descriptor table, and each shard has its own: all shards together have \
               `shards` times as many connections.",
        why: "a connection above it is refused: with 503 over HTTP, closed over TCP",
        source: "getrlimit(2), RLIMIT_NOFILE",
        judge: open_files,
    },
    Check {
        name: "descriptor-tables",
        read: "/proc/self/status: Seccomp, and a call of close_range(2)",
        what: "Whether a shard can have a descriptor table of its own.",
        why: "the limit of open files is then for all shards together, and they wait for each \
              other in the kernel when they accept",
        source: "close_range(2), CLOSE_RANGE_UNSHARE; seccomp(2)",
        judge: tables,
    },
    Check {
        name: "nr-open",
        read: "/proc/sys/fs/nr_open",
        what: "The largest hard limit of open files that can be set.",
        why: "the limit of open files cannot be raised far enough",
        source: "proc_sys_fs(5)",
        judge: nr_open,
    },
    Check {
        name: "file-max",
        read: "/proc/sys/fs/file-max, /proc/sys/fs/file-nr",
        what: "The number of files that all programs of the host may have open together.",
        why: "accept fails with ENFILE, unless the server has CAP_SYS_ADMIN",
        source: "proc_sys_fs(5)",
        judge: file_max,
    },
    Check {
        name: "epoll-watches",
        read: "/proc/sys/fs/epoll/max_user_watches",
        what: "The number of descriptors that one user may register with epoll. Each connection \
               is one.",
        why: "a connection above it cannot be registered, and is closed",
        source: "epoll(7)",
        judge: watches,
    },
];

/// The tables as they will be: shared if no thread can have its own.
fn descriptors(host: &Host, need: &Need) -> Descriptors {
    let can = host.own_tables.unwrap_or(true);
    Descriptors {
        own_tables: need.descriptors.own_tables && can,
        ..need.descriptors
    }
}

fn open_files(host: &Host, need: &Need) -> Option<Judgement> {
    let limit = host.open_files?;
    let tables = descriptors(host, need);
    let allowed = tables.connections(limit);
    let of = match (tables.own_tables, limit) {
        (_, usize::MAX) => return Some(Judgement::fine("unlimited")),
        (true, _) => "per shard",
        (false, _) => "for all shards together",
    };
    if need.connections <= allowed {
        let is = format!("{limit} open files {of} allow {allowed} connections");
        return Some(Judgement::fine(is));
    }
    let files = tables.files_for(need.connections);
    let is = format!("{limit} open files {of} allow only {allowed} connections");
    let should = format!("{files} or more");
    let wrong = Judgement::wrong(Severity::Fault, is, should);
    let wrong = wrong.by(Remedy::OpenFiles(files.max(OPEN_FILES_USUAL)));
    Some(match tables.shards_for(need.connections, limit) {
        Some(shards) => wrong.by(Remedy::Do(format!("use --shards {shards}"))),
        None => wrong,
    })
}

fn tables(host: &Host, need: &Need) -> Option<Judgement> {
    if !need.descriptors.own_tables || need.shards() == 1 {
        return None;
    }
    if host.own_tables? {
        return Some(Judgement::fine("each shard can have its own"));
    }
    let is = match host.seccomp {
        Some(2) => "refused by a filter of seccomp",
        _ => "refused",
    };
    let wrong = Judgement::wrong(
        Severity::Warning,
        is,
        "allow close_range(2), or set fd_tables = \"shared\"",
    );
    Some(
        wrong.by(Remedy::Do(
            "allow the system call close_range in the profile of the container, or \
         SystemCallFilter=close_range in the unit of systemd"
                .to_owned(),
        )),
    )
}

fn nr_open(host: &Host, need: &Need) -> Option<Judgement> {
    let (most, limit) = (host.nr_open?, host.open_files?);
    let files = descriptors(host, need).files_for(need.connections);
    if files <= limit || files <= most {
        return Some(Judgement::fine(most.to_string()));
    }
    let value = files.next_power_of_two();
    let wrong = Judgement::wrong(
        Severity::Fault,
        most.to_string(),
        format!("{files} or more"),
    );
    Some(wrong.by(Remedy::Sysctl("fs.nr_open", value.to_string())))
}

fn file_max(host: &Host, need: &Need) -> Option<Judgement> {
    let (most, used) = (host.file_max?, host.files_used?);
    let needed = used + need.connections + need.shards() * (DESCRIPTORS_RESERVED + SHARDS_MAX);
    let is = format!("{most}, of which {used} are open");
    if needed <= most {
        return Some(Judgement::fine(is));
    }
    let value = needed.next_power_of_two();
    let wrong = Judgement::wrong(Severity::Fault, is, format!("{needed} or more"));
    Some(wrong.by(Remedy::Sysctl("fs.file-max", value.to_string())))
}

fn watches(host: &Host, need: &Need) -> Option<Judgement> {
    let most = host.watches?;
    let needed = need.connections + need.shards() * DESCRIPTORS_RESERVED;
    if needed <= most {
        return Some(Judgement::fine(most.to_string()));
    }
    let value = needed.next_power_of_two().to_string();
    let wrong = Judgement::wrong(
        Severity::Fault,
        most.to_string(),
        format!("{needed} or more"),
    );
    Some(wrong.by(Remedy::Sysctl("fs.epoll.max_user_watches", value)))
}
