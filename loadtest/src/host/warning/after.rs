//! What shows only when a run is over: what it ran into.

use serde_json::{Map, Value};

use crate::host::Host;
use crate::host::warning::Warning;

/// Failures that name the limit that was met: words of theirs, its name, and what to do.
const FAILURES: &[(&str, &str, &str)] = &[
    (
        "no source port left",
        "local-ports",
        "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"; ports of closed connections are \
         free after a minute",
    ),
    (
        "descriptor limit reached",
        "client-descriptors",
        "ulimit -n 1048576 as root before starting, or LimitNOFILE=1048576 in the service's unit",
    ),
    (
        "file table of the host is full",
        "host-descriptors",
        "sysctl -w fs.file-max=2097152",
    ),
    (
        "no kernel memory for a socket",
        "kernel-memory",
        "give this host more memory, or raise net.ipv4.tcp_mem",
    ),
    (
        "connection refused",
        "refused",
        "see that the server listens there; it may be at its limit, or tcp_abort_on_overflow is set",
    ),
    (
        "timed out while opening",
        "no-answer",
        "the server's accept queue is full (net.core.somaxconn of its host), its CPU is taken, or a \
         firewall drops what it does not know; open more slowly with --rate or --window",
    ),
];

/// From what the host says before and after, and from the figures.
pub(crate) fn after(before: &Host, after: &Host, figures: &Map<String, Value>) -> Vec<Warning> {
    let failures = figures.get("opening").map(|opening| &opening["failures"]);
    let failures = failures.and_then(Value::as_object).into_iter().flatten();
    let overflows = after
        .listen_overflows
        .saturating_sub(before.listen_overflows);
    let overflowed = Warning::if_so(
        overflows > 0,
        "accept-queue",
        format!("an accept queue of this host was full {overflows} times"),
        "connections that found no space tried again after a second: it looks like a slow server",
        "sysctl -w net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535, then start the \
         server again; or open more slowly",
    );
    let found = failures.filter_map(failed).chain(overflowed);
    found.chain(pressed(before, after, figures)).collect()
}

fn failed((what, count): (&String, &Value)) -> Option<Warning> {
    let (_, name, remedy) = FAILURES.iter().find(|(words, ..)| what.contains(words))?;
    let effect = "the load was smaller than what was asked for";
    Some(Warning::new(
        name,
        format!("{count} x {what}"),
        effect,
        *remedy,
    ))
}

fn pressed(before: &Host, after: &Host, figures: &Map<String, Value>) -> Option<Warning> {
    let series = figures.get("series");
    let column = series.map(|series| &series["columns"]["tcp_memory_bytes"]);
    let column = column.and_then(Value::as_array).into_iter().flatten();
    let most = column.filter_map(Value::as_f64).fold(0.0, f64::max);
    let [_, pressure, _] = before.tcp_mem;
    let limit = (pressure * before.page_bytes) as f64;
    let [low, middle, high] = [2, 3, 4].map(|factor| pressure * factor);
    Warning::if_so(
        after.memory_pressures > before.memory_pressures || (limit > 0.0 && most > limit),
        "tcp-memory",
        format!(
            "TCP was under memory pressure: {:.0} MiB of buffers",
            most / f64::from(1 << 20)
        ),
        "the kernel shrank buffers and dropped segments: latencies are those of retransmission",
        format!("sysctl -w net.ipv4.tcp_mem=\"{low} {middle} {high}\""),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(one: &Host, other: &Host, figures: Value) -> Vec<String> {
        let figures = figures.as_object().unwrap().clone();
        after(one, other, &figures)
            .into_iter()
            .map(|warning| warning.name)
            .collect()
    }

    #[test]
    fn what_the_host_refused_is_named() {
        let calm = Host {
            tcp_mem: [1, 100, 200],
            page_bytes: 4_096,
            ..Host::default()
        };
        let nothing = json!({});
        assert_eq!(names(&calm, &calm, nothing.clone()), [""; 0]);
        let full = Host {
            listen_overflows: 3,
            ..calm.clone()
        };
        assert_eq!(names(&calm, &full, nothing.clone()), ["accept-queue"]);
        let pressed = Host {
            memory_pressures: 1,
            ..calm.clone()
        };
        assert_eq!(names(&calm, &pressed, nothing), ["tcp-memory"]);
        let column =
            |bytes: u64| json!({ "series": { "columns": { "tcp_memory_bytes": [null, bytes] } } });
        assert_eq!(names(&calm, &calm, column(409_601)), ["tcp-memory"]);
        assert_eq!(names(&calm, &calm, column(409_600)), [""; 0]);
        let failures = json!({ "no source port left": 4, "reset": 1 });
        let failures = json!({ "opening": { "failures": failures } });
        assert_eq!(names(&calm, &calm, failures), ["local-ports"]);
    }
}
