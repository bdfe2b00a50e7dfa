//! Pages of other origins, and what browsers ask for them.

use corecast::counters::{Limit, status_index};
use corecast::limits::BODY_TIMEOUT;
use std::time::Duration;

use corecast::{CloseReason, Config, Origins};

use crate::http::server::Server;
use crate::http::statuses;

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn request(line: &str, origin: &str, fields: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: here:8080\r\nOrigin: {origin}\r\n{fields}\r\n")
}

#[test]
fn a_page_of_another_origin_is_refused_everywhere() {
    for (line, fields) in [
        ("GET /ws", UPGRADE),
        ("GET /sse/a", ""),
        ("GET /healthz", ""),
        ("POST /api/publish", "Content-Length: 0\r\n"),
        (
            "OPTIONS /api/publish",
            "Access-Control-Request-Method: POST\r\n",
        ),
    ] {
        let mut server = Server::new();
        let client = server.connect();
        server.send(client, request(line, "http://elsewhere", fields));
        let answer = server.take(client);
        assert_eq!(statuses(&answer), [403], "{line}");
        let told = server.stranger().unwrap();
        for words in ["\"http://elsewhere\"", "http.origins", "\"here:8080\""] {
            assert!(answer.contains(words), "{line}: {answer}");
            assert!(told.contains(words), "{line}: {told}");
        }
        assert!(!answer.contains("Access-Control-Allow-Origin"), "{line}");
        assert_eq!(server.ended(client), Some(CloseReason::Refused(403)));
        assert_eq!(server.counters().limited[Limit::Origin.index()], 1);
        let client = server.connect();
        server.send(client, request(line, "http://here:8080", fields));
        let answer = server.take(client);
        assert!(!answer.starts_with("HTTP/1.1 403"), "{line}: {answer}");
    }
}

#[test]
fn a_page_that_is_allowed_may_read_what_it_asks_for() {
    let mut server = Server::with(Config {
        origins: Origins::parse(["https://app.example.com"]).unwrap(),
        ..Config::default()
    });
    let origin = "https://app.example.com";
    let says = format!(
        "\r\nAccess-Control-Allow-Origin: {origin}\r\n\
         Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n"
    );
    for line in [
        "GET /sse/a",
        "GET /healthz",
        "POST /api/nothing",
        "HEAD /sse/a",
    ] {
        let client = server.connect();
        server.send(client, request(line, origin, ""));
        let answer = server.take(client);
        assert!(answer.contains(&says), "{line}: {answer}");
    }
    let client = server.connect();
    let fields = "Access-Control-Request-Method: POST\r\n\
        Access-Control-Request-Headers: X-API-Key, Content-Type\r\n";
    server.send(client, request("OPTIONS /api/publish", origin, fields));
    let answer = server.take(client);
    assert_eq!(statuses(&answer), [204]);
    for field in [
        &*says,
        "\r\nAccess-Control-Allow-Methods: POST\r\n",
        "\r\nAccess-Control-Allow-Headers: X-API-Key, Content-Type\r\n",
    ] {
        assert!(answer.contains(field), "{answer}");
    }
    // A list is the whole list.
    let client = server.connect();
    server.send(client, request("GET /healthz", "http://here:8080", ""));
    assert_eq!(statuses(&server.take(client)), [403]);
}

#[test]
fn a_page_that_is_allowed_may_read_why_it_is_refused() {
    let origin = "https://app.example.com";
    let chunked = "Transfer-Encoding: chunked\r\n";
    let long = "Content-Length: 99999999\r\n";
    for (line, fields, body, status) in [
        ("GET /", long, "", 413),
        ("GET /", chunked, "?", 400),
        ("GET /", "Content-Length: 9\r\n", "x", 408),
        ("POST /api/publish", chunked, "", 401),
        ("POST /ws", "Upgrade: websocket\r\n", "", 405),
    ] {
        let mut server = Server::with(Config {
            origins: Origins::parse(["https://*.example.com"]).unwrap(),
            ..Config::default()
        });
        let client = server.connect();
        server.send(client, request(line, origin, fields) + body);
        server.wait(2 * BODY_TIMEOUT);
        let answer = server.take(client);
        assert_eq!(statuses(&answer), [status], "{line} {fields}");
        let says = format!("\r\nAccess-Control-Allow-Origin: {origin}\r\n");
        assert!(answer.contains(&says), "{line} {fields}: {answer}");
        assert_eq!(server.counters().requests, 1);
        assert_eq!(server.counters().refused[status_index(status)], 1);
    }
}

#[test]
fn pages_that_are_not_listed_by_name_are_given_no_credentials() {
    for (origins, origin) in [
        ("https://*.example.com", "https://app.example.com"),
        ("http://localhost:*", "http://localhost:3000"),
        ("null", "null"),
        ("file://", "file://"),
        ("*", "https://app.example.com"),
        ("self", "http://here:8080"),
    ] {
        let mut server = Server::with(Config {
            origins: Origins::parse([origins]).unwrap(),
            ..Config::default()
        });
        for line in ["GET /sse/a", "GET /healthz", "POST /api/publish"] {
            let client = server.connect();
            server.send(client, request(line, origin, ""));
            let answer = server.take(client);
            assert!(
                answer.contains("\r\nAccess-Control-Allow-Origin: "),
                "{answer}"
            );
            assert!(!answer.contains("Credentials"), "{answer}");
        }
    }
}

#[test]
fn the_log_has_one_refused_page_now_and_then() {
    let mut server = Server::new();
    let mut ask = |origin: &str| {
        let client = server.connect();
        server.send(client, request("GET /ws", origin, UPGRADE));
        server.wait(Duration::from_secs(1));
        server.stranger()
    };
    let told: Vec<_> = (0..25)
        .map(|nth| ask(&format!("http://page{nth}")))
        .collect();
    let told: Vec<_> = told.into_iter().flatten().collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[1].contains("\"http://page10\""), "{told:?}");
}

#[test]
fn options_without_an_origin_lists_the_methods_of_a_path() {
    let mut server = Server::new();
    let client = server.connect();
    for (path, methods) in [
        ("/sse/a", "GET, HEAD, OPTIONS"),
        ("/api/publish", "POST, OPTIONS"),
    ] {
        server.send(
            client,
            format!("OPTIONS {path} HTTP/1.1\r\nHost: a\r\n\r\n"),
        );
        let answer = server.take(client);
        assert_eq!(statuses(&answer), [204]);
        assert!(
            answer.contains(&format!("\r\nAllow: {methods}\r\n")),
            "{answer}"
        );
    }
}
