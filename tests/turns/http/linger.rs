//! After the last word: what still comes is discarded until the client has it.

use std::time::Duration;

use corecast::Config;
use corecast::limits::{
    BODY_BYTES_MAX, LINGER_BYTES_PER_STEP, LINGER_MOMENT, LINGER_SILENCE, LINGER_STEP, LINGER_TIME,
};

use crate::http::server::{Client, Server};
use crate::http::{get, statuses};

/// One look at a connection that lingers, and more than the grain of deadlines.
const LOOK: Duration = LINGER_STEP.saturating_add(Duration::from_millis(200));

/// A client that was told something as its last, by the request that made it so.
fn told(server: &mut Server, request: &str, status: u16) -> Client {
    let client = server.connect();
    server.send(client, request);
    assert_eq!(statuses(&server.take(client)), [status], "{request}");
    client
}

fn too_long() -> String {
    let length = BODY_BYTES_MAX + 1;
    format!("POST /api/publish HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn a_body_that_is_too_long_is_read_for_as_long_as_it_comes() {
    let fields = "X: y\r\n".repeat(5_000);
    for (request, status) in [
        (too_long(), 413),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}"), 431),
        (
            "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n".to_owned(),
            400,
        ),
        (
            get("/healthz").replace("Host", "Connection: close\r\nHost"),
            200,
        ),
    ] {
        let mut server = Server::new();
        let client = told(&mut server, &request, status);
        for _ in 0..20 {
            server.send(client, vec![b'x'; 64 << 10]);
            server.wait(LINGER_MOMENT / 2);
            assert!(server.is_there(client), "{status} is lost");
        }
        assert_eq!(server.take(client), "", "one answer is enough");
        server.end(client);
        assert!(!server.is_there(client), "it has it");
    }
}

#[test]
fn a_client_that_has_all_and_is_silent_is_let_go_after_a_moment() {
    let mut server = Server::new();
    let client = told(&mut server, &too_long(), 413);
    server.wait(LINGER_MOMENT - 2 * LOOK);
    assert!(server.is_there(client));
    server.wait(LOOK);
    server.wait(LOOK);
    server.wait(LOOK);
    assert!(!server.is_there(client));
}

#[test]
fn a_client_that_takes_what_it_was_sent_slowly_is_waited_for() {
    let mut server = Server::new();
    server.sockets.unsent = 1_000_000;
    let client = told(&mut server, &too_long(), 413);
    let mut passed = Duration::ZERO;
    while passed + LOOK < LINGER_TIME {
        server.wait(LOOK);
        passed += LOOK;
        server.sockets.unsent -= 1;
        assert!(server.is_there(client), "after {passed:?}");
    }
    // But not for ever.
    server.wait(LOOK);
    server.wait(LOOK);
    assert!(!server.is_there(client));
}

#[test]
fn a_client_whose_host_confirms_nothing_is_given_up() {
    let mut server = Server::new();
    server.sockets.unsent = 100;
    let client = told(&mut server, &too_long(), 413);
    let mut passed = Duration::ZERO;
    while passed + 2 * LOOK < LINGER_SILENCE {
        server.wait(LOOK);
        passed += LOOK;
        assert!(server.is_there(client), "after {passed:?}");
    }
    for _ in 0..4 {
        server.wait(LOOK);
    }
    assert!(!server.is_there(client));
}

#[test]
fn what_is_discarded_has_a_rate() {
    let mut server = Server::new();
    let client = told(&mut server, &too_long(), 413);
    let piece = 64 << 10;
    let mut steps = 0;
    for _ in 0..3 {
        let mut read = 0;
        while server.reads(client) {
            server.send(client, vec![0; piece]);
            read += piece;
            assert!(read <= LINGER_BYTES_PER_STEP, "it is read without end");
        }
        assert_eq!(read, LINGER_BYTES_PER_STEP);
        server.wait(LOOK);
        steps += 1;
    }
    assert_eq!(steps, 3);
    assert_eq!(server.counters().paused, 0);
}

#[test]
fn of_too_many_that_linger_the_oldest_go() {
    let config = Config {
        connections_max: 40,
        ..Config::default()
    };
    let mut server = Server::with(config);
    let clients: Vec<Client> = (0..30)
        .map(|_| told(&mut server, &too_long(), 413))
        .collect();
    let there: Vec<bool> = clients
        .iter()
        .map(|client| server.is_there(*client))
        .collect();
    assert_eq!(there.iter().filter(|there| **there).count(), 10);
    assert!(there[20..].iter().all(|there| *there), "the newest");
}

#[test]
fn a_drain_waits_a_moment_for_clients_that_have_everything_and_still_send() {
    let mut server = Server::new();
    let before = told(&mut server, &too_long(), 413);
    let client = server.connect();
    server.drain();
    let mut passed = Duration::ZERO;
    let mut closed = None;
    while server.is_there(client) {
        for client in [before, client] {
            server.send(client, [0; 100]);
        }
        server.wait(LINGER_STEP / 5);
        passed += LINGER_STEP / 5;
        closed = closed.or_else(|| server.ended(client).map(|_| passed));
        assert!(passed < LINGER_TIME, "they go on for ever");
    }
    let lingered = passed - closed.unwrap();
    assert!((LINGER_MOMENT - LOOK..LINGER_MOMENT + LOOK).contains(&lingered));
    assert!(!server.is_there(before));
}

#[test]
fn a_drain_waits_until_its_end_for_clients_that_lack_something() {
    let drain_timeout = LINGER_TIME / 3;
    let mut server = Server::with(Config {
        drain_timeout,
        ..Config::default()
    });
    server.sockets.unsent = 1_000_000;
    let client = told(&mut server, &too_long(), 413);
    server.drain();
    let mut passed = LOOK;
    while passed < drain_timeout {
        assert!(server.is_there(client), "after {passed:?}");
        server.sockets.unsent -= 1;
        server.wait(LOOK);
        passed += LOOK;
    }
    server.wait(LOOK);
    assert!(!server.is_there(client));
}
