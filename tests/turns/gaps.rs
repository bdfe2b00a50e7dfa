//! A shard that did not run for a while: what came meanwhile is read before any client is late.

use std::time::Duration;

use corecast::limits::EVENTS_PER_POLL;
use corecast::shard::core::conns::grace::Polled;
use corecast::{CloseReason, Config, ConnId};

use crate::frame;
use crate::server::Server;

/// More than three polls tell of.
const CLIENTS: usize = 3 * EVENTS_PER_POLL + 100;
const STOP: Duration = Duration::from_secs(7);
const PONG: u8 = 0x8a;
const UPGRADE: &str = "GET /sub/a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const GET: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST /api/publish HTTP/1.1\r\nHost: a\r\nX-API-Key: open sesame\r\n\
    Content-Length: 9\r\n\r\n";

fn server() -> Server {
    let seconds = Duration::from_secs;
    let mut server = Server::with(Config {
        handshake_timeout: seconds(4),
        body_timeout: seconds(5),
        keep_alive_timeout: seconds(5),
        ping_interval: seconds(1),
        pong_timeout: seconds(6),
        tcp_idle_timeout: Some(seconds(5)),
        ..Config::default()
    });
    server.begin();
    server
}

/// The shard is stopped, and meanwhile each client sends something; then polls report that, for so
/// many at once.
fn stop(server: &mut Server, clients: &[ConnId], said: &[u8], gap: Duration) {
    server.shard.pass(STOP);
    for polled in clients.chunks(EVENTS_PER_POLL) {
        let is_full = polled.len() == EVENTS_PER_POLL;
        server.shard.core.note_polled(Polled { is_full, gap });
        for &client in polled {
            server.arrive(client, said);
        }
        server.turn();
    }
    server.rest();
}

fn closed(server: &mut Server) -> u64 {
    server.shard.counters().closed.iter().sum()
}

#[test]
fn no_client_that_sent_during_a_gap_is_late() {
    let opened: [(&str, &[u8]); 5] = [
        ("", GET.as_bytes()),
        (GET, GET.as_bytes()),
        (POST, b"{\"a\": 1}\n"),
        (UPGRADE, &[PONG, 0x80, 0, 0, 0, 0]),
        ("tcp", &[0, 0, 0, 0]),
    ];
    for (first, then) in opened {
        let mut server = server();
        let clients: Vec<ConnId> = (0..CLIENTS)
            .map(|_| match first {
                "tcp" => server.shard.connect_tcp("a"),
                _ => server.shard.connect(),
            })
            .collect();
        for &client in clients
            .iter()
            .filter(|_| !first.is_empty() && first != "tcp")
        {
            server.arrive(client, first.as_bytes());
        }
        server.rest();
        if first == UPGRADE {
            // They are pinged.
            server.shard.pass(Duration::from_millis(1_500));
            server.rest();
            assert_eq!(server.shard.counters().pings, CLIENTS as u64);
        }
        stop(&mut server, &clients, then, Duration::ZERO);
        assert_eq!(closed(&mut server), 0, "{first}");
        let connections = server.shard.counters().connections;
        assert_eq!(connections, CLIENTS as u64, "{first}");
    }
}

#[test]
fn a_client_that_sent_nothing_is_late_once_all_events_are_seen() {
    let mut server = server();
    let clients: Vec<ConnId> = (0..CLIENTS).map(|_| server.shard.connect()).collect();
    server.shard.connect();
    server.rest();
    stop(&mut server, &clients, GET.as_bytes(), Duration::ZERO);
    assert_eq!(closed(&mut server), 1);
}

#[test]
fn a_client_that_needs_an_answer_first_has_the_time_of_a_gap_again() {
    let mut server = server();
    let client = server.shard.connect();
    server.rest();
    // Half of a head is all that it could send.
    stop(&mut server, &[client], &GET.as_bytes()[..9], STOP);
    assert_eq!(closed(&mut server), 0);
    server.shard.pass(Duration::from_secs(6));
    server.arrive(client, &GET.as_bytes()[9..]);
    server.rest();
    assert!(server.shard.take(client).starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn a_reader_whose_socket_takes_bytes_again_has_not_stalled() {
    let mut server = server();
    let client = server.shard.upgrade("/echo", "");
    server.shard.take_at_most(10);
    server.arrive(client, &frame(0x81, &[b'a'; 100]));
    server.rest();
    assert_eq!(server.shard.counters().short_writes, 1);
    server.shard.pass(Config::default().stall_timeout * 2);
    server.shard.core.note_polled(Polled::default());
    server.shard.core.handle_writable(client);
    server.rest();
    let stalled = CloseReason::Stalled.index();
    assert_eq!(server.shard.counters().closed[stalled], 0);
}
