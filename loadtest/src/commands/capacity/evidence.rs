//! What gave out first, from what was seen while it did.

use serde::Serialize;

use crate::host::procfs::HostCpu;
use crate::report::Counts;

/// What was seen in one step.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// Why the step could not be made at all.
    pub(super) refused: Option<String>,
    /// Connections that were wanted, and that were live.
    pub(super) connections: u64,
    pub(super) live: u64,
    pub(super) failures: Counts,
    pub(super) ended_early: u64,
    /// Changed, twice, or out of order: not what any load may do.
    pub(super) wrong: u64,
    pub(super) missing: u64,
    pub(super) p99_us: f64,
    /// CPUs that the server used, of so many that it may.
    pub(super) server_cores: Option<(f64, usize)>,
    /// Share of the time that its busiest shard was in turns.
    pub(super) shard_share: Option<f64>,
    /// Of the busiest client thread, or of all against the CPUs they may use.
    pub(super) client_share: f64,
    /// CPUs that the client used.
    pub(super) client_cores: f64,
    pub(super) host: HostCpu,
    pub(super) host_cpus: usize,
    /// Whether the server is on this host.
    pub(super) is_local: bool,
    /// Times that an accept queue of this host was full.
    pub(super) overflows: u64,
}

/// What gave out, how that is known, and what to do to get further.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct GaveOut {
    pub(super) what: String,
    pub(super) evidence: String,
    pub(super) remedy: String,
    /// Another try would be no different.
    #[serde(skip)]
    pub(super) is_final: bool,
}

impl GaveOut {
    pub(super) fn new(what: &str, evidence: impl Into<String>, remedy: &str) -> Self {
        Self {
            what: what.to_owned(),
            evidence: evidence.into(),
            remedy: remedy.to_owned(),
            is_final: false,
        }
    }
}

/// Failures to open, by words of theirs: what gave out, and what to do.
const OPENING: &[(&str, &str, &str)] = &[
    (
        "no source port",
        "ports",
        "--source with more addresses, or a wider net.ipv4.ip_local_port_range",
    ),
    (
        "descriptor limit",
        "descriptors",
        "raise ulimit -n of this program",
    ),
    (
        "file table",
        "descriptors",
        "sysctl -w fs.file-max=2097152 on this host",
    ),
    ("no kernel memory", "memory", "give this host more memory"),
    (
        "refused",
        "server refuses connections",
        "see the server's limit of connections and its log",
    ),
    (
        "503",
        "server refuses connections",
        "raise the server's limit of connections or of memory",
    ),
    (
        "timed out",
        "accept queue",
        "net.core.somaxconn of the server's host; a smaller --window",
    ),
];
const NETWORK: &str = "network of this host";
const SERVER_CPU: &str = "server CPU";
const CLIENT_CPU: &str = "client CPU";
const SHARED_CPU: &str = "CPU that server and client share";
const OTHER_CPU: &str = "CPU, taken by other programs";
const LATENCY: &str = "latency";
const BUSY: f64 = 0.9;
/// Both sides together use less of what is busy: others do.
const OTHERS: f64 = 0.6;
/// With both sides on one host, this much of all its CPUs.
const HOST_BUSY: f64 = 0.95;
/// A CPU that spends so much on the network has little left for anything else.
const SOFTIRQ: f64 = 0.5;

/// What gave out, if anything did: a latency above the limit, or anything that is no answer.
pub(super) fn gave_out(seen: &Evidence, limit_us: f64) -> Option<GaveOut> {
    if let Some(why) = &seen.refused {
        let mut gave_out = GaveOut::new("this host's limits", why.as_str(), "");
        gave_out.is_final = true;
        return Some(gave_out);
    }
    if seen.live < seen.connections {
        return Some(not_opened(seen));
    }
    if seen.wrong > 0 {
        let evidence = format!(
            "{} deliveries were changed, repeated or out of order",
            seen.wrong
        );
        return Some(GaveOut::new(
            "correctness",
            evidence,
            "see `deliveries`: this is a fault",
        ));
    }
    if seen.ended_early > 0 {
        let kinds = told(&seen.failures);
        let evidence = format!("the server ended {} connections{kinds}", seen.ended_early);
        return Some(GaveOut::new(
            "server closes connections",
            evidence,
            "see its log",
        ));
    }
    let is_late = seen.p99_us > limit_us || seen.missing > 0;
    is_late.then(|| too_late(seen, limit_us))
}

fn not_opened(seen: &Evidence) -> GaveOut {
    let kinds = told(&seen.failures);
    let mut evidence = format!("{} of {} were live{kinds}", seen.live, seen.connections);
    if seen.overflows > 0 {
        evidence.push_str(&format!(
            "; an accept queue was full {} times",
            seen.overflows
        ));
    }
    let known =
        |(words, ..): &&(&str, &str, &str)| seen.failures.keys().any(|kind| kind.contains(words));
    let (what, remedy) = match OPENING.iter().find(known) {
        Some((_, what, remedy)) => (*what, *remedy),
        None => ("connections", "see `opening.failures`"),
    };
    GaveOut::new(what, evidence, remedy)
}

fn told(failures: &Counts) -> String {
    let kinds = failures
        .iter()
        .map(|(kind, count)| format!("{count} x {kind}"));
    let kinds: Vec<String> = kinds.collect();
    match kinds.is_empty() {
        true => String::new(),
        false => format!(": {}", kinds.join(", ")),
    }
}

/// What a latency above the limit comes from: the CPU of one side, or of none.
fn too_late(seen: &Evidence, limit_us: f64) -> GaveOut {
    let late = match seen.missing {
        0 => format!(
            "p99 {:.1} ms of {:.1} ms",
            seen.p99_us / 1e3,
            limit_us / 1e3
        ),
        missing => format!("{missing} deliveries did not come in time"),
    };
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let client = format!("client {:.2} CPUs", seen.client_cores);
    let used = match seen.server_cores {
        Some((used, all)) => format!("server {used:.2} of {all} CPUs, {client}"),
        None => client,
    };
    let server = seen
        .server_cores
        .filter(|(used, all)| *used >= BUSY * *all as f64);
    let shard = seen.shard_share.filter(|share| *share >= BUSY);
    let ours = seen.client_cores + seen.server_cores.map_or(0.0, |(used, _)| used);
    let busy = seen.host.busy_share;
    let is_full = busy >= HOST_BUSY;
    let (what, more, remedy) = if seen.host.softirq_share_most >= SOFTIRQ {
        let share = percent(seen.host.softirq_share_most);
        let more = format!("a CPU of this host spent {share} on the network (softirq)");
        (NETWORK, more, "more NIC queues, or RPS: see ethtool -L")
    } else if server.is_some() {
        (SERVER_CPU, used, "give the server more CPUs and shards")
    } else if is_full && ours < OTHERS * busy * seen.host_cpus as f64 {
        let more = format!(
            "this host was {} busy, mostly with others: {used}",
            percent(busy)
        );
        (
            OTHER_CPU,
            more,
            "end what else runs here, and measure again",
        )
    } else if let Some(share) = shard {
        let more = format!(
            "the server's busiest shard was in turns {} of the time",
            percent(share)
        );
        (
            SERVER_CPU,
            more,
            "more shards, or topics that spread over them",
        )
    } else if is_full && seen.is_local {
        let more = format!("this host was {} busy: {used}", percent(busy));
        (SHARED_CPU, more, "load from another host")
    } else if seen.client_share >= BUSY {
        let more = format!("the client was {} busy", percent(seen.client_share));
        (
            CLIENT_CPU,
            more,
            "give the client more CPUs and --threads, or more hosts",
        )
    } else {
        let more = format!("no CPU was used up: {used}");
        (
            LATENCY,
            more,
            "one message to so many takes so long: spread them over topics or shards",
        )
    };
    GaveOut::new(what, format!("{late}; {more}"), remedy)
}

#[cfg(test)]
mod tests;
