//! Requests that cannot be accepted, and those that ask for a page: each gets its answer.

use std::io::Write;
use std::time::Duration;

use corecast::limits::HEADERS_MAX;
use corecast::{CloseReason, Config};

use crate::bad_input::Scene;
use crate::support::http::{ask, read_answer, upgrade_request};
use crate::support::server::{Running, builder};
use crate::support::socket::{dial, is_reset, read_to_the_end};
use crate::support::wait::wait_until;

/// What a client sends, and the status and words of the answer.
type Case = (&'static str, String, u16, &'static str);

/// Each case on a connection of its own.
fn check(cases: &[Case]) {
    let mut scene = Scene::new();
    for (name, request, status, words) in cases {
        let mut stream = dial(scene.server.http());
        if let Err(err) = stream.write_all(request.as_bytes()) {
            // One that is refused before it was sent to the end.
            assert!(is_reset(&err), "{name}: {err}");
        }
        let answer = read_answer(&mut stream);
        assert_eq!(answer.status, *status, "{name}: {answer:?}");
        assert!(answer.body.contains(words), "{name}: {answer:?}");
        scene.check(name);
    }
    scene.wait_for_the_others();
}

fn plain(line: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// A good request to upgrade, but for one thing.
fn upgrade(good: &str, bad: &str) -> String {
    let request = upgrade_request("/ws");
    assert!(request.contains(good));
    request.replace(good, bad)
}

#[test]
fn what_is_not_there_is_answered_with_404_405_or_426() {
    check(&[
        ("no such path", plain("GET /nowhere"), 404, "see /"),
        ("no such path", upgrade("/ws", "/nowhere"), 404, "see /"),
        ("no such method", plain("POST /"), 405, "not allowed"),
        (
            "method of a path",
            plain("DELETE /ws/a"),
            405,
            "not allowed",
        ),
        ("method of an upgrade", upgrade("GET", "POST"), 405, "a GET"),
        ("no upgrade", plain("GET /ws"), 426, "Upgrade: websocket"),
        ("no upgrade", plain("GET /sub/a"), 426, "Upgrade: websocket"),
    ]);
}

#[test]
fn an_upgrade_with_wrong_or_missing_fields_is_refused() {
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let version = "Sec-WebSocket-Version: 13";
    let connection = "Connection: Upgrade";
    check(&[
        (
            "version",
            upgrade(version, "Sec-WebSocket-Version: 8"),
            426,
            "13",
        ),
        ("no version", upgrade(version, "X: y"), 426, "13"),
        ("no key", upgrade("Sec-WebSocket-Key", "X"), 400, "Key"),
        ("short key", upgrade(key, "dGhl"), 400, "16 bytes"),
        (
            "connection",
            upgrade(connection, "Connection: close"),
            400,
            "Connection",
        ),
        ("no host", upgrade("Host", "Guest"), 400, "Host"),
        ("HTTP/1.0", upgrade("HTTP/1.1", "HTTP/1.0"), 400, "HTTP/1.1"),
        ("no topic", upgrade("/ws", "/sub/"), 400, "topic is empty"),
        (
            "dots",
            upgrade("/ws", "/ws/%2e."),
            400,
            "must not be . or ..",
        ),
        ("bad escape", upgrade("/ws", "/ws/%zz"), 400, "hexadecimal"),
        ("topic not UTF-8", upgrade("/ws", "/sub/%ff"), 400, "UTF-8"),
        (
            "long topic",
            upgrade("/ws", &format!("/ws/{}", "t".repeat(256))),
            414,
            "255",
        ),
    ]);
}

#[test]
fn a_malformed_request_is_refused_with_the_reason() {
    let head = |fields: &str| format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let large = head(&format!("X: {}\r\n", "x".repeat(1 << 20)));
    let many = head(&"X: y\r\n".repeat(HEADERS_MAX));
    let bare_line_feeds = plain("GET /").replace("\r\n", "\n");
    let tls_hello = "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0".to_owned();
    let length_prefixed = "\0\0\0\u{5}hello\r\n".to_owned();
    check(&[
        ("1 MiB of header", large, 431, "too large"),
        ("40 header fields", many, 431, "too many"),
        ("HTTP/3", upgrade("HTTP/1.1", "HTTP/3.0"), 505, "HTTP/1.1"),
        ("bare line feeds", bare_line_feeds, 400, "CR LF"),
        ("a TLS handshake", tls_hello, 400, "not TLS"),
        (
            "a frame for the other port",
            length_prefixed,
            400,
            "request line",
        ),
    ]);
}

#[test]
fn answers_carry_the_fields_that_go_with_their_status() {
    let server = Running::start(builder(1));
    let answer = ask(server.http(), plain("GET /ws"));
    assert!(answer.head.contains("\r\nUpgrade: websocket"), "{answer:?}");
    let answer = ask(server.http(), plain("PUT /healthz"));
    assert!(answer.head.contains("\r\nAllow: GET, HEAD"), "{answer:?}");
    let wrong = upgrade_request("/ws").replace("Version: 13", "Version: 12");
    let answer = ask(server.http(), wrong);
    assert!(
        answer.head.contains("\r\nSec-WebSocket-Version: 13"),
        "{answer:?}"
    );
}

#[test]
fn pages_are_there_and_head_gets_their_heads() {
    let server = Running::start(builder(1));
    let health = ask(server.http(), plain("GET /healthz"));
    assert_eq!((health.status, &*health.body), (200, "ok\n"));
    let page = ask(server.http(), plain("GET /"));
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<!DOCTYPE html>"), "{page:?}");
    for (path, page) in [("/healthz", health), ("/", page)] {
        let head = ask(server.http(), plain(&format!("HEAD {path}")));
        assert_eq!((head.head, &*head.body), (page.head, ""));
    }
}

#[test]
fn a_request_that_does_not_come_is_answered_with_408() {
    let mut scene = Scene::with(Config {
        handshake_timeout: Duration::from_millis(200),
        ..Config::default()
    });
    let addr = scene.server.http();
    let mut silent = dial(addr);
    let mut slow = dial(addr);
    slow.write_all(b"GET /ws HTTP/1.1\r\nHost:").unwrap();
    let answer = read_answer(&mut slow);
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(answer.body.contains("in time"), "{answer:?}");
    assert_eq!(read_to_the_end(&mut silent), b"", "it has asked nothing");
    scene.check("408");
    let index = CloseReason::HandshakeTimeout.index();
    wait_until("counted", || scene.server.counters().closed[index] == 2);
}
