//! Streams of server-sent events.

use std::time::Duration;

use corecast::limits::{EVENTS_INPUT_BYTES_MAX, PING_INTERVAL};
use corecast::{CloseReason, Kind};

use crate::server::{Client, Server};
use crate::{get, statuses};

fn stream(server: &mut Server, path: &str) -> Client {
    let client = server.connect();
    server.send(client, get(path));
    let head = server.take(client);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
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
