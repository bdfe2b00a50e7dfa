//! Streams of server-sent events.

use std::time::Duration;

use corecast::limits::{EVENTS_INPUT_BYTES_MAX, EVENTS_RETRY, PING_INTERVAL};
use corecast::{CloseReason, Kind};

use crate::server::{Client, Server};
use crate::{get, statuses};

/// What an `EventSource` asks.
const ASK: &str = "GET /sse/a HTTP/1.1\r\nHost: here\r\nAccept: text/event-stream\r\n\r\n";

/// The delay that a stream begins with.
fn retry(first: &str) -> Duration {
    let line = first.lines().next().unwrap();
    let millis = line.strip_prefix("retry: ").unwrap();
    Duration::from_millis(millis.parse().unwrap())
}

fn stream(server: &mut Server, path: &str) -> Client {
    let client = server.connect();
    server.send(client, get(path));
    let sent = server.take(client);
    assert!(sent.starts_with("HTTP/1.1 200 OK\r\n"), "{sent}");
    let (head, first) = sent.split_once("\r\n\r\n").unwrap();
    assert!(EVENTS_RETRY.contains(&retry(first)), "{first}");
    assert_eq!(first.lines().nth(1), Some(""), "a block of its own");
    let head = format!("{head}\r\n");
    for field in [
        "Content-Type: text/event-stream",
        "Cache-Control: no-store",
        "X-Accel-Buffering: no",
        "Connection: close",
    ] {
        assert!(head.contains(&format!("\r\n{field}\r\n")), "{head}");
    }
    client
}

#[test]
fn messages_come_in_order_as_events_of_their_kind() {
    let mut server = Server::new();
    let client = stream(&mut server, "/sse/a%20b");
    let other = stream(&mut server, "/sse/other");
    server.publish("a b", Kind::Text, b"one");
    server.publish("a b", Kind::Text, b"two\nlines\r\nand\rmore");
    server.publish("a b", Kind::Binary, b"\0\xff");
    server.publish("a b", Kind::Text, b"");
    assert_eq!(
        server.take(client),
        "data: one\n\ndata: two\ndata: lines\ndata: and\ndata: more\n\n\
         event: binary\ndata: AP8=\n\ndata: \n\n"
    );
    assert_eq!(server.take(other), "");
}

#[test]
fn a_stream_of_silence_has_heartbeats() {
    let mut server = Server::new();
    let client = stream(&mut server, "/sse/a");
    for _ in 0..5 {
        server.wait(PING_INTERVAL + Duration::from_millis(200));
        assert_eq!(server.take(client), ":\n\n");
    }
    // A message does as well.
    for _ in 0..20 {
        server.wait(PING_INTERVAL / 2);
        server.publish("a", Kind::Text, b"x");
        assert_eq!(server.take(client), "data: x\n\n");
    }
    assert_eq!(server.ended(client), None);
}

#[test]
fn what_the_client_says_then_is_discarded_within_a_bound() {
    let mut server = Server::new();
    let client = stream(&mut server, "/sse/a");
    for _ in 0..EVENTS_INPUT_BYTES_MAX / 1024 {
        server.send(client, [b'x'; 1024]);
    }
    server.publish("a", Kind::Text, b"still here");
    assert_eq!(server.take(client), "data: still here\n\n");
    server.send(client, "x");
    assert!(matches!(server.ended(client), Some(CloseReason::Policy(_))));
}

#[test]
fn the_end_of_the_clients_side_ends_the_stream() {
    let mut server = Server::new();
    let client = stream(&mut server, "/sse/a");
    server.end(client);
    assert_eq!(server.ended(client), Some(CloseReason::Client));
    server.wait(Duration::from_secs(5));
    assert_eq!(server.counters().connections, 0);
}

#[test]
fn head_gets_the_head_alone_and_a_malformed_topic_is_told() {
    let mut server = Server::new();
    let client = server.connect();
    server.send(client, get("/sse/a").replace("GET", "HEAD"));
    let head = server.take(client);
    assert!(
        head.contains("text/event-stream") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    assert_eq!(server.ended(client), Some(CloseReason::Answered));
    for (path, status) in [("/sse/", 400), ("/sse/%zz", 400), ("/sse", 404)] {
        let client = server.connect();
        server.send(client, get(path));
        assert_eq!(statuses(&server.take(client)), [status], "{path}");
    }
    let client = server.connect();
    server.send(client, get("/sse/a").replace("GET", "POST"));
    assert_eq!(statuses(&server.take(client)), [405]);
}

#[test]
fn streams_that_end_at_once_come_back_spread_over_seconds() {
    let mut server = Server::new();
    let mut delays: Vec<Duration> = (0..100)
        .map(|_| {
            let client = server.connect();
            server.send(client, ASK);
            let sent = server.take(client);
            retry(sent.split_once("\r\n\r\n").unwrap().1)
        })
        .collect();
    delays.sort_unstable();
    let width = EVENTS_RETRY.end - EVENTS_RETRY.start;
    // In each tenth of the range there is about a tenth of them.
    for tenth in 0..10 {
        let from = EVENTS_RETRY.start + width / 10 * tenth;
        let within = |delay: &&Duration| (from..from + width / 10).contains(*delay);
        let count = delays.iter().filter(within).count();
        assert!((5..=15).contains(&count), "{count} in tenth {tenth}");
    }
}
