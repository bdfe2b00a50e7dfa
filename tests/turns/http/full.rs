//! Connections that are one too many.

use std::sync::Arc;
use std::time::Duration;

use corecast::address::admission::PerAddress;
use corecast::counters::{Limit, status_index};
use corecast::limits::{HANDSHAKE_TIMEOUT, OVERFLOW_MAX};
use corecast::{CloseReason, Config};

use crate::http::server::Server;
use crate::http::{get, statuses};

fn full() -> Server {
    Server::with(Config {
        connections_max: 0,
        ..Config::default()
    })
}

#[test]
fn a_surplus_connection_is_refused_when_it_asks_and_not_before() {
    let mut server = full();
    let client = server.connect_one_too_many();
    server.wait(HANDSHAKE_TIMEOUT / 2);
    assert_eq!(server.take(client), "");
    server.send(client, "GET / HT");
    assert_eq!(server.take(client), "");
    server.send(client, "TP/1.1\r\nHost: a\r\n\r\n");
    let answer = server.take(client);
    assert_eq!(statuses(&answer), [503]);
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    assert_eq!(server.ended(client), Some(CloseReason::Overload));
    let counters = server.counters();
    assert_eq!(counters.limited[Limit::Connections.index()], 1);
    assert_eq!(counters.refused[status_index(503)], 1);
}

#[test]
fn a_surplus_connection_that_asks_nothing_gets_no_answer() {
    let mut server = full();
    let silent = server.connect_one_too_many();
    let slow = server.connect_one_too_many();
    server.send(slow, "GET");
    server.wait(HANDSHAKE_TIMEOUT + Duration::from_millis(200));
    assert_eq!(server.take(silent), "");
    assert_eq!(server.ended(silent), Some(CloseReason::HandshakeTimeout));
    assert_eq!(statuses(&server.take(slow)), [408]);
}

#[test]
fn the_health_check_answers_when_the_server_is_full() {
    let mut server = full();
    for line in ["GET /healthz", "HEAD /healthz", "GET /healthz?from=kubelet"] {
        let client = server.connect_one_too_many();
        server.send(client, format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = server.take(client);
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n"),
            "{line}: {answer}"
        );
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        assert_eq!(server.ended(client), Some(CloseReason::Answered));
    }
    let upgrade = "GET /healthz HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
    let post = "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
    for request in [&get("/"), &get("/sse/a"), upgrade, post] {
        let client = server.connect_one_too_many();
        server.send(client, request);
        assert_eq!(statuses(&server.take(client)), [503], "{request}");
    }
}

#[test]
fn the_health_check_answers_an_address_at_its_limit() {
    let mut server = Server::new();
    server.limit_addresses(Arc::new(PerAddress::new(1, 16)));
    let addr = "192.0.2.1:1000".parse().ok();
    let first = server.connect_from(addr);
    server.send(first, get("/"));
    assert_eq!(statuses(&server.take(first)), [200]);
    for (path, status) in [("/healthz", 200), ("/", 429), ("/healthz", 200)] {
        let client = server.connect_from(addr);
        assert_eq!(server.take(client), "");
        server.send(client, get(path));
        assert_eq!(statuses(&server.take(client)), [status], "{path}");
        server.end(client);
    }
    // A refused connection does not count, and leaves no trace.
    server.end(first);
    let next = server.connect_from(addr);
    server.send(next, get("/"));
    assert_eq!(statuses(&server.take(next)), [200]);
}

#[test]
fn the_oldest_of_many_that_are_too_many_gives_way() {
    let mut server = full();
    let clients: Vec<_> = (0..OVERFLOW_MAX + 3)
        .map(|_| server.connect_one_too_many())
        .collect();
    server.wait(Duration::from_millis(10));
    for (at, client) in clients.iter().enumerate() {
        assert_eq!(server.is_there(*client), 3 <= at, "{at}");
    }
    // So a health check gets through, whatever else connects.
    let probe = server.connect_one_too_many();
    server.send(probe, get("/healthz"));
    assert_eq!(statuses(&server.take(probe)), [200]);
}

#[test]
fn a_connection_that_a_proxy_keeps_counts_for_no_client_between_requests() {
    let client = |request: &str| {
        let named = "Host: here\r\nX-Forwarded-For: 192.0.2.1";
        request.replacen("Host: here", named, 1)
    };
    let post = client("POST /api/publish HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\n");
    for (pieces, answers) in [
        (vec![client(&get("/healthz"))], vec![200]),
        (vec![post.clone() + "123456789"], vec![401]),
        // An answer before the body has come.
        (
            vec![post.clone(), "12345".to_owned(), "6789".to_owned()],
            vec![401],
        ),
        (vec![post.clone() + "1234", "56789".to_owned()], vec![401]),
        // The next head has begun before the answer is sent.
        (vec![client(&get("/healthz")) + "GET"], vec![200]),
        (vec![post, "123456789GET".to_owned()], vec![401]),
    ] {
        let mut server = Server::with(Config {
            trusted_proxies: ["127.0.0.1/32".parse().unwrap()].into_iter().collect(),
            ..Config::default()
        });
        server.limit_addresses(Arc::new(PerAddress::new(1, 16)));
        let proxy = "127.0.0.1:1000".parse().ok();
        let kept = server.connect_from(proxy);
        for piece in &pieces {
            server.send(kept, piece);
        }
        assert_eq!(statuses(&server.take(kept)), answers, "{pieces:?}");
        let own = server.connect_from("192.0.2.1:1000".parse().ok());
        server.send(own, get("/"));
        assert_eq!(statuses(&server.take(own)), [200], "{pieces:?}");
    }
}
