//! Requests that their heads decide.

use corecast::Config;

use crate::http::server::{KEY, Server};
use crate::http::{get, statuses};

/// The head of a request with a body.
fn head(path: &str, fields: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn a_request_without_the_key_is_refused_by_its_head_and_its_body_not_kept() {
    for (path, refusal) in [
        ("/api/publish", 401),
        ("/api/batch", 401),
        ("/api/survey", 404),
        ("/nowhere", 404),
        ("/", 405),
        ("/ws/a", 405),
    ] {
        let mut server = Server::new();
        let client = server.connect();
        server.send(client, head(path, "Content-Length: 1000000\r\n"));
        assert_eq!(statuses(&server.take(client)), [refusal], "{path}: at once");
        for _ in 0..10 {
            server.send(client, vec![b'{'; 100_000]);
            assert_eq!(server.counters().assembly_bytes, 0, "{path}");
        }
        server.send(client, get("/healthz"));
        assert_eq!(statuses(&server.take(client)), [200], "{path}: the next");

        let chunked = head(path, "Transfer-Encoding: chunked\r\n");
        server.send(client, chunked + "5\r\nhello\r\n");
        server.send(client, format!("0\r\n\r\n{}", get("/healthz")));
        assert_eq!(
            statuses(&server.take(client)),
            [refusal, 200],
            "{path}: chunked"
        );
    }
}

#[test]
fn after_a_wrong_key_the_connection_is_closed_and_the_body_not_kept() {
    let mut server = Server::new();
    let client = server.connect();
    let fields = "X-API-Key: wrong\r\nContent-Length: 1000000\r\n";
    server.send(client, head("/api/publish", fields));
    let answer = server.take(client);
    assert_eq!(statuses(&answer), [401]);
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    server.send(client, vec![b'{'; 100_000]);
    assert_eq!(server.counters().assembly_bytes, 0);
}

#[test]
fn a_refused_request_that_expects_continue_is_answered_before_its_body() {
    let expects = "Expect: 100-continue\r\nContent-Length: 1000000\r\n";
    let mut server = Server::new();
    let client = server.connect();
    server.send(client, head("/api/publish", expects));
    let answer = server.take(client);
    assert_eq!(statuses(&answer), [401]);
    // Whether the body comes is the client's choice: what comes next cannot be told.
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    let client = server.connect();
    let key = format!("X-API-Key: {KEY}\r\n{expects}");
    server.send(client, head("/api/publish", &key));
    assert!(server.take(client).starts_with("HTTP/1.1 100 "));
}

#[test]
fn a_request_is_answered_once_whatever_becomes_of_the_body_that_is_discarded() {
    let mut server = Server::new();
    let client = server.connect();
    server.send(client, head("/api/publish", "Content-Length: 10\r\n"));
    assert_eq!(statuses(&server.take(client)), [401]);
    server.wait(Config::default().body_timeout);
    assert_eq!(server.take(client), "", "late");
    assert!(server.ended(client).is_some());

    let client = server.connect();
    server.send(
        client,
        head("/api/publish", "Transfer-Encoding: chunked\r\n"),
    );
    assert_eq!(statuses(&server.take(client)), [401]);
    server.send(client, "no size\r\n");
    assert_eq!(server.take(client), "", "nonsense");
    assert!(server.ended(client).is_some());
}
