//! Messages, pings and closes of their client and to it.

use corecast::internals::Rng;
use corecast::proto::Kind;
use corecast::proto::ws::frame::{Opcode, encode_header};
use corecast::proto::ws::{encode_close, encode_ping, encode_pong};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{CloseFrame, Role};
use tungstenite::{Error, Message};

use crate::conformance::ends::{ours, read_all, their_end};
use crate::conformance::output::Output;
use crate::conformance::{LENGTHS, MAX, bytes_of};

/// Sends a message from tungstenite's client and checks what our decoder makes of it, whole and
/// in pieces.
fn check_sent(messages: &[Message], expected: &[Output]) {
    let (mut socket, wire) = their_end(Role::Client, MAX);
    for message in messages {
        socket.write(message.clone()).unwrap();
    }
    // After a close frame a flush reports that nothing more may be sent.
    let flushed = socket.flush();
    assert!(flushed.is_ok() || matches!(flushed, Err(Error::ConnectionClosed)));
    let bytes = wire.take_written();
    assert_eq!(ours([&bytes[..]], MAX), expected, "whole");
    for seed in 0..20 {
        assert_eq!(
            ours(Rng::new(seed).cuts(&bytes), MAX),
            expected,
            "seed {seed}"
        );
    }
}

#[test]
fn messages_of_every_length_class_arrive_from_their_client() {
    for len in LENGTHS {
        let bytes = bytes_of(len);
        check_sent(
            &[Message::binary(bytes.clone())],
            &[Output::Message(Kind::Binary, bytes)],
        );
        let text = "é".repeat(len / 2);
        let expected = Output::Message(Kind::Text, text.clone().into_bytes());
        check_sent(&[Message::text(text)], &[expected]);
    }
}

#[test]
fn our_frames_of_every_length_class_arrive_at_their_client() {
    let (mut socket, wire) = their_end(Role::Client, MAX);
    for len in LENGTHS {
        for kind in [Kind::Text, Kind::Binary] {
            let payload = if kind == Kind::Text {
                vec![b'x'; len]
            } else {
                bytes_of(len)
            };
            let mut out = Vec::new();
            encode_header(&mut out, Opcode::Data(kind), len);
            out.extend_from_slice(&payload);
            wire.feed(&out);
            assert_eq!(
                read_all(&mut socket),
                [Output::Message(kind, payload)],
                "length {len}"
            );
        }
    }
}

#[test]
fn fragments_with_control_frames_between_become_one_message() {
    let fragment = |bytes: &str, data, fin| {
        Message::Frame(Frame::message(
            bytes.as_bytes().to_vec(),
            OpCode::Data(data),
            fin,
        ))
    };
    check_sent(
        &[
            fragment("fra", Data::Text, false),
            Message::Ping("are you there".into()),
            fragment("", Data::Continue, false),
            fragment("gmé", Data::Continue, false),
            Message::Ping("".into()),
            fragment("nted", Data::Continue, true),
            fragment("a", Data::Binary, false),
            fragment("b", Data::Continue, true),
        ],
        &[
            Output::Ping(b"are you there".to_vec()),
            Output::Ping(vec![]),
            Output::Message(Kind::Text, "fragménted".into()),
            Output::Message(Kind::Binary, b"ab".to_vec()),
        ],
    );
}

#[test]
fn a_ping_is_answered_and_the_answer_is_understood() {
    for len in [0, 1, 124, 125] {
        let payload = bytes_of(len);
        check_sent(
            &[Message::Ping(payload.clone().into())],
            &[Output::Ping(payload.clone())],
        );

        let (mut socket, wire) = their_end(Role::Client, MAX);
        let mut out = Vec::new();
        encode_pong(&mut out, &payload);
        encode_ping(&mut out, &payload);
        wire.feed(&out);
        let expected = [Output::Pong(payload.clone()), Output::Ping(payload.clone())];
        assert_eq!(read_all(&mut socket), expected);
        socket.flush().unwrap();
        assert_eq!(
            ours([&wire.take_written()[..]], MAX),
            [Output::Pong(payload)]
        );
    }
}

#[test]
fn close_frames_keep_their_code_and_reason() {
    check_sent(
        &[Message::Close(None)],
        &[Output::Close(None, String::new())],
    );
    for code in [1000, 1001, 1008, 1011, 1013, 3000, 3500, 4999] {
        for reason in ["", "going away", "grüße", &"x".repeat(123)] {
            let frame = CloseFrame {
                code: code.into(),
                reason: reason.into(),
            };
            let expected = [Output::Close(Some(code), reason.to_owned())];
            check_sent(&[Message::Close(Some(frame))], &expected);

            let (mut socket, wire) = their_end(Role::Client, MAX);
            let mut out = Vec::new();
            encode_close(&mut out, code, reason);
            wire.feed(&out);
            assert_eq!(read_all(&mut socket), expected);
        }
    }
}
