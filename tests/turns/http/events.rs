//! Streams of server-sent events.

use std::time::Duration;

use corecast::limits::{EVENTS_INPUT_BYTES_MAX, EVENTS_RETRY, PING_INTERVAL};
use corecast::proto::http::dechunk;
use corecast::{CloseReason, Kind};

use crate::http::server::{Client, Server};
use crate::http::{get, statuses};

/// What chunks have in them.
fn dechunked(chunks: &str) -> String {
    String::from_utf8(dechunk(chunks.as_bytes())).unwrap()
}

/// What an `EventSource` asks.
const ASK: &str = "GET /sse/a HTTP/1.1\r\nHost: here\r\nAccept: text/event-stream\r\n\r\n";

/// The delay that a stream begins with.
fn retry(first: &str) -> Duration {
    let mut lines = first.lines();
    let millis = lines.find_map(|line| line.strip_prefix("retry: ")).unwrap();
    Duration::from_millis(millis.parse().unwrap())
}

fn stream(server: &mut Server, path: &str) -> Client {
    let client = server.connect();
    server.send(client, get(path));
    let sent = server.take(client);
    assert!(sent.starts_with("HTTP/1.1 200 OK\r\n"), "{sent}");
    let (head, chunk) = sent.split_once("\r\n\r\n").unwrap();
    let first = dechunked(chunk);
    assert!(first.starts_with(":\n"), "a comment: {first}");
    assert!(EVENTS_RETRY.contains(&retry(&first)), "{first}");
    assert_eq!(first.lines().nth(2), Some(""), "a block of its own");
    let head = format!("{head}\r\n");
    for field in [
        "Content-Type: text/event-stream",
        "Cache-Control: no-store, no-transform",
        "X-Accel-Buffering: no",
        "Transfer-Encoding: chunked",
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
        server.events(client),
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
        assert_eq!(server.events(client), ":\n\n");
    }
    // A message does as well.
    for _ in 0..20 {
        server.wait(PING_INTERVAL / 2);
        server.publish("a", Kind::Text, b"x");
        assert_eq!(server.events(client), "data: x\n\n");
    }
    assert_eq!(server.ended(client), None);
}

#[test]
fn what_the_client_of_a_stream_sends_is_discarded_within_a_bound() {
    let mut server = Server::new();
    let client = stream(&mut server, "/sse/a");
    for _ in 0..EVENTS_INPUT_BYTES_MAX / 1024 {
        server.send(client, [b'x'; 1024]);
    }
    server.publish("a", Kind::Text, b"still here");
    assert_eq!(server.events(client), "data: still here\n\n");
    server.send(client, "x");
    assert!(matches!(server.ended(client), Some(CloseReason::Policy(_))));
}

#[test]
fn the_end_of_the_clients_side_ends_a_stream_of_events() {
    let mut server = Server::new();
    let client = stream(&mut server, "/sse/a");
    server.end(client);
    assert_eq!(server.ended(client), Some(CloseReason::Client));
    server.wait(Duration::from_secs(5));
    assert_eq!(server.counters().connections, 0);
}

#[test]
fn head_gets_no_stream_and_a_malformed_topic_is_refused() {
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
            retry(&dechunked(sent.split_once("\r\n\r\n").unwrap().1))
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

#[test]
fn each_event_is_a_chunk_for_http_1_1_and_none_for_http_1_0() {
    let mut server = Server::new();
    let chunked = stream(&mut server, "/sse/a");
    let plain = server.connect();
    server.send(plain, "GET /sse/a HTTP/1.0\r\n\r\n");
    let answer = server.take(plain);
    assert!(!answer.contains("chunked"), "{answer}");
    assert!(answer.contains("\r\n\r\n:\nretry: "), "{answer}");
    server.publish("a", Kind::Text, b"a line\r\nand another");
    server.publish("a", Kind::Binary, &[0; 15]);
    let events = [
        "data: a line\ndata: and another\n\n",
        "event: binary\ndata: AAAAAAAAAAAAAAAAAAAA\n\n",
    ];
    let chunks = events.map(|event| format!("{:x}\r\n{event}\r\n", event.len()));
    assert_eq!(server.take(chunked), chunks.concat());
    assert_eq!(server.take(plain), events.concat());
    server.wait(PING_INTERVAL + Duration::from_millis(200));
    assert_eq!(server.take(chunked), "3\r\n:\n\n\r\n");
    assert_eq!(server.take(plain), ":\n\n");
}

#[test]
fn a_stream_of_chunks_ends_with_the_last() {
    let mut server = Server::new();
    let chunked = stream(&mut server, "/sse/a");
    let plain = server.connect();
    server.send(plain, "GET /sse/a HTTP/1.0\r\n\r\n");
    server.take(plain);
    server.publish("a", Kind::Text, b"x");
    server.drain();
    server.wait(Duration::from_secs(1));
    let last = "9\r\ndata: x\n\n\r\nd\r\nretry: 1000\n\n\r\n0\r\n\r\n";
    assert_eq!(server.take(chunked), last);
    assert_eq!(server.take(plain), "data: x\n\nretry: 1000\n\n");
    assert_eq!(server.ended(chunked), Some(CloseReason::Shutdown));
}
