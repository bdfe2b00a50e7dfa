//! Each way in which a step gives out.

use super::*;

fn good() -> Evidence {
    Evidence {
        connections: 100,
        live: 100,
        p99_us: 40_000.0,
        server_cores: Some((0.5, 2)),
        host_cpus: 2,
        is_local: true,
        ..Evidence::default()
    }
}

const LIMIT_US: f64 = 50_000.0;

#[test]
fn what_gave_out_is_told_from_what_was_seen() {
    type Change = fn(&mut Evidence);
    let cases: [(&str, Change); 14] = [
        ("", |_| {}),
        ("this host's limits", |seen| {
            seen.refused = Some("ports".to_owned());
        }),
        ("ports", |seen| {
            seen.live = 99;
            seen.failures.insert("no source port left".to_owned(), 1);
        }),
        ("accept queue", |seen| {
            seen.live = 99;
            seen.failures
                .insert("timed out while opening".to_owned(), 1);
        }),
        ("connections", |seen| seen.live = 99),
        ("correctness", |seen| seen.wrong = 1),
        ("server closes connections", |seen| seen.ended_early = 1),
        (LATENCY, |seen| seen.p99_us = 60_000.0),
        (LATENCY, |seen| seen.missing = 1),
        (SERVER_CPU, |seen| {
            seen.p99_us = 60_000.0;
            seen.server_cores = Some((1.9, 2));
        }),
        (CLIENT_CPU, |seen| {
            seen.p99_us = 60_000.0;
            seen.client_share = 0.95;
        }),
        (SHARED_CPU, |seen| {
            seen.p99_us = 60_000.0;
            (seen.host.busy_share, seen.client_cores) = (0.99, 1.4);
        }),
        (OTHER_CPU, |seen| {
            seen.p99_us = 60_000.0;
            (seen.host.busy_share, seen.client_cores) = (0.99, 0.1);
        }),
        (NETWORK, |seen| {
            seen.p99_us = 60_000.0;
            seen.host.softirq_share_most = 0.7;
        }),
    ];
    for (what, change) in cases {
        let mut seen = good();
        change(&mut seen);
        let found = gave_out(&seen, LIMIT_US).unwrap_or_default();
        assert_eq!(found.what, what);
    }
}
