//! Frames that break a rule: the close code names it, and no other client notices.

use corecast::CloseReason;
use corecast::proto::ProtocolError;

use crate::bad_input::{MESSAGE_BYTES_MAX, Scene};
use crate::support::length_prefix::{LengthPrefix, frame};
use crate::support::raw_ws::{BINARY, CLOSE, FIN, PING, PONG, RawWs, TEXT, masked};
use crate::support::wait::wait_until;

/// What a client sends, and the close code and words of the answer.
type Case = (&'static str, Vec<u8>, u16, &'static str);

/// Each case on a connection of its own.
fn check(cases: &[Case]) {
    let mut scene = Scene::new();
    for (name, bytes, code, words) in cases {
        let mut client = RawWs::connect(scene.server.http(), "/ws/lobby");
        client.send_bytes(bytes);
        let (got, reason) = client.expect_close();
        assert_eq!(got, *code, "{name}: {reason}");
        assert!(reason.contains(words), "{name}: {reason}");
        assert_eq!(client.next_or_end(), None, "{name}: closed");
        scene.check(name);
    }
    let errors = ProtocolError::ALL.map(|error| CloseReason::Protocol(error).index());
    wait_until("counted", || {
        let closed = scene.server.counters().closed;
        let counts = errors.iter().map(|&index| closed[index]);
        counts.sum::<u64>() == cases.len() as u64
    });
    let messages = scene.server.counters().messages_in;
    assert_eq!(messages, 0, "none of it was a message");
}

#[test]
fn messages_over_the_limit_close_with_1009() {
    let too_long = vec![b'x'; MESSAGE_BYTES_MAX + 1];
    let half = vec![b'x'; MESSAGE_BYTES_MAX / 2 + 1];
    let header_of_4_gib = [&[FIN | BINARY, 0x80 | 127, 0, 0, 0, 1][..], &[0; 8]].concat();
    let in_fragments = [masked(TEXT, &half), masked(FIN, &half)].concat();
    check(&[
        ("whole", masked(FIN | BINARY, &too_long), 1009, "1000 bytes"),
        ("by its header alone", header_of_4_gib, 1009, "1000 bytes"),
        ("in fragments", in_fragments, 1009, "1000 bytes"),
    ]);
}

#[test]
fn broken_frames_close_with_1002() {
    let not_masked = b"\x81\x02hi".to_vec();
    let top_bit = [&[FIN | BINARY, 0x80 | 127, 0x80][..], &[0; 11]].concat();
    let interleaved = [masked(TEXT, b"one"), masked(FIN | TEXT, b"two")].concat();
    let ping_in_pieces = masked(PING, b"hi");
    let long_ping = masked(FIN | PING, &[0; 126]);
    check(&[
        ("not masked", not_masked, 1002, "not masked"),
        (
            "a reserved bit",
            masked(FIN | 0x40 | TEXT, b"hi"),
            1002,
            "reserved bits",
        ),
        (
            "a reserved opcode",
            masked(FIN | 3, b"hi"),
            1002,
            "opcode is reserved",
        ),
        (
            "a fragmented ping",
            ping_in_pieces,
            1002,
            "control frame is fragmented",
        ),
        ("a long ping", long_ping, 1002, "longer than 125 bytes"),
        ("a negative length", top_bit, 1002, "top bit"),
        (
            "a continuation of nothing",
            masked(FIN, b"hi"),
            1002,
            "no message has begun",
        ),
        (
            "a message in a message",
            interleaved,
            1002,
            "inside a fragmented message",
        ),
    ]);
}

#[test]
fn text_that_is_none_closes_with_1007_and_bad_goodbyes_with_1002() {
    let goodbye = |payload: &[u8]| masked(FIN | CLOSE, payload);
    check(&[
        (
            "no UTF-8",
            masked(FIN | TEXT, b"\xC3\x28"),
            1007,
            "not valid UTF-8",
        ),
        (
            "no UTF-8 in a reason",
            goodbye(b"\x03\xE8\xFF"),
            1007,
            "UTF-8",
        ),
        (
            "half a close code",
            goodbye(b"\x03"),
            1002,
            "half a close code",
        ),
        (
            "a close code for no wire",
            goodbye(&1005_u16.to_be_bytes()),
            1002,
            "1005",
        ),
        (
            "a close code of nobody",
            goodbye(&999_u16.to_be_bytes()),
            1002,
            "999",
        ),
    ]);
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
fn fragments_with_a_ping_between_them_are_one_message() {
    let mut scene = Scene::new();
    let mut client = RawWs::connect(scene.server.http(), "/pub/lobby");
    client.send(TEXT, b"one ");
    client.send(FIN | PING, b"still there?");
    client.send(0, b"two ");
    client.send(FIN, b"three");
    assert_eq!(client.next(), (FIN | PONG, b"still there?".to_vec()));
    assert_eq!(scene.ws.next_text(), "one two three");
    assert_eq!(scene.tcp.next(), b"one two three");
}
