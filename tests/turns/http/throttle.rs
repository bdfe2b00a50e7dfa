//! Clients that open connections too often, moment by moment.

use std::time::Duration;

use corecast::auth::Denial;
use corecast::counters::status_index;
use corecast::throttle::{Throttle, Throttles};
use corecast::{CloseReason, Rate};

use crate::http::server::{KEY, Server};
use crate::http::{get, statuses};

/// Two openings at once, and two each second.
fn server() -> Server {
    let mut server = Server::new();
    server.limit_openings(Throttles {
        addresses: Rate::per_second(2).map(|rate| Throttle::new(rate, 16)),
        users: None,
    });
    server
}

/// What a client of this address is answered on a connection of its own.
fn answer(server: &mut Server, addr: &str, request: &str) -> String {
    let client = server.connect_from(addr.parse().ok());
    server.send(client, request);
    server.take(client)
}

fn status(server: &mut Server, addr: &str, request: &str) -> u16 {
    let answer = answer(server, addr, request);
    answer["HTTP/1.1 ".len()..][..3].parse().unwrap()
}

const ADDR: &str = "192.0.2.1:1000";

#[test]
fn streams_are_counted_and_requests_are_not() {
    let mut server = server();
    let events = get("/sse/a");
    for expected in [200, 200, 429, 429] {
        assert_eq!(status(&mut server, ADDR, &events), expected);
        assert_eq!(status(&mut server, ADDR, &get("/")), 200);
    }
    let head = events.replacen("GET", "HEAD", 1);
    assert_eq!(status(&mut server, ADDR, &head), 200, "it opens nothing");
    server.wait(Duration::from_millis(500));
    assert_eq!(status(&mut server, ADDR, &events), 200);
    assert_eq!(status(&mut server, ADDR, &events), 429);
    assert_eq!(status(&mut server, "192.0.2.2:1000", &events), 200);
    let counters = server.counters();
    assert_eq!(counters.denied[Denial::Throttled.index()], 3);
    assert_eq!(counters.refused[status_index(429)], 3);
    assert_eq!(counters.closed[CloseReason::Refused(429).index()], 3);
    let words = server.denial().unwrap();
    assert!(words.contains("from 192.0.2.1: too many"), "{words}");
}

#[test]
fn a_stream_on_a_connection_that_is_there_counts_as_one() {
    let mut server = server();
    for expected in [200, 200, 429] {
        let client = server.connect_from(ADDR.parse().ok());
        server.send(client, get("/"));
        assert_eq!(statuses(&server.take(client)), [200]);
        server.send(client, get("/sse/a"));
        let status: u16 = server.take(client)[9..12].parse().unwrap();
        assert_eq!(status, expected);
    }
}

#[test]
fn clients_are_not_told_to_come_back_at_the_same_time() {
    let mut server = server();
    let answers = (0..22).map(|_| answer(&mut server, ADDR, &get("/sse/a")));
    let waits = answers.skip(2).map(|answer| {
        let (_, wait) = answer.split_once("Retry-After: ").unwrap();
        wait.split_once('\r').unwrap().0.parse().unwrap()
    });
    let waits: Vec<u64> = waits.collect();
    assert!(waits.iter().all(|wait| (1..=5).contains(wait)), "{waits:?}");
    for wait in 1..=4 {
        assert!(waits.contains(&wait), "{waits:?}");
    }
    // An `EventSource` that is refused would give up.
    let request = get("/sse/a").replacen("\r\n\r\n", "\r\nAccept: text/event-stream\r\n\r\n", 1);
    let answer = answer(&mut server, ADDR, &request);
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("retry: "),
        "{answer}"
    );
}

fn publish(key: &str) -> String {
    let body = r#"{"channel":"a","data":1}"#;
    let len = body.len();
    format!(
        "POST /api/publish HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\n\
         Content-Length: {len}\r\n\r\n{body}"
    )
}

#[test]
fn api_keys_cannot_be_guessed_faster_than_connections_may_be_opened() {
    let mut server = server();
    for _ in 0..10 {
        assert_eq!(status(&mut server, ADDR, &publish(KEY)), 200);
    }
    // Both in one read: the first closes the connection.
    let guesses = [publish("sesame"), publish(KEY)].concat();
    let answer = answer(&mut server, ADDR, &guesses);
    assert_eq!(statuses(&answer), [401]);
    assert!(answer.contains("Connection: close"), "{answer}");
    for expected in [401, 429, 429] {
        assert_eq!(status(&mut server, ADDR, &publish("sesame")), expected);
    }
    assert_eq!(
        status(&mut server, ADDR, &publish(KEY)),
        429,
        "nothing is checked"
    );
    assert_eq!(status(&mut server, "192.0.2.2:1000", &publish(KEY)), 200);
    // Streams have a bucket of their own.
    assert_eq!(status(&mut server, ADDR, &get("/sse/a")), 200);
    server.wait(Duration::from_millis(500));
    assert_eq!(status(&mut server, ADDR, &publish(KEY)), 200);
    let counters = server.counters();
    assert_eq!(counters.denied[Denial::ApiKey.index()], 2);
    assert_eq!(counters.denied[Denial::Throttled.index()], 3);
}

#[test]
fn a_client_without_a_key_may_ask_again() {
    let mut server = server();
    let client = server.connect_from(ADDR.parse().ok());
    let request = publish("").replacen("X-API-Key: \r\n", "", 1);
    for _ in 0..5 {
        server.send(client, &request);
        assert_eq!(statuses(&server.take(client)), [401]);
    }
    assert_eq!(status(&mut server, ADDR, &publish(KEY)), 200);
}
