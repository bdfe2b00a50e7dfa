//! Connections that the kernel keeps back until their client has spoken.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use corecast::{Balance, Config, Listener, Server, ServerBuilder};

use crate::support::http::{is_served, read_answer, read_head, upgrade_request};
use crate::support::server::{ANY, Running};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::wait::{now, wait_until};
use crate::support::ws::Ws;

/// The kernel keeps a connection back for a second: what is found out in less is about that.
const SHORT: Duration = Duration::from_millis(500);
/// A drain listens on for a fifth of one.
const GRACE: Duration = Duration::from_millis(100);
/// Tries of what a slow machine may spoil.
const TRIES: usize = 20;

fn builder(listener: Listener) -> ServerBuilder {
    Server::builder().shards(2).pin(false).listen(listener)
}

fn silent(server: &Running, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| dial(server.http())).collect()
}

/// Whether a try was quick enough for what it found to count; the last must be.
fn tries(mut is_quick: impl FnMut() -> bool) {
    assert!(
        (0..TRIES).any(|_| is_quick()),
        "the machine is too slow to tell"
    );
}

#[test]
fn a_client_that_says_nothing_costs_no_connection_at_first() {
    for balance in [Balance::Hash, Balance::Even] {
        tries(|| {
            let server = Running::start(builder(Listener::http(ANY).balance(balance)));
            let begun = now();
            let _silent = silent(&server, 20);
            let _open = Ws::connect(server.http(), "/ws/lobby");
            wait_until("it is counted", || 0 < server.counters().accepted);
            let accepted = server.counters().accepted;
            let is_quick = begun.elapsed() < SHORT;
            assert!(!is_quick || accepted == 1, "{accepted}");
            is_quick
        });
    }
}

#[test]
fn a_listener_that_does_not_defer_accepts_silent_clients() {
    let server = Running::start(builder(Listener::http(ANY).defer_accept(false)));
    let _silent = silent(&server, 20);
    wait_until("all are accepted", || server.counters().accepted == 20);
}

#[test]
fn nothing_is_deferred_where_a_handshake_has_less_than_two_seconds() {
    let server = builder(Listener::http(ANY)).config(Config {
        handshake_timeout: Duration::from_millis(1_900),
        ..Config::default()
    });
    tries(|| {
        let server = Running::start(server.clone());
        let begun = now();
        let _silent = silent(&server, 20);
        wait_until("all are accepted", || server.counters().accepted == 20);
        begun.elapsed() < SHORT
    });
}

#[test]
fn a_client_that_says_nothing_is_ended_in_time() {
    let server = builder(Listener::http(ANY)).config(Config {
        handshake_timeout: Duration::from_secs(2),
        ..Config::default()
    });
    let server = Running::start(server);
    for mut client in silent(&server, 20) {
        read_to_the_end(&mut client);
    }
}

#[test]
fn a_client_that_speaks_late_is_served() {
    let server = Running::start(builder(Listener::http(ANY)));
    let mut late = dial(server.http());
    wait_until("it is accepted", || server.counters().accepted == 1);
    late.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    assert_eq!(read_answer(&mut late).status, 200);
}

#[test]
fn a_request_that_comes_in_pieces_is_answered() {
    let server = Running::start(builder(Listener::http(ANY)));
    let request = upgrade_request("/ws/lobby");
    for (count, cut) in (1..).zip([1, 20, request.len() - 1]) {
        let mut client = dial(server.http());
        let (first, rest) = request.split_at(cut);
        client.write_all(first.as_bytes()).unwrap();
        wait_until("it is accepted", || server.counters().accepted == count);
        client.write_all(rest.as_bytes()).unwrap();
        assert_eq!(read_head(&mut client).status, 101);
    }
}

#[test]
fn a_drain_serves_requests_on_their_way() {
    for balance in [Balance::Hash, Balance::Even] {
        tries(|| {
            let server = Running::start(builder(Listener::http(ANY).balance(balance)));
            let clients = silent(&server, 64);
            let begun = now();
            server.handle().drain();
            let asked: Vec<_> = clients.into_iter().map(ask_to_upgrade).collect();
            if GRACE < begun.elapsed() {
                return false;
            }
            for client in asked {
                let mut client = client.unwrap();
                assert_eq!(read_head(&mut client).status, 101);
            }
            server.join();
            true
        });
    }
}

fn ask_to_upgrade(mut client: TcpStream) -> std::io::Result<TcpStream> {
    client.write_all(upgrade_request("/ws/lobby").as_bytes())?;
    Ok(client)
}

#[test]
fn a_server_that_has_drained_listens_no_more() {
    let server = Running::start(builder(Listener::http(ANY)));
    assert!(is_served(server.http()));
    let addr = server.http();
    server.handle().drain();
    server.join();
    assert!(TcpStream::connect(addr).is_err());
}
