//! The admin port: metrics that tell what was done, health, and clients that misbehave.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use corecast::{CloseReason, Kind, Limit};
use rustix::process::Signal;

use crate::support::http::{Answer, ask, read_answer, upgrade_request};
use crate::support::length_prefix::LengthPrefix;
use crate::support::metrics::{Samples, parse};
use crate::support::program::Program;
use crate::support::raw_ws::{FIN, RawWs, TEXT};
use crate::support::server::{Running, builder, serve_admin};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::tools::{self, run, tool};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

pub(crate) fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    let answer = ask(addr, format!("GET {path} HTTP/1.0\r\n\r\n"));
    (answer.status, answer.body)
}

fn ask_for_metrics(addr: SocketAddr, fields: &str) -> Answer {
    let answer = ask(
        addr,
        format!("GET /metrics HTTP/1.1\r\nHost: test\r\n{fields}\r\n"),
    );
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("vary"), Some("Accept"));
    answer
}

pub(crate) fn scrape(addr: SocketAddr) -> Samples {
    let answer = ask_for_metrics(addr, "Accept: application/openmetrics-text\r\n");
    let media = answer.field("content-type");
    assert_eq!(
        media,
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    parse(&answer.body)
}

/// The sum over all shards.
fn over_shards(samples: &Samples, name: &str) -> f64 {
    let prefix = format!("{name}{{shard=");
    let of_shards = samples
        .iter()
        .filter(|(series, _)| series.starts_with(&prefix));
    of_shards.map(|(_, value)| value).sum()
}

#[test]
fn metrics_tell_what_was_done() {
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    let mut ws = Ws::connect(server.http(), "/ws/lobby");
    let mut device = LengthPrefix::connect(server.tcp());
    ws.send_text("hello");
    assert_eq!(ws.next_text(), "hello");
    assert_eq!(device.next(), b"hello");
    server.publish("lobby", Kind::Text, b"and more");
    assert_eq!(ws.next_text(), "and more");
    assert_eq!(device.next(), b"and more");
    assert_eq!(
        ask(server.http(), "GET /nowhere HTTP/1.0\r\n\r\n").status,
        404
    );
    assert_eq!(
        ask(server.http(), "GET /healthz HTTP/1.0\r\n\r\n").status,
        200
    );
    let mut wrong = RawWs::connect(server.http(), "/ws/lobby");
    wrong.send_bytes(b"\x81\x02hi");
    assert_eq!(wrong.expect_close().0, 1002);
    drop(wrong);
    let mut too_long = LengthPrefix::connect(server.tcp());
    too_long.send_bytes(&[0xFF; 4]);
    assert_eq!(too_long.next_or_end(), None);

    let closed = |samples: &Samples, reason: &str| {
        samples[&format!("corecast_closes_total{{reason=\"{reason}\"}}")]
    };
    let mut samples = Samples::new();
    wait_until("all is counted", || {
        samples = scrape(addr);
        closed(&samples, "frame_too_long") == 1.0
            && over_shards(&samples, "corecast_connections") == 2.0
    });
    for (series, value) in [
        ("corecast_ready", 1.0),
        ("corecast_accepts_total", 6.0),
        ("corecast_opens_total", 4.0),
        ("corecast_messages_received_total", 1.0),
        ("corecast_messages_received_bytes_total", 5.0),
        ("corecast_messages_published_total", 1.0),
        ("corecast_messages_ordered_total", 2.0),
        ("corecast_messages_sent_total", 4.0),
        ("corecast_messages_skipped_total", 0.0),
        ("corecast_accept_errors_total", 0.0),
        ("corecast_closes_total{reason=\"refused\"}", 1.0),
        ("corecast_closes_total{reason=\"answered\"}", 1.0),
        ("corecast_closes_total{reason=\"unmasked\"}", 1.0),
        ("corecast_http_refusals_total{status=\"404\"}", 1.0),
        ("corecast_http_refusals_total{status=\"503\"}", 0.0),
        ("corecast_http_refusals_total{status=\"other\"}", 0.0),
        ("corecast_limit_hits_total{limit=\"connections\"}", 0.0),
        ("corecast_fanout_subscribers_sum", 4.0),
    ] {
        assert_eq!(samples[series], value, "{series}: {samples:#?}");
    }
    // Two messages in each protocol, two greetings, two pages and two close frames at the least.
    let least = 2 * (5 + 2) + (8 + 2) + (8 + 4);
    assert!(f64::from(least) < samples["corecast_sent_bytes_total"]);
    assert!(10.0 <= samples["corecast_writes_total"], "{samples:#?}");
    // One for each of the two messages and each shard with subscribers.
    let fanouts = samples["corecast_fanout_subscribers_count"];
    assert!(fanouts == 2.0 || fanouts == 4.0, "{samples:#?}");
    let passes = samples["corecast_delivery_seconds_count"];
    assert!((1.0..=4.0).contains(&passes), "{samples:#?}");
    assert_eq!(samples["corecast_delivery_skew_seconds_count"], passes);
    check_turns(&samples);
    check_labels(&samples);
}

/// As a scraper that knows nothing but the format of Prometheus reads it: `promtool` is the one of
/// Debian's package `prometheus`.
#[test]
fn a_scraper_that_asks_for_no_format_gets_what_promtool_passes() {
    let server = Running::start(builder(2));
    let addr = serve_admin(&server);
    let texts = [
        "",
        "Accept: */*\r\n",
        "Accept: text/plain;version=0.0.4\r\n",
    ]
    .map(|fields| {
        let answer = ask_for_metrics(addr, fields);
        let media = answer.field("content-type");
        assert_eq!(
            media,
            Some("text/plain; version=0.0.4; charset=utf-8"),
            "{fields}"
        );
        answer.body
    });
    for text in texts {
        assert!(
            !text.contains("# EOF") && !text.contains("# UNIT"),
            "{text}"
        );
        assert!(
            text.contains("\n# TYPE corecast_accepts_total counter\n"),
            "{text}"
        );
        assert!(
            text.contains("\n# TYPE corecast_build_info gauge\n"),
            "{text}"
        );
        let Some(mut promtool) = tool("promtool") else {
            continue;
        };
        let output = run(promtool.args(["check", "metrics"]), &text);
        let said = tools::text(&output);
        assert!(output.status.success() && said.is_empty(), "{said}");
    }
}

/// Every reason and every limit is there from the start.
fn check_labels(samples: &Samples) {
    let build = format!(
        "corecast_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(samples[&build], 1.0);
    for reason in CloseReason::all() {
        let series = format!("corecast_closes_total{{reason=\"{}\"}}", reason.label());
        assert!(samples.contains_key(&series), "{series}");
    }
    for limit in Limit::ALL {
        let series = format!("corecast_limit_hits_total{{limit=\"{}\"}}", limit.label());
        assert!(samples.contains_key(&series), "{series}");
    }
}

/// Buckets grow to the count, on each shard.
fn check_turns(samples: &Samples) {
    for shard in 0..2 {
        let of_shard = format!("{{shard=\"{shard}\"}}");
        let count = samples[&format!("corecast_turn_seconds_count{of_shard}")];
        let sum = samples[&format!("corecast_turn_seconds_sum{of_shard}")];
        assert!(0.0 < count && 0.0 < sum, "{samples:#?}");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (series, value) in samples {
            let of_bucket = series.strip_prefix("corecast_turn_seconds_bucket{");
            let Some(labels) = of_bucket.filter(|labels| labels.contains(&of_shard[1..10])) else {
                continue;
            };
            let bound = labels.split("le=\"").nth(1).unwrap().split('"').next();
            buckets.push((bound.unwrap().parse().unwrap(), *value));
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(buckets.is_sorted_by_key(|(_, value)| *value), "{buckets:?}");
        assert_eq!(buckets.last(), Some(&(f64::INFINITY, count)), "{buckets:?}");
    }
}

#[test]
fn limits_are_counted_by_their_names() {
    let server = Running::start(builder(1).connections_max(1));
    let addr = serve_admin(&server);
    let _only = Ws::connect(server.http(), "/ws/lobby");
    assert_eq!(ask(server.http(), upgrade_request("/ws")).status, 503);
    wait_until("counted", || {
        let samples = scrape(addr);
        samples["corecast_limit_hits_total{limit=\"connections\"}"] == 1.0
            && samples["corecast_closes_total{reason=\"overload\"}"] == 1.0
    });
}

#[test]
fn wrong_and_silent_clients_of_the_admin_port_do_no_harm() {
    let server = Running::start(builder(1));
    let addr = serve_admin(&server);
    let mut silent: Vec<TcpStream> = (0..3).map(|_| dial(addr)).collect();
    for (request, status) in [
        ("POST /metrics HTTP/1.0\r\n\r\n", 405),
        ("GET /nowhere HTTP/1.0\r\n\r\n", 404),
        ("GET /metrics/ HTTP/1.0\r\n\r\n", 404),
        ("GET /metrics HTTP/1.1\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        ("GET /livez?x=1 HTTP/1.0\r\n\r\n", 200),
    ] {
        assert_eq!(ask(addr, request).status, status, "{request}");
    }
    let head = ask(addr, "HEAD /metrics HTTP/1.0\r\n\r\n");
    assert_eq!((head.status, &*head.body), (200, ""));
    let mut bytes = dial(addr);
    for byte in b"GET /livez HTTP/1.0\r\n\r\n" {
        bytes.write_all(&[*byte]).unwrap();
    }
    assert_eq!(read_answer(&mut bytes).status, 200);
    let too_long = format!("GET /{} HTTP/1.0\r\n\r\n", "x".repeat(20_000));
    assert_eq!(ask(addr, too_long).status, 414);
    // Cut off without an answer, and in time.
    for stream in &mut silent {
        assert_eq!(read_to_the_end(stream), b"");
    }
}

#[test]
fn the_program_has_an_admin_port_when_asked_for_one() {
    let (program, http, _) = Program::serve(&["--admin", "127.0.0.1:0", "--shards", "1"]);
    let admin: SocketAddr = program.logged("listening admin ").unwrap().parse().unwrap();
    let mut ws = RawWs::connect(http, "/ws/lobby");
    ws.send(FIN | TEXT, b"hello");
    assert_eq!(ws.next(), (FIN | TEXT, b"hello".to_vec()));
    wait_until("counted", || {
        scrape(admin)["corecast_messages_sent_total"] == 1.0
    });

    let taken = admin.to_string();
    let second = Program::run(&[
        "--http",
        "127.0.0.1:0",
        "--tcp",
        "127.0.0.1:0",
        "--admin",
        &taken,
    ]);
    let (status, log) = second.wait();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(
        log.contains(&format!("cannot listen on {taken} (admin)")),
        "{log}"
    );

    program.signal(Signal::TERM);
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn without_a_key_there_is_no_admin_port() {
    let (program, ..) = Program::serve(&["--shards", "1"]);
    assert_eq!(program.logged("listening admin "), None);
}
