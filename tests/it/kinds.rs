//! Every kind of message from every listener to every listener, and what cannot be carried.

use std::io::Read;
use std::net::Shutdown;

use corecast::{CloseReason, Framing, Listener, Role};
use tungstenite::Message;

use crate::support::framed::{Framed, frame};
use crate::support::server::{ANY, Running, builder};
use crate::support::socket::dial;
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const FRAMINGS: [Framing; 3] = [Framing::LengthPrefix, Framing::Line, Framing::Varint];

/// Where a message is published.
#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    Text,
    Binary,
    Tcp(usize, Framing),
}

/// A server with a listener for each framing on `lobby`, those that say text last.
fn server() -> Running {
    let loose = FRAMINGS.map(|framing| Listener::tcp(ANY, "lobby").framing(framing));
    let strict = loose.clone().map(|listener| listener.text(true));
    let listeners = loose.into_iter().chain(strict);
    Running::start(listeners.fold(builder(2), corecast::ServerBuilder::listen))
}

/// The index among the server's TCP listeners, of which the first is not ours.
fn listeners() -> impl Iterator<Item = (usize, Framing)> {
    let both = FRAMINGS.into_iter().chain(FRAMINGS);
    both.enumerate().map(|(at, framing)| (at + 1, framing))
}

fn publish(server: &Running, from: From, payload: &[u8]) {
    match from {
        From::Text => Ws::connect(server.http(), "/pub/lobby")
            .send_text(std::str::from_utf8(payload).unwrap()),
        From::Binary => Ws::connect(server.http(), "/pub/lobby").send_binary(payload),
        From::Tcp(at, framing) => {
            Framed::connect(server.tcp_addrs()[at], framing).send(payload);
        }
    }
}

/// What WebSocket subscribers are to get of it.
fn expected(from: From, payload: &[u8]) -> Message {
    let text = std::str::from_utf8(payload).ok();
    let is_text = match from {
        From::Text => true,
        From::Binary => false,
        // Behind the three loose ones are those that say text.
        From::Tcp(at, framing) => 3 < at || framing == Framing::Line,
    };
    match text.filter(|_| is_text) {
        Some(text) => Message::text(text),
        None => Message::binary(payload.to_vec()),
    }
}

#[test]
fn every_kind_from_every_listener_reaches_every_listener() {
    let server = server();
    let mut sockets = ["/ws/lobby", "/sub/lobby"].map(|path| Ws::connect(server.http(), path));
    let connect = |(at, framing)| Framed::connect(server.tcp_addrs()[at], framing);
    let mut tcp: Vec<Framed> = listeners().map(connect).collect();
    let tcp_listeners = listeners().map(|(at, framing)| From::Tcp(at, framing));
    for from in [From::Text, From::Binary].into_iter().chain(tcp_listeners) {
        let long = "ä".repeat(5000).into_bytes();
        for payload in [b"plain", "ümlaut".as_bytes(), b"\xff\0\x80", &long] {
            let is_text = std::str::from_utf8(payload).is_ok();
            let takes_text_alone = match from {
                From::Tcp(at, _) => 3 < at,
                from => from == From::Text,
            };
            if takes_text_alone && !is_text {
                continue;
            }
            publish(&server, from, payload);
            for socket in &mut sockets {
                assert_eq!(socket.next(), expected(from, payload), "from {from:?}");
            }
            for client in &mut tcp {
                assert_eq!(client.next(), payload, "from {from:?}");
            }
        }
    }
}

#[test]
fn what_a_framing_cannot_carry_is_left_out_there_and_counted() {
    let server = server();
    let mut socket = Ws::connect(server.http(), "/ws/lobby");
    let connect = |(at, framing)| (framing, Framed::connect(server.tcp_addrs()[at], framing));
    let mut tcp: Vec<(Framing, Framed)> = listeners().map(connect).collect();
    for payload in ["", "two\nlines", "ends\r", "a\rb"] {
        socket.send_text(payload);
    }
    socket.send_text("last");
    for payload in ["", "two\nlines", "ends\r", "a\rb", "last"] {
        assert_eq!(socket.next_text(), payload);
    }
    for (framing, client) in &mut tcp {
        if *framing != Framing::Line {
            for payload in ["two\nlines", "ends\r", "a\rb"] {
                assert_eq!(client.next(), payload.as_bytes(), "{framing:?}");
            }
        }
        assert_eq!(client.next(), b"last", "{framing:?}");
    }
    // On one of the shards or on both.
    wait_until("counted", || 6 <= server.counters().not_carried);
}

#[test]
fn an_empty_frame_is_ignored_and_a_carriage_return_is_not_part_of_a_line() {
    let server = server();
    for (at, framing) in listeners() {
        let mut client = Framed::connect(server.tcp_addrs()[at], framing);
        let empty = frame(framing, b"");
        let one = frame(framing, b"one");
        client.send_bytes(&[&empty[..], &one, &empty, &empty].concat());
        if framing == Framing::Line {
            client.send_bytes(b"\r\ntwo\r\n");
        } else {
            client.send(b"two");
        }
        assert_eq!(client.next(), b"one", "{framing:?}");
        assert_eq!(client.next(), b"two", "{framing:?}");
    }
}

#[test]
fn text_that_is_none_closes_where_the_listener_says_text() {
    let server = server();
    for (at, framing) in listeners().skip(3) {
        let mut client = Framed::connect(server.tcp_addrs()[at], framing);
        client.send(b"\xff");
        assert_eq!(client.next_or_end(), None, "{framing:?}");
    }
}

#[test]
fn a_frame_over_the_limit_closes_before_it_has_come() {
    let config = corecast::Config {
        message_bytes_max: 100,
        ..corecast::Config::default()
    };
    let listeners = FRAMINGS.map(|framing| Listener::tcp(ANY, "lobby").framing(framing));
    let server = listeners
        .into_iter()
        .fold(builder(2), corecast::ServerBuilder::listen);
    let server = Running::start(server.config(config));
    for (at, framing) in FRAMINGS.into_iter().enumerate() {
        let mut client = Framed::connect(server.tcp_addrs()[at + 1], framing);
        client.send(&[b'x'; 100]);
        assert_eq!(client.next(), [b'x'; 100], "{framing:?}");
        let over = frame(framing, &[b'y'; 101]);
        let begun = if framing == Framing::Line { 101 } else { 5 };
        client.send_bytes(&over[..begun]);
        assert_eq!(client.next_or_end(), None, "{framing:?}");
    }
}

/// A server whose second TCP listener, on `lobby` as the first, has this role.
fn with_role(framing: Framing, role: Role) -> Running {
    let listener = Listener::tcp(ANY, "lobby").framing(framing).role(role);
    Running::start(builder(2).listen(listener))
}

#[test]
fn devices_that_only_publish_are_sent_nothing_and_may_close_without_reading() {
    const DEVICES: usize = 40;
    for framing in FRAMINGS {
        let server = with_role(framing, Role::Publish);
        let mut reader = Ws::connect(server.http(), "/sub/lobby");
        let mut silent = dial(server.tcp_addrs()[1]);
        for number in 0..DEVICES {
            let mut device = Framed::over(dial(server.tcp_addrs()[1]), framing);
            let report = number.to_string();
            device.send(report.as_bytes());
            // What it might have been sent and had not read would make this a reset.
            drop(device);
            assert_eq!(reader.next_payload(), report.as_bytes(), "{framing:?}");
        }
        // One that was there all the time ends its side, and finds nothing before the end.
        silent.shutdown(Shutdown::Write).unwrap();
        let mut got = Vec::new();
        silent.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"", "{framing:?}");
        let delivered = DEVICES as u64;
        wait_until("all are counted", || {
            delivered <= server.counters().messages_out
        });
        assert_eq!(server.counters().messages_out, delivered, "{framing:?}");
    }
}

#[test]
fn a_connection_that_may_only_subscribe_is_closed_when_it_publishes() {
    for framing in FRAMINGS {
        let server = with_role(framing, Role::Subscribe);
        let mut reader = Framed::connect(server.tcp_addrs()[1], framing);
        let mut writer = Framed::connect(server.tcp_addrs()[1], framing);
        // An empty frame is a heartbeat from either side.
        writer.send(b"");
        server.publish("lobby", corecast::Kind::Text, b"from elsewhere");
        assert_eq!(writer.next(), b"from elsewhere", "{framing:?}");
        writer.send(b"from a subscriber");
        assert_eq!(writer.next_or_end(), None, "{framing:?}");
        let policy = CloseReason::Policy("").index();
        wait_until("the close is counted", || {
            server.counters().closed[policy] == 1
        });
        assert_eq!(reader.next(), b"from elsewhere");
        server.publish("lobby", corecast::Kind::Text, b"last");
        assert_eq!(reader.next(), b"last", "nothing came in between");
    }
}
