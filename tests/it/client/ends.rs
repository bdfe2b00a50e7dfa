//! How a client's connections end, and what comes after.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use corecast::client::{CloseError, Event, Reason, RecvError, SendError, TimeoutKind};
use corecast::{Config, Kind, Server};

use crate::client::{SHORT, check_return, greeted, next, reason, tcp, to, ws};
use crate::support::length_prefix::LengthPrefix;
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::dial;
use crate::support::wait::{in_a_while, now, wait_until};

#[test]
fn a_client_reconnects_to_another_server_on_the_same_address() {
    let server = Running::start(builder(2));
    let (http, tcp_addr) = (server.http(), server.tcp());
    let clients = [ws(http, "/ws/lobby"), tcp(tcp_addr)];
    check_return(clients, server, || {
        let server = Server::builder().shards(2).pin(false);
        server.http(http).tcp(tcp_addr, "lobby")
    });
}

#[test]
fn a_drained_server_says_so() {
    let server = Running::start(builder(1));
    let mut client = ws(server.http(), "/ws");
    server.handle().drain();
    let (why, retry_in) = reason(&mut client);
    assert!(
        matches!(
            why,
            Reason::Closed {
                code: Some(1001),
                ..
            }
        ),
        "{why}"
    );
    assert!(Some(Duration::from_secs(1)) <= retry_in, "it was asked to");
    assert!(why.to_string().contains("server shuts down"), "{why}");
    server.join();
}

#[test]
fn a_client_that_would_be_refused_again_does_not_reconnect() {
    let server = Running::start(builder(1));
    let mut client = to(&format!("ws://{}/nowhere", server.http()))
        .connect()
        .unwrap();
    let (why, retry_in) = reason(&mut client);
    match why {
        Reason::Refused {
            status: 404, body, ..
        } => assert!(body.starts_with(b"not found")),
        other => panic!("{other}"),
    }
    assert_eq!(retry_in, None);
    assert!(matches!(client.recv(in_a_while()), Err(RecvError::Ended)));
    let send = client.send(Kind::Text, b"x", in_a_while());
    assert_eq!(send, Err(SendError::Ended));
    assert_eq!(client.sender().send(Kind::Text, "x"), Err(SendError::Ended));
    assert_eq!(client.close(in_a_while()), Err(CloseError::Disconnected));

    let mut client = ws(server.http(), "/sub/room");
    client.send(Kind::Text, b"not here", in_a_while()).unwrap();
    let (why, retry_in) = reason(&mut client);
    assert!(
        matches!(
            why,
            Reason::Closed {
                code: Some(1008),
                ..
            }
        ),
        "{why}"
    );
    assert_eq!(retry_in, None);
}

#[test]
fn without_reconnecting_a_client_tries_once() {
    // Bound and not listening: no other process has it, and connections are refused.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&ANY.into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let mut client = to(&format!("tcp://{addr}"))
        .reconnect(false)
        .connect()
        .unwrap();
    let (why, retry_in) = reason(&mut client);
    assert!(matches!(why, Reason::Connect(_)), "{why}");
    assert_eq!(retry_in, None);
    assert!(matches!(client.recv(in_a_while()), Err(RecvError::Ended)));
    let mut client = to(&format!("tcp://{addr}")).connect().unwrap();
    let sent = client.send(Kind::Text, b"x", now() + 5 * SHORT);
    assert_eq!(sent, Err(SendError::Timeout));
}

#[test]
fn pings_of_the_server_are_answered_while_it_waits() {
    let server = Running::start(builder(1).config(Config {
        ping_interval: Duration::from_millis(50),
        pong_timeout: Duration::from_millis(400),
        ..Config::default()
    }));
    let mut client = ws(server.http(), "/ws/lobby");
    let mut before = server.counters().pings;
    // A busy machine may keep it from answering in time: then it tries again.
    wait_until("three answers in a row", || {
        match client.recv(now() + SHORT) {
            Err(RecvError::Timeout) => {}
            Ok(Event::Disconnected { .. }) => {
                client = ws(server.http(), "/ws/lobby");
                before = server.counters().pings;
            }
            other => panic!("{other:?}"),
        }
        before + 3 < server.counters().pings
    });
    assert!(client.is_connected());
}

#[test]
fn silence_over_tcp_is_late_if_said_so_and_heartbeats_keep_a_server_patient() {
    let server = Running::start(builder(1).config(Config {
        tcp_idle_timeout: Some(Duration::from_millis(300)),
        ..Config::default()
    }));
    let url = format!("tcp://{}", server.tcp());
    let mut client = greeted(to(&url).idle_timeout(Duration::from_millis(50)));
    let (why, retry_in) = reason(&mut client);
    assert!(matches!(why, Reason::Timeout(TimeoutKind::Idle)), "{why}");
    assert!(retry_in.is_some());
    assert!(matches!(next(&mut client), Event::Connected { .. }));

    // A busy machine may keep it from its heartbeats: then it tries again.
    let patience = Duration::from_secs(1);
    wait_until("it stays for longer than the server's patience", || {
        let mut client = greeted(to(&url).keepalive(SHORT, in_a_while() - now()));
        matches!(client.recv(now() + patience), Err(RecvError::Timeout))
    });
}

/// A server that takes a request for WebSocket, grants it or not, and says nothing more.
fn silent_server(grants: bool) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind(ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = if grants {
            tungstenite::accept(stream)
                .unwrap()
                .get_ref()
                .try_clone()
                .unwrap()
        } else {
            stream
        };
        // To the end, which is the client's.
        let mut all = Vec::new();
        let _ended = stream.read_to_end(&mut all);
    });
    (addr, server)
}

#[test]
fn a_server_that_gives_no_sign_of_life_is_given_up() {
    for (grants, expected) in [(true, TimeoutKind::Pong), (false, TimeoutKind::Handshake)] {
        let (addr, server) = silent_server(grants);
        let client = to(&format!("ws://{addr}/"))
            .reconnect(false)
            .handshake_timeout(if grants { in_a_while() - now() } else { SHORT })
            .keepalive(SHORT, SHORT);
        let mut client = client.connect().unwrap();
        let (why, _) = loop {
            match next(&mut client) {
                Event::Connected { .. } => assert!(grants),
                Event::Disconnected { reason, retry_in } => break (reason, retry_in),
                other => panic!("{other:?}"),
            }
        };
        assert!(
            matches!(why, Reason::Timeout(late) if late == expected),
            "{why}"
        );
        drop(client);
        server.join().unwrap();
    }
}

#[test]
fn a_message_that_the_server_does_not_take_is_late_and_not_lost_in_silence() {
    let listener = TcpListener::bind(ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    let client = to(&format!("tcp://{addr}")).reconnect(false);
    let mut client = client.message_bytes_max(64 << 20).connect().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&[0; 4]).unwrap();
        stream
    });
    assert!(matches!(next(&mut client), Event::Connected { .. }));
    let stream = server.join().unwrap();
    let large = vec![0; 32 << 20];
    let begun = client.send(Kind::Binary, &large, now() + SHORT);
    assert_eq!(begun, Ok(()), "begun, and the rest waits");
    let next_one = client.send(Kind::Binary, b"x", now() + SHORT);
    assert_eq!(next_one, Err(SendError::Timeout), "there is no room");
    drop(stream);
    let after = client.send(Kind::Binary, b"x", in_a_while());
    assert_eq!(after, Err(SendError::Ended));
    let (why, _) = reason(&mut client);
    assert!(
        matches!(why, Reason::Lost(_) | Reason::EndOfStream),
        "{why}"
    );
}

#[test]
fn a_client_recognizes_the_wrong_port() {
    let server = Running::start(builder(1));
    let web = to(&format!("ws://{}/ws", server.tcp())).reconnect(false);
    let (why, _) = reason(&mut web.connect().unwrap());
    assert!(
        matches!(why, Reason::Handshake(_) | Reason::EndOfStream),
        "{why}"
    );
    let device = to(&format!("tcp://{}", server.http()))
        .reconnect(false)
        .handshake_timeout(10 * SHORT);
    let (why, _) = reason(&mut device.connect().unwrap());
    assert!(
        matches!(why, Reason::Timeout(TimeoutKind::Handshake)),
        "{why}"
    );
    // Both ports serve on.
    assert!(
        LengthPrefix::greeted(dial(server.tcp()))
            .into_stream()
            .peer_addr()
            .is_ok()
    );
}
