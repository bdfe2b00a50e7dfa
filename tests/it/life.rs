//! The program from its start to its end, and connections that show no sign of life.

use std::io::ErrorKind;
use std::time::Duration;

use corecast::{CloseReason, Config, Kind, Server};
use rustix::process::Signal;
use tungstenite::Message;

use crate::support::http::{ask, is_served, upgrade_request};
use crate::support::length_prefix::LengthPrefix;
use crate::support::program::Program;
use crate::support::raw_ws::{FIN, PING, PONG, RawWs, TEXT};
use crate::support::server::{Running, builder};
use crate::support::socket::{dial, dial_small, read_to_the_end};
use crate::support::wait::{now, wait_until};
use crate::support::ws::Ws;

fn check_drain(signal: Signal) {
    const MESSAGES: u32 = 300;
    let (mut program, http, tcp) = Program::serve(&["--shards", "2"]);
    let mut ws = Ws::connect(http, "/ws/lobby");
    let mut device = LengthPrefix::connect(tcp);
    // More than sockets hold: most of it is still the server's when it is told to go.
    let mut slow = Ws::over(dial_small(http), "/sub/lobby");
    let payload = |n: u32| [&n.to_be_bytes()[..], &[b'.'; 2_000]].concat();
    for n in 0..MESSAGES {
        ws.send_binary(&payload(n));
        assert_eq!(ws.next_payload(), payload(n));
        assert_eq!(device.next(), payload(n));
    }
    program.signal(signal);
    program.wait_for("draining");
    for n in 0..MESSAGES {
        assert_eq!(slow.next_payload(), payload(n), "published before the end");
    }
    for client in [&mut ws, &mut slow] {
        let close = client.expect_close();
        assert_eq!(
            close,
            (1001, "server shuts down; retry-after=1s".to_owned())
        );
    }
    assert_eq!(device.next_or_end(), None);
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.ends_with("stopped"), "{log}");
}

#[test]
fn a_server_without_listeners_drains() {
    let server = Running::start(Server::builder().shards(2).pin(false));
    server.handle().drain();
    server.join();
}

#[test]
fn sigterm_delivers_says_goodbye_and_exits_with_0() {
    check_drain(Signal::TERM);
}

#[test]
fn sigint_drains_the_server() {
    check_drain(Signal::INT);
}

#[test]
fn a_second_signal_exits_at_once_with_1() {
    let (mut program, http, _) = Program::serve(&["--shards", "2"]);
    // A client that does not read delays a drain by half a minute.
    let (_ws, _slow) = Ws::with_slow(http);
    program.signal(Signal::TERM);
    program.wait_for("draining");
    program.signal(Signal::TERM);
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(1), "{log}");
}

#[test]
fn a_second_server_on_a_port_is_a_clear_error() {
    let (program, http, tcp) = Program::serve(&[]);
    for (flag, addr, other) in [("--http", http, "--tcp"), ("--tcp", tcp, "--http")] {
        let addr = addr.to_string();
        let second = Program::run(&["serve", flag, &addr, other, "127.0.0.1:0"]);
        let (status, log) = second.wait();
        assert_eq!(status.code(), Some(2), "{log}");
        assert!(log.contains(&format!("cannot listen on {addr}")), "{log}");
    }
    assert_eq!(ask(http, "GET /healthz HTTP/1.0\r\n\r\n").status, 200);
    drop(program);
}

#[test]
fn bad_flags_exit_with_2_and_name_the_flag() {
    for (args, words) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["--shards", "0"], "--shards"),
        (&["--shards", "300"], "--shards"),
        (&["serve", "--max-message", "0"], "--max-message"),
        (&["serve", "--max-message", "16777217"], "--max-message"),
        (&["--max-connections", "none"], "--max-connections"),
        (&["--slow-consumer", "wait"], "--slow-consumer"),
        (&["--http", "localhost"], "--http"),
        (&["dance"], "dance"),
        (
            &[
                "--tcp-topic",
                "",
                "--http",
                "127.0.0.1:0",
                "--tcp",
                "127.0.0.1:0",
            ],
            "topic",
        ),
    ] {
        let (status, log) = Program::run(args).wait();
        assert_eq!(status.code(), Some(2), "{args:?}: {log}");
        assert!(log.contains(words), "{args:?}: {log}");
    }
}

#[test]
fn flags_choose_topic_policy_and_limit() {
    let flags = [
        "--tcp-topic",
        "sensors",
        "--max-message",
        "10",
        "--slow-consumer",
        "latest",
    ];
    let (_program, http, tcp) = Program::serve(&flags);
    let mut dashboard = Ws::connect(http, "/ws/sensors");
    let mut device = LengthPrefix::connect(tcp);
    device.send(b"0123456789");
    assert_eq!(dashboard.next(), Message::binary(b"0123456789".to_vec()));
    dashboard.send_text("01234567890");
    assert_eq!(dashboard.expect_close().0, 1009);
}

#[test]
fn connections_over_the_limit_get_503_or_the_end() {
    const LIMIT: usize = 8;
    let limit = LIMIT.to_string();
    let (_program, http, tcp) = Program::serve(&["--shards", "2", "--max-connections", &limit]);
    let mut clients: Vec<Ws> = (0..LIMIT).map(|_| Ws::connect(http, "/ws/lobby")).collect();
    for _ in 0..20 {
        let answer = ask(http, upgrade_request("/ws"));
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.body.contains("limit"), "{answer:?}");
        assert_eq!(read_to_the_end(&mut dial(tcp)), b"", "no greeting");
        let health = ask(http, "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!((health.status, health.closes()), (200, true));
    }
    clients[0].send_text("served as ever");
    for client in &mut clients {
        assert_eq!(client.next_text(), "served as ever");
    }
    clients.pop();
    wait_until("a place is free", || is_served(http));
}

#[test]
fn a_silent_websocket_is_pinged_and_closed_without_a_pong() {
    let server = Running::start(builder(2).config(Config {
        ping_interval: Duration::from_millis(100),
        pong_timeout: Duration::from_millis(400),
        ..Config::default()
    }));
    let mut ignores = RawWs::connect(server.http(), "/ws/lobby");
    let mut tcp = LengthPrefix::connect(server.tcp());
    assert_eq!(ignores.next().0, FIN | PING);
    let (code, reason) = ignores.expect_close();
    assert_eq!((code, &*reason), (1013, "no sign of life"));
    let index = CloseReason::IdleTimeout.index();
    wait_until("counted", || server.counters().closed[index] == 1);

    // The answer may have been late on a busy machine: then it is asked again.
    let mut answers = RawWs::connect(server.http(), "/ws/lobby");
    let mut pongs = 0;
    wait_until("it stays for five pings", || match answers.next_or_end() {
        Some((first, payload)) if first == FIN | PING => {
            answers.send(FIN | PONG, &payload);
            pongs += 1;
            pongs == 5
        }
        _ => {
            answers = RawWs::connect(server.http(), "/ws/lobby");
            pongs = 0;
            false
        }
    });
    server.publish("lobby", Kind::Text, b"still here");
    assert_eq!(tcp.next(), b"still here", "TCP may stay silent by default");
    assert!(server.counters().pings >= 6);
}

#[test]
fn a_client_that_sends_is_not_pinged() {
    const INTERVAL: Duration = Duration::from_millis(800);
    let server = Running::start(builder(1).config(Config {
        ping_interval: INTERVAL,
        ..Config::default()
    }));
    // A busy machine may keep it silent for longer than it means to: then it tries again.
    wait_until("two intervals without a silence", || {
        let mut talks = RawWs::connect(server.http(), "/echo");
        let start = now();
        let mut heard = start;
        let mut pinged = false;
        let mut longest = Duration::ZERO;
        while now() - start < 2 * INTERVAL {
            talks.send(FIN | TEXT, b"and");
            longest = longest.max(now() - heard);
            heard = now();
            match talks.next() {
                (first, _) if first == FIN | PING => pinged = true,
                (_, payload) => assert_eq!(payload, b"and"),
            }
        }
        assert!(
            !pinged || INTERVAL / 2 < longest,
            "pinged after {longest:?}"
        );
        !pinged
    });
    let mut silent = RawWs::connect(server.http(), "/ws");
    assert_eq!(silent.next().0, FIN | PING, "and one who does not is");
}

#[test]
fn silent_tcp_connections_are_closed_if_so_configured() {
    let server = Running::start(builder(2).config(Config {
        tcp_idle_timeout: Some(Duration::from_millis(200)),
        ..Config::default()
    }));
    let mut silent = LengthPrefix::connect(server.tcp());
    assert_eq!(silent.next_or_end(), None);
    let index = CloseReason::IdleTimeout.index();
    wait_until("counted", || server.counters().closed[index] == 1);
}

#[test]
fn a_drained_server_ends_by_itself_and_frees_its_ports() {
    let server = Running::start(builder(2));
    let (http, tcp) = (server.http(), server.tcp());
    let mut ws = Ws::connect(http, "/ws");
    server.handle().drain();
    assert_eq!(ws.expect_close().0, 1001);
    server.join();
    for addr in [http, tcp] {
        let err = std::net::TcpStream::connect(addr).expect_err("nobody listens");
        assert_eq!(err.kind(), ErrorKind::ConnectionRefused);
    }
}
