//! The files that set a host right: kernel settings, limits for logins, and a drop-in for the unit
//! of systemd. Their values never go below those of the host.

use crate::doctor::checks::{self, tcp_mem_of};
use crate::doctor::report::wrap;
use crate::doctor::{Check, Finding, Host, Need, Remedy, Severity};
use crate::limits::LISTEN_BACKLOG;

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below `/etc`.
    pub path: &'static str,
    /// What makes it count, as a command.
    pub then: &'static str,
    /// All of it.
    pub text: String,
}

/// What the first line of each file has. A file without it was written by a person.
pub const MARK: &str = "made by `corecast doctor`";

/// The files for what was found. There is always one of kernel settings; the others are there if
/// something needs them.
pub fn files(host: &Host, need: &Need, findings: &[Finding]) -> Vec<File> {
    let connections = need.connections;
    let mut files = vec![File {
        path: "sysctl.d/60-corecast.conf",
        then: "sysctl --system",
        text: sysctl(host, need, findings),
    }];
    let remedies = || findings.iter().flat_map(|found| &found.remedies);
    let open_files = remedies().find_map(|remedy| match remedy {
        Remedy::OpenFiles(files) => Some(*files),
        _ => None,
    });
    if let Some(open) = open_files {
        files.push(File {
            path: "security/limits.d/60-corecast.conf",
            then: "log in again",
            text: format!(
                "# Open files for {connections} connections, {MARK}.\n\
                 # limits.conf(5): * is every user but root.\n\
                 *     hard  nofile  {open}\n\
                 root  hard  nofile  {open}\n"
            ),
        });
    }
    let units = remedies().filter_map(|remedy| match remedy {
        Remedy::OpenFiles(files) => Some(format!("LimitNOFILE={files}\n")),
        Remedy::Unit(key, value) => Some(format!("{key}={value}\n")),
        _ => None,
    });
    let lines: String = units.collect();
    if !lines.is_empty() {
        files.push(File {
            path: "systemd/system/corecast.service.d/60-corecast.conf",
            then: "systemctl daemon-reload && systemctl restart corecast",
            text: format!("# For {connections} connections, {MARK}.\n[Service]\n{lines}"),
        });
    }
    files
}

/// What no file sets right.
pub fn remaining(findings: &[Finding]) -> Vec<Finding> {
    let left = findings.iter().filter(|found| {
        found.severity.is_some()
            && found
                .remedies
                .iter()
                .all(|remedy| matches!(remedy, Remedy::Do(_)))
    });
    left.cloned().collect()
}

/// The worst of what no file sets right.
pub fn worst_remaining(findings: &[Finding]) -> Option<Severity> {
    crate::doctor::worst(&remaining(findings))
}

/// The file of kernel settings: those that every server with this many connections wants, and
/// those of findings.
pub fn sysctl(host: &Host, need: &Need, findings: &[Finding]) -> String {
    let backlog = usize::try_from(LISTEN_BACKLOG).unwrap_or(usize::MAX);
    let at_least = |now: Option<usize>| now.unwrap_or(0).max(backlog).to_string();
    let mut settings = vec![
        (
            "listen-queue",
            "net.core.somaxconn",
            at_least(host.somaxconn),
        ),
        (
            "handshake-queue",
            "net.ipv4.tcp_max_syn_backlog",
            at_least(host.syn_backlog),
        ),
        ("tcp-mem", "net.ipv4.tcp_mem", tcp_mem_of(host, need)),
    ];
    for found in findings {
        for remedy in &found.remedies {
            let Remedy::Sysctl(key, value) = remedy else {
                continue;
            };
            match settings.iter_mut().find(|(_, known, _)| known == key) {
                Some((.., known)) => known.clone_from(value),
                None => settings.push((found.check.name, key, value.clone())),
            }
        }
    }
    let mut text = format!(
        "# Kernel settings for {} connections, {MARK}.\n# docs/DOCTOR.md explains each one.\n",
        need.connections
    );
    for (name, key, value) in settings {
        let why = checks::all().find(|check| check.name == name);
        let comment = why.map(comment).unwrap_or_default();
        text += &format!("\n{comment}{key} = {value}\n");
    }
    text
}

fn comment(check: &Check) -> String {
    let lines = wrap(&format!("{} Otherwise {}.", check.what, check.why), COLUMNS);
    lines.iter().map(|line| format!("# {line}\n")).collect()
}

/// Width of a comment.
const COLUMNS: usize = 96;
