//! Connections that ask too slowly, or nothing more.

use std::time::Duration;

use corecast::CloseReason;
use corecast::counters::status_index;
use corecast::limits::{BODY_TIMEOUT, HANDSHAKE_TIMEOUT, KEEP_ALIVE_TIMEOUT, STALL_TIMEOUT};

use crate::http::server::Server;
use crate::http::{get, statuses};

/// More than the precision of deadlines.
const MOMENT: Duration = Duration::from_millis(200);

#[test]
fn a_head_has_a_time_that_begins_with_its_first_byte() {
    let mut server = Server::new();
    let client = server.connect();
    server.wait(HANDSHAKE_TIMEOUT - MOMENT);
    server.send(client, get("/healthz"));
    assert_eq!(statuses(&server.take(client)), [200]);
    server.wait(HANDSHAKE_TIMEOUT + MOMENT);
    server.send(client, "G");
    server.wait(HANDSHAKE_TIMEOUT - MOMENT);
    server.send(client, "E");
    assert_eq!(server.take(client), "");
    server.wait(2 * MOMENT);
    assert_eq!(statuses(&server.take(client)), [408]);
    assert_eq!(server.ended(client), Some(CloseReason::HandshakeTimeout));
    assert_eq!(server.counters().requests, 2);
    assert_eq!(server.counters().refused[status_index(408)], 1);
}

#[test]
fn a_connection_that_times_out_without_a_request_gets_no_answer() {
    let mut server = Server::new();
    let silent = server.connect();
    let lines = server.connect();
    server.send(lines, "\r\n\r\n\r");
    let begun = server.connect();
    server.send(begun, "G");
    server.wait(HANDSHAKE_TIMEOUT + MOMENT);
    for client in [silent, lines] {
        assert_eq!(server.take(client), "");
        assert_eq!(server.ended(client), Some(CloseReason::HandshakeTimeout));
    }
    assert_eq!(statuses(&server.take(begun)), [408]);
    assert_eq!(server.counters().requests, 1);
}

#[test]
fn a_first_head_is_due_since_the_connection_came() {
    let mut server = Server::new();
    let client = server.connect();
    server.wait(HANDSHAKE_TIMEOUT / 2);
    server.send(client, "GET");
    server.wait(HANDSHAKE_TIMEOUT / 2 + MOMENT);
    assert_eq!(statuses(&server.take(client)), [408]);
}

#[test]
fn a_body_has_a_time_that_begins_with_the_end_of_its_head() {
    let mut server = Server::new();
    let client = server.connect();
    server.send(
        client,
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
    );
    for _ in 0..5 {
        server.wait((BODY_TIMEOUT - MOMENT) / 5);
        server.send(client, "x");
    }
    assert_eq!(server.take(client), "");
    server.wait(2 * MOMENT);
    assert_eq!(statuses(&server.take(client)), [408]);
}

#[test]
fn a_connection_that_asks_nothing_more_is_closed_without_a_word() {
    let mut server = Server::new();
    let client = server.connect();
    server.send(client, get("/healthz"));
    server.take(client);
    for _ in 0..3 {
        server.wait(KEEP_ALIVE_TIMEOUT - MOMENT);
        server.send(client, get("/healthz"));
        assert_eq!(statuses(&server.take(client)), [200]);
    }
    server.wait(KEEP_ALIVE_TIMEOUT - MOMENT);
    assert_eq!(server.ended(client), None);
    server.wait(2 * MOMENT);
    assert_eq!(server.ended(client), Some(CloseReason::IdleTimeout));
    assert_eq!(server.take(client), "");
}

#[test]
fn an_empty_line_behind_a_request_does_not_begin_the_next() {
    let mut server = Server::new();
    let client = server.connect();
    server.send(client, get("/healthz") + "\r\n");
    assert_eq!(statuses(&server.take(client)), [200]);
    server.wait(KEEP_ALIVE_TIMEOUT - MOMENT);
    server.send(client, get("/healthz"));
    assert_eq!(statuses(&server.take(client)), [200]);
}

#[test]
fn a_client_that_takes_no_answer_is_closed() {
    let mut server = Server::new();
    let client = server.connect();
    server.block(true, &[]);
    server.send(client, get("/healthz"));
    for _ in 0..40 {
        server.wait(Duration::from_secs(1));
    }
    assert_eq!(server.ended(client), Some(CloseReason::Stalled));
}

#[test]
fn an_answer_is_not_cut_while_its_client_takes_some_of_it() {
    let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned();
    for (request, ended) in [
        (close, CloseReason::Answered),
        (get("/"), CloseReason::IdleTimeout),
    ] {
        let mut server = Server::new();
        let client = server.connect();
        server.block(true, &[]);
        server.send(client, request);
        let mut answer = String::new();
        for _ in 0..5 {
            server.wait(STALL_TIMEOUT - MOMENT);
            server.read(client, 10);
            answer += &server.take(client);
            assert_eq!(answer.len() % 10, 0);
        }
        assert_eq!(answer.len(), 50);
        server.block(false, &[client]);
        answer += &server.take(client);
        assert_eq!(statuses(&answer), [200]);
        server.wait(KEEP_ALIVE_TIMEOUT - MOMENT);
        server.wait(2 * MOMENT);
        assert_eq!(server.ended(client), Some(ended));
    }
}

#[test]
fn a_connection_may_be_idle_from_when_it_has_its_answer() {
    let mut server = Server::new();
    let client = server.connect();
    server.block(true, &[]);
    server.send(client, get("/healthz"));
    server.wait(STALL_TIMEOUT - MOMENT);
    server.block(false, &[client]);
    assert_eq!(statuses(&server.take(client)), [200]);
    server.wait(KEEP_ALIVE_TIMEOUT - MOMENT);
    assert_eq!(server.ended(client), None);
    server.wait(2 * MOMENT);
    assert_eq!(server.ended(client), Some(CloseReason::IdleTimeout));
}

#[test]
fn a_closing_connection_that_takes_nothing_of_its_answer_is_cut_off() {
    let mut server = Server::new();
    let client = server.connect();
    server.block(true, &[]);
    let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    server.send(client, close);
    server.wait(STALL_TIMEOUT - MOMENT);
    assert!(server.is_there(client));
    server.wait(2 * MOMENT);
    assert!(!server.is_there(client));
}

#[test]
fn a_socket_is_kept_until_it_has_passed_on_the_last_word() {
    for release in [true, false] {
        let mut server = Server::new();
        let client = server.connect();
        server.hold(true, &[client]);
        let request = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        server.send(client, request);
        server.end(client);
        server.wait(STALL_TIMEOUT - MOMENT);
        assert!(server.is_there(client));
        if release {
            server.hold(false, &[client]);
        } else {
            server.wait(2 * MOMENT);
        }
        assert!(!server.is_there(client));
    }
}
