//! How large the head of a request may be.

use corecast::limits::{HEAD_BYTES_MAX, HEADERS_MAX};
use corecast::{Config, HeadLimits};

use crate::http::server::{Client, KEY, Server};
use crate::http::statuses;

/// A head of so many bytes and fields.
fn head(bytes: usize, fields: usize) -> String {
    let mut head = "GET /healthz HTTP/1.1\r\nHost: a\r\n".to_owned();
    head += &"A: b\r\n".repeat(fields - 2);
    let pad = bytes - head.len() - "B: \r\n\r\n".len();
    head + "B: " + &"x".repeat(pad) + "\r\n\r\n"
}

fn ask(server: &mut Server, request: &str) -> (Client, u16) {
    let client = server.connect();
    for piece in request.as_bytes().chunks(1000) {
        server.send(client, piece);
    }
    let answer = server.take(client);
    (client, statuses(&answer)[0])
}

#[test]
fn a_head_is_as_large_as_it_may_be_and_no_larger() {
    for limits in [
        HeadLimits::default(),
        HeadLimits {
            bytes_max: 5_000,
            fields_max: 40,
        },
        HeadLimits {
            bytes_max: 60_000,
            fields_max: 499,
        },
    ] {
        let mut server = Server::with(Config {
            head: limits,
            ..Config::default()
        });
        let HeadLimits {
            bytes_max: bytes,
            fields_max: fields,
        } = limits;
        assert_eq!(ask(&mut server, &head(bytes, fields)).1, 200);
        assert_eq!(ask(&mut server, &head(bytes + 1, fields)).1, 431);
        assert_eq!(ask(&mut server, &head(bytes, fields + 1)).1, 431);
    }
    let defaults = HeadLimits::default();
    assert_eq!(
        (defaults.bytes_max, defaults.fields_max),
        (HEAD_BYTES_MAX, HEADERS_MAX)
    );
}

#[test]
fn a_large_head_may_have_a_body() {
    let mut server = Server::new();
    let body = r#"{"channel":"a","data":1}"#;
    let publish = format!(
        "POST /api/publish HTTP/1.1\r\nX-API-Key: {KEY}\r\nContent-Length: {}\r\nCookie: a={}\r\n",
        body.len(),
        "c".repeat(9_000)
    );
    let request = format!("{publish}{}Host: a\r\n\r\n{body}", "X: y\r\n".repeat(60));
    assert_eq!(ask(&mut server, &request).1, 200);
}

#[test]
fn empty_lines_before_a_request_are_nothing() {
    let mut server = Server::new();
    let client = server.connect();
    for _ in 0..HEAD_BYTES_MAX {
        server.send(client, "\r\n");
    }
    assert_eq!(server.counters().assembly_bytes, 0);
    server.send(client, "\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(statuses(&server.take(client)), [200]);
}
