//! Every bad input has a clear answer, and nobody else notices.

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use corecast::{CloseReason, Config, Kind};

use crate::support::http::{ask, read_answer, upgrade_request};
use crate::support::length_prefix::{LengthPrefix, frame};
use crate::support::raw_ws::{BINARY, CLOSE, FIN, PING, RawWs, TEXT, masked};
use crate::support::server::{Running, builder};
use crate::support::socket::{dial, is_reset, read_to_the_end, reset, send_with_end};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const MESSAGE_BYTES_MAX: usize = 1_000;

/// A server, and two of its subscribers who must not notice what others do.
struct Scene {
    server: Running,
    ws: Ws,
    tcp: LengthPrefix,
    published: u32,
}

impl Scene {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let config = Config {
            message_bytes_max: MESSAGE_BYTES_MAX,
            ..config
        };
        let server = Running::start(builder(2).config(config));
        let ws = Ws::connect(server.http(), "/ws/lobby");
        let tcp = LengthPrefix::connect(server.tcp());
        Self {
            server,
            ws,
            tcp,
            published: 0,
        }
    }

    /// Both subscribers get the next message, and nothing stands before it.
    fn check(&mut self, after: &str) {
        let payload = format!("{} after {after}", self.published);
        self.published += 1;
        let payload = payload.as_bytes();
        self.server.publish("lobby", Kind::Text, payload);
        assert_eq!(self.ws.next_payload(), payload);
        assert_eq!(self.tcp.next(), payload);
    }

    /// What a case has opened is closed, on both sides.
    fn wait_for_the_others(&self) {
        wait_until("the others are gone", || {
            self.server.counters().connections == 2
        });
    }
}

#[test]
fn bad_frames_are_answered_with_their_close_code() {
    let mut scene = Scene::new();
    let too_long = vec![b'x'; MESSAGE_BYTES_MAX + 1];
    let half = vec![b'x'; MESSAGE_BYTES_MAX / 2 + 1];
    let cases: [(&str, Vec<u8>, u16, &str); 15] = [
        (
            "too long",
            masked(FIN | BINARY, &too_long),
            1009,
            "limit of 1000 bytes",
        ),
        (
            "too long by its header alone",
            [&[FIN | BINARY, 0x80 | 127, 0, 0, 1][..], &[0; 9]].concat(),
            1009,
            "limit of 1000 bytes",
        ),
        (
            "too long in fragments",
            [masked(TEXT, &half), masked(FIN, &half)].concat(),
            1009,
            "limit of 1000 bytes",
        ),
        ("not masked", b"\x81\x02hi".to_vec(), 1002, "not masked"),
        (
            "reserved bits",
            masked(FIN | 0x40 | TEXT, b"hi"),
            1002,
            "reserved bits",
        ),
        (
            "reserved opcode",
            masked(FIN | 3, b"hi"),
            1002,
            "opcode is reserved",
        ),
        (
            "fragmented ping",
            masked(PING, b"hi"),
            1002,
            "control frame is fragmented",
        ),
        (
            "long ping",
            masked(FIN | PING, &[0; 126]),
            1002,
            "longer than 125 bytes",
        ),
        (
            "length not minimal",
            vec![0x82, 0xFE, 0, 1, 0, 0, 0, 0, 0],
            1002,
            "fewest bytes",
        ),
        (
            "continuation of nothing",
            masked(FIN, b"hi"),
            1002,
            "no message has begun",
        ),
        (
            "message in message",
            [masked(TEXT, b"one"), masked(FIN | TEXT, b"two")].concat(),
            1002,
            "inside a fragmented message",
        ),
        (
            "text that is none",
            masked(FIN | TEXT, b"\xC3\x28"),
            1007,
            "not valid UTF-8",
        ),
        (
            "half a close code",
            masked(FIN | CLOSE, b"\x03"),
            1002,
            "half a close code",
        ),
        (
            "reserved close code",
            masked(FIN | CLOSE, &1005_u16.to_be_bytes()),
            1002,
            "1005",
        ),
        (
            "close reason that is no text",
            masked(FIN | CLOSE, b"\x03\xE8\xFF"),
            1007,
            "UTF-8",
        ),
    ];
    for (name, bytes, code, words) in cases {
        let mut client = RawWs::connect(scene.server.http(), "/ws/lobby");
        client.send_bytes(&bytes);
        let (got, reason) = client.expect_close();
        assert_eq!(got, code, "{name}: {reason}");
        assert!(reason.contains(words), "{name}: {reason}");
        assert_eq!(client.next_or_end(), None, "{name}: closed");
        scene.check(name);
    }
    let counters = scene.server.counters();
    assert_eq!(counters.messages_in, 0, "none of it was a message");
    let protocol = CloseReason::Protocol(corecast::proto::ProtocolError::Unmasked);
    wait_until("counted", || {
        scene.server.counters().closed[protocol.index()] == 15
    });
}

#[test]
fn a_frame_over_the_limit_on_tcp_closes_and_what_came_before_counts() {
    let mut scene = Scene::new();
    let tls_hello = [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[7; 200]].concat();
    let cases: [(&str, Vec<u8>); 5] = [
        ("one byte over", frame(&[b'x'; MESSAGE_BYTES_MAX + 1])),
        ("all there is", vec![0xFF; 4]),
        (
            "an HTTP request",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        ),
        ("a TLS handshake", tls_hello),
        ("garbage", (0..=255).rev().collect()),
    ];
    for (name, bytes) in cases {
        let mut client = LengthPrefix::connect(scene.server.tcp());
        client.send_bytes(&[frame(name.as_bytes()), bytes].concat());
        assert_eq!(scene.ws.next_payload(), name.as_bytes());
        assert_eq!(scene.tcp.next(), name.as_bytes());
        // It may have had its own message or not: it is closed either way.
        while let Some(got) = client.next_or_end() {
            assert_eq!(got, name.as_bytes());
        }
        scene.check(name);
    }
}

#[test]
fn a_message_of_exactly_the_limit_passes() {
    let mut scene = Scene::new();
    let payload = vec![b'x'; MESSAGE_BYTES_MAX];
    scene.ws.send_binary(&payload);
    assert_eq!(scene.tcp.next(), payload);
    assert_eq!(scene.ws.next_payload(), payload);
    scene.tcp.send(&payload);
    assert_eq!(scene.tcp.next(), payload);
    assert_eq!(scene.ws.next_payload(), payload);
}

#[test]
fn bad_requests_are_answered_with_their_status_and_words() {
    let mut scene = Scene::new();
    let upgrade = |from: &str, to: &str| upgrade_request("/ws").replace(from, to);
    let plain = |line: &str| format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n");
    let large = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(40));
    let cases: Vec<(&str, String, u16, &str)> = vec![
        ("no such path", plain("GET /nowhere"), 404, "see /"),
        (
            "upgrade on no such path",
            upgrade("/ws", "/nowhere"),
            404,
            "see /",
        ),
        ("no such method", plain("POST /"), 405, "not allowed"),
        (
            "method of a WebSocket path",
            plain("DELETE /ws/a"),
            405,
            "not allowed",
        ),
        (
            "method of an upgrade",
            upgrade("GET", "POST"),
            405,
            "must be a GET",
        ),
        (
            "GET without upgrade",
            plain("GET /ws"),
            426,
            "send Upgrade: websocket",
        ),
        (
            "GET without upgrade",
            plain("GET /sub/a"),
            426,
            "send Upgrade: websocket",
        ),
        ("version", upgrade("Version: 13", "Version: 8"), 426, "13"),
        (
            "no version",
            upgrade("Sec-WebSocket-Version: 13\r\n", ""),
            426,
            "13",
        ),
        ("no key", upgrade("Sec-WebSocket-Key", "X"), 400, "Key"),
        (
            "short key",
            upgrade("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"),
            400,
            "16 bytes",
        ),
        (
            "no upgrade in Connection",
            upgrade("Connection: Upgrade", "Connection: close"),
            400,
            "Connection",
        ),
        ("no host", upgrade("Host", "Guest"), 400, "Host"),
        ("HTTP/1.0", upgrade("HTTP/1.1", "HTTP/1.0"), 400, "HTTP/1.1"),
        ("HTTP/3", upgrade("HTTP/1.1", "HTTP/3.0"), 505, "HTTP/1.1"),
        ("no topic", upgrade("/ws", "/ws/"), 400, "topic is empty"),
        ("bad escape", upgrade("/ws", "/ws/%zz"), 400, "hexadecimal"),
        ("topic not UTF-8", upgrade("/ws", "/sub/%ff"), 400, "UTF-8"),
        (
            "topic too long",
            upgrade("/ws", &format!("/ws/{}", "t".repeat(256))),
            414,
            "255",
        ),
        ("1 MiB of header", large, 431, "too large"),
        ("40 header fields", many, 431, "too many"),
        (
            "bare line feeds",
            plain("GET /").replace("\r\n", "\n"),
            400,
            "CR LF",
        ),
        (
            "a TLS handshake",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0".to_owned(),
            400,
            "not TLS",
        ),
        (
            "no HTTP at all",
            "\0\0\0\u{5}hello\r\n".to_owned(),
            400,
            "request line",
        ),
    ];
    for (name, request, status, words) in cases {
        let mut stream = dial(scene.server.http());
        if let Err(err) = stream.write_all(request.as_bytes()) {
            assert!(is_reset(&err), "{name}: {err}");
        }
        let answer = read_answer(&mut stream);
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        assert!(answer.body.contains(words), "{name}: {answer:?}");
        scene.check(name);
    }
    scene.wait_for_the_others();
}

#[test]
fn answers_carry_the_fields_that_go_with_their_status() {
    let server = Running::start(builder(1));
    let request = |line: &str| format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = ask(server.http(), request("GET /ws"));
    assert!(answer.head.contains("\r\nUpgrade: websocket"), "{answer:?}");
    let answer = ask(server.http(), request("PUT /healthz"));
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
    let request = |line: &str| format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n");
    let health = ask(server.http(), request("GET /healthz"));
    assert_eq!((health.status, &*health.body), (200, "ok\n"));
    let page = ask(server.http(), request("GET /"));
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<!DOCTYPE html>"), "{page:?}");
    for (path, page) in [("/healthz", health), ("/", page)] {
        let head = ask(server.http(), request(&format!("HEAD {path}")));
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
    for stream in [&mut silent, &mut slow] {
        let answer = read_answer(stream);
        assert_eq!(answer.status, 408, "{answer:?}");
        assert!(answer.body.contains("in time"), "{answer:?}");
    }
    scene.check("408");
    let index = CloseReason::HandshakeTimeout.index();
    wait_until("counted", || scene.server.counters().closed[index] == 2);
}

#[test]
fn one_who_connects_and_stays_silent_bothers_nobody() {
    let mut scene = Scene::new();
    let addrs = [scene.server.http(), scene.server.tcp()];
    let silent: Vec<_> = (0..200).map(|n| dial(addrs[n % 2])).collect();
    scene.check("silent connections");
    drop(silent);
    scene.wait_for_the_others();
}

#[test]
fn a_client_that_has_closed_its_side_still_gets_its_answer() {
    let mut scene = Scene::new();
    for round in 0..20 {
        let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut stream = dial(scene.server.http());
        if round % 2 == 0 {
            send_with_end(&mut stream, request);
        } else {
            stream.write_all(request).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        }
        assert_eq!(read_answer(&mut stream).status, 200);
    }
    // A WebSocket without a way back cannot even pong: it is closed.
    let mut stream = RawWs::connect(scene.server.http(), "/ws/elsewhere").into_stream();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_the_end(&mut stream), b"");
    // The last word of one who says goodbye and ends in one segment is answered.
    let mut stream = RawWs::connect(scene.server.http(), "/ws/elsewhere").into_stream();
    send_with_end(&mut stream, &masked(FIN | CLOSE, b"\x03\xE8"));
    assert_eq!(read_to_the_end(&mut stream), b"\x88\x02\x03\xE8");
    scene.check("half-closed clients");
    scene.wait_for_the_others();
}

#[test]
fn a_reset_in_the_middle_of_anything_ends_that_connection_alone() {
    let mut scene = Scene::new();
    let http = scene.server.http();
    let half_a_message = &masked(FIN | TEXT, b"never whole")[..9];
    for _ in 0..10 {
        reset(dial(http));
        let mut stream = dial(http);
        stream.write_all(b"GET /ws HTTP/1.1\r\nHo").unwrap();
        reset(stream);
        let mut client = RawWs::connect(http, "/ws/lobby");
        client.send_bytes(half_a_message);
        reset(client.into_stream());
        let mut stream = dial(scene.server.tcp());
        stream.write_all(&frame(b"never whole")[..9]).unwrap();
        reset(stream);
    }
    scene.check("resets");
    scene.wait_for_the_others();
    assert_eq!(scene.server.counters().messages_in, 0);
}

#[test]
fn a_reset_after_the_end_of_its_side_ends_a_subscriber_of_a_silent_topic() {
    let scene = Scene::new();
    for _ in 0..10 {
        let mut client = LengthPrefix::connect(scene.server.tcp());
        client.end();
        reset(client.into_stream());
    }
    scene.wait_for_the_others();
}

#[test]
fn a_flood_of_connects_and_resets_leaves_nothing_behind() {
    let mut scene = Scene::new();
    let addrs = [scene.server.http(), scene.server.tcp()];
    for n in 0..2_000 {
        let mut stream = dial(addrs[n % 2]);
        if n % 3 == 0 {
            stream.write_all(b"GET / HT").unwrap();
        }
        reset(stream);
        if n % 200 == 0 {
            scene.check("resets");
        }
    }
    scene.check("the flood");
    scene.wait_for_the_others();
}

#[test]
fn fragments_with_a_ping_between_them_are_one_message() {
    let mut scene = Scene::new();
    let mut client = RawWs::connect(scene.server.http(), "/pub/lobby");
    client.send(TEXT, b"one ");
    client.send(FIN | PING, b"still there?");
    client.send(0, b"two ");
    client.send(FIN, b"three");
    assert_eq!(client.next(), (0x8A, b"still there?".to_vec()));
    assert_eq!(scene.ws.next_text(), "one two three");
    assert_eq!(scene.tcp.next(), b"one two three");
}
