//! Our WebSocket against tungstenite, both ways, over memory in place of a socket.

#![expect(clippy::unwrap_used, reason = "test support")]

mod client;
mod handshake;
mod wire;

use std::io::ErrorKind;

use corecast::internals::Rng;
use corecast::proto::ws::frame::{Opcode, encode_header};
use corecast::proto::ws::mask::unmask;
use corecast::proto::ws::{DecoderOf, Event, encode_close, encode_ping, encode_pong};
use corecast::proto::{Kind, ProtocolError};
use tungstenite::error::{CapacityError, ProtocolError as TheirError};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::wire::Wire;

const MAX: usize = 1 << 20;

/// What came out of a decoder, ours or theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Error(Rule),
}

/// The rule that was broken, as far as both name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Size,
    Mask,
    Reserved,
    Opcode,
    ControlFragment,
    ControlLength,
    Length,
    Continuation,
    Utf8,
    CloseFrame,
}

impl From<ProtocolError> for Rule {
    fn from(err: ProtocolError) -> Self {
        match err {
            ProtocolError::MessageTooBig { .. } => Self::Size,
            ProtocolError::Unmasked | ProtocolError::Masked => Self::Mask,
            ProtocolError::ReservedBits => Self::Reserved,
            ProtocolError::ReservedOpcode => Self::Opcode,
            ProtocolError::FragmentedControl => Self::ControlFragment,
            ProtocolError::ControlTooLong => Self::ControlLength,
            ProtocolError::LengthNotMinimal | ProtocolError::LengthTopBit => Self::Length,
            ProtocolError::ContinuationWithoutStart | ProtocolError::MessageInsideMessage => {
                Self::Continuation
            }
            ProtocolError::InvalidUtf8 | ProtocolError::InvalidCloseReason => Self::Utf8,
            ProtocolError::CloseTooShort | ProtocolError::InvalidCloseCode { .. } => {
                Self::CloseFrame
            }
            other => panic!("not WebSocket: {other}"),
        }
    }
}

impl From<Error> for Rule {
    fn from(err: Error) -> Self {
        match err {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => Self::Size,
            Error::Utf8(_) => Self::Utf8,
            Error::Protocol(err) => match err {
                TheirError::UnmaskedFrameFromClient | TheirError::MaskedFrameFromServer => {
                    Self::Mask
                }
                TheirError::NonZeroReservedBits => Self::Reserved,
                TheirError::InvalidOpcode(_)
                | TheirError::UnknownControlFrameType(_)
                | TheirError::UnknownDataFrameType(_) => Self::Opcode,
                TheirError::FragmentedControlFrame => Self::ControlFragment,
                TheirError::ControlFrameTooBig => Self::ControlLength,
                TheirError::UnexpectedContinueFrame | TheirError::ExpectedFragment(_) => {
                    Self::Continuation
                }
                TheirError::InvalidCloseSequence => Self::CloseFrame,
                other => panic!("unexpected: {other:?}"),
            },
            other => panic!("unexpected: {other:?}"),
        }
    }
}

impl Seen {
    fn ends(&self) -> bool {
        matches!(self, Self::Close(..) | Self::Error(_))
    }
}

/// What our decoder makes of the pieces, up to an error or a close frame.
fn ours<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, max: usize) -> Vec<Seen> {
    decode::<'p, true>(pieces, max)
}

/// The same for frames that must be `MASKED`, as a client's, or must not, as a server's.
fn decode<'p, const MASKED: bool>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    max: usize,
) -> Vec<Seen> {
    let mut decoder = DecoderOf::<MASKED>::default();
    let mut seen = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            let (taken, event) = match decoder.decode(input, max, false) {
                Ok(step) => match step.event {
                    Some(event) => (step.taken, own(event)),
                    None => break,
                },
                Err(err) => (0, Seen::Error(err.into())),
            };
            seen.push(event);
            if seen.last().is_some_and(Seen::ends) {
                return seen;
            }
            input = &mut input[taken..];
        }
    }
    seen
}

fn own(event: Event<'_>) -> Seen {
    match event {
        Event::Message { kind, payload } => Seen::Message(kind, payload.to_vec()),
        Event::Compressed { .. } => panic!("no extension was agreed on"),
        Event::Ping(payload) => Seen::Ping(payload.to_vec()),
        Event::Pong(payload) => Seen::Pong(payload.to_vec()),
        Event::Close { code, reason } => Seen::Close(code, reason.to_owned()),
    }
}

/// A tungstenite end that has shaken hands.
fn their_end(role: Role, max: usize) -> (WebSocket<Wire>, Wire) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(max))
        .max_frame_size(Some(max));
    let wire = Wire::default();
    (
        WebSocket::from_raw_socket(wire.clone(), role, Some(config)),
        wire,
    )
}

/// Everything that can be read from a tungstenite end now, up to an error or a close frame.
fn read_all(socket: &mut WebSocket<Wire>) -> Vec<Seen> {
    let mut seen = Vec::new();
    while !seen.last().is_some_and(Seen::ends) {
        seen.push(match socket.read() {
            Ok(Message::Text(text)) => Seen::Message(Kind::Text, text.as_bytes().to_vec()),
            Ok(Message::Binary(bytes)) => Seen::Message(Kind::Binary, bytes.to_vec()),
            Ok(Message::Ping(bytes)) => Seen::Ping(bytes.to_vec()),
            Ok(Message::Pong(bytes)) => Seen::Pong(bytes.to_vec()),
            Ok(Message::Close(None)) => Seen::Close(None, String::new()),
            Ok(Message::Close(Some(close))) => {
                Seen::Close(Some(close.code.into()), close.reason.as_str().to_owned())
            }
            Ok(Message::Frame(_)) => unreachable!("only sent"),
            Err(Error::Io(err)) if err.kind() == ErrorKind::WouldBlock => break,
            Err(err) => Seen::Error(err.into()),
        });
    }
    seen
}

/// What tungstenite's server makes of a client's bytes.
fn theirs(bytes: &[u8], max: usize) -> Vec<Seen> {
    let (mut socket, wire) = their_end(Role::Server, max);
    wire.feed(bytes);
    read_all(&mut socket)
}

/// Sends a message from tungstenite's client and checks what our decoder makes of it, whole and
/// in pieces.
fn check_sent(messages: &[Message], expected: &[Seen]) {
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

/// Payload lengths around every change of the header's length.
const LENGTHS: [usize; 10] = [0, 1, 2, 125, 126, 127, 65_535, 65_536, 65_537, 300_000];

fn bytes_of(len: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(len).collect()
}

#[test]
fn messages_of_every_length_class_arrive_from_their_client() {
    for len in LENGTHS {
        let bytes = bytes_of(len);
        check_sent(
            &[Message::binary(bytes.clone())],
            &[Seen::Message(Kind::Binary, bytes)],
        );
        let text = "é".repeat(len / 2);
        let expected = Seen::Message(Kind::Text, text.clone().into_bytes());
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
                [Seen::Message(kind, payload)],
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
            Seen::Ping(b"are you there".to_vec()),
            Seen::Ping(vec![]),
            Seen::Message(Kind::Text, "fragménted".into()),
            Seen::Message(Kind::Binary, b"ab".to_vec()),
        ],
    );
}

#[test]
fn a_ping_is_answered_and_the_answer_is_understood() {
    for len in [0, 1, 124, 125] {
        let payload = bytes_of(len);
        check_sent(
            &[Message::Ping(payload.clone().into())],
            &[Seen::Ping(payload.clone())],
        );

        let (mut socket, wire) = their_end(Role::Client, MAX);
        let mut out = Vec::new();
        encode_pong(&mut out, &payload);
        encode_ping(&mut out, &payload);
        wire.feed(&out);
        let expected = [Seen::Pong(payload.clone()), Seen::Ping(payload.clone())];
        assert_eq!(read_all(&mut socket), expected);
        socket.flush().unwrap();
        assert_eq!(ours([&wire.take_written()[..]], MAX), [Seen::Pong(payload)]);
    }
}

#[test]
fn close_frames_keep_their_code_and_reason() {
    check_sent(&[Message::Close(None)], &[Seen::Close(None, String::new())]);
    for code in [1000, 1001, 1008, 1011, 1013, 3000, 3500, 4999] {
        for reason in ["", "going away", "grüße", &"x".repeat(123)] {
            let frame = CloseFrame {
                code: code.into(),
                reason: reason.into(),
            };
            let expected = [Seen::Close(Some(code), reason.to_owned())];
            check_sent(&[Message::Close(Some(frame))], &expected);

            let (mut socket, wire) = their_end(Role::Client, MAX);
            let mut out = Vec::new();
            encode_close(&mut out, code, reason);
            wire.feed(&out);
            assert_eq!(read_all(&mut socket), expected);
        }
    }
}

/// A masked client frame with any first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x5a, 0x01, 0xfe, 0x80];
    let mut out = Vec::new();
    encode_header(&mut out, Opcode::Continuation, payload.len());
    out[0] = first;
    out[1] |= 0x80;
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[start..], key, 0);
    out
}

#[test]
fn violations_are_judged_alike() {
    let check = |bytes: &[u8], rule| {
        let expected = [Seen::Error(rule)];
        assert_eq!(ours([bytes], 1000), expected, "ours: {bytes:02x?}");
        assert_eq!(theirs(bytes, 1000), expected, "theirs: {bytes:02x?}");
    };
    for reserved in [0xc1, 0xa2, 0x91, 0xc9] {
        check(&frame(reserved, b"x"), Rule::Reserved);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        check(&frame(0x80 | opcode, b"x"), Rule::Opcode);
    }
    for control in [0x08, 0x09, 0x0a] {
        check(&frame(control, b""), Rule::ControlFragment);
        check(&frame(control | 0x80, &[b'x'; 126]), Rule::ControlLength);
    }
    check(b"\x81\x01x", Rule::Mask);
    check(&frame(0x80, b"x"), Rule::Continuation);
    check(&frame(0x00, b"x"), Rule::Continuation);
    check(
        &[frame(0x01, b"x"), frame(0x81, b"y")].concat(),
        Rule::Continuation,
    );
    check(
        &[frame(0x02, b"x"), frame(0x02, b"y")].concat(),
        Rule::Continuation,
    );
    check(&frame(0x82, &[0; 1001]), Rule::Size);
    check(
        &[frame(0x02, &[0; 600]), frame(0x80, &[0; 401])].concat(),
        Rule::Size,
    );
    for bad in [
        &b"\xff"[..],
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"ok\xc0\xaf",
    ] {
        check(&frame(0x81, bad), Rule::Utf8);
        check(&[frame(0x01, bad), frame(0x80, b"")].concat(), Rule::Utf8);
    }
    check(
        &[frame(0x01, b"\xe2"), frame(0x80, b"x")].concat(),
        Rule::Utf8,
    );
    check(&frame(0x88, b"x"), Rule::CloseFrame);
    check(&frame(0x88, b"\x03\xe8\xff"), Rule::Utf8);
}

#[test]
fn what_is_allowed_at_the_limit_is_allowed_by_both() {
    for bytes in [
        frame(0x82, &[0; 1000]),
        [frame(0x02, &[0; 600]), frame(0x80, &[0; 400])].concat(),
        [
            frame(0x01, b"\xe2"),
            frame(0x00, b"\x82"),
            frame(0x80, b"\xac"),
        ]
        .concat(),
        frame(0x89, &[0; 125]),
    ] {
        let seen = ours([&bytes[..]], 1000);
        assert!(!seen.is_empty() && !seen.iter().any(Seen::ends), "{seen:?}");
        assert_eq!(theirs(&bytes, 1000), seen);
    }
}

/// One side's bytes: mostly legal frames, with a mistake here and there.
fn random_stream(rng: &mut Rng, frame: fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..rng.below(12) {
        let opcode = [0x0, 0x0, 0x0, 0x1, 0x1, 0x2, 0x2, 0x9, 0xa, 0x8][rng.below(10)];
        let fin = if opcode < 8 && rng.below(2) == 0 {
            0
        } else {
            0x80
        };
        let len = [0, 1, 5, 60, 130][rng.below(5)];
        let mut payload: Vec<u8> = "aé€💥".bytes().cycle().take(len).collect();
        if opcode == 0x8 && 2 <= len {
            payload[..2].copy_from_slice(&[3, 0xe8 + u8::try_from(rng.below(16)).unwrap()]);
        }
        out.extend(frame(opcode | fin, &payload));
    }
    for _ in 0..rng.below(3) {
        let at = rng.below(out.len());
        if let Some(byte) = out.get_mut(at) {
            *byte ^= 1 << rng.below(8);
        }
    }
    // So that every frame ends and every stream comes to an end: no message begins with zeros, and
    // no frame begins or goes on like the last of these.
    out.extend([0; 2000]);
    out.extend([0x83; 20]);
    out
}

/// Compares what we make of random streams to what they make of them.
fn judge_alike(
    frame: fn(u8, &[u8]) -> Vec<u8>,
    ours: fn(&[u8]) -> Vec<Seen>,
    theirs: fn(&[u8]) -> Vec<Seen>,
) {
    let mut compared = [0; 3];
    for seed in 0..5000 {
        let bytes = random_stream(&mut Rng::new(seed), frame);
        let ours = ours(&bytes);
        let theirs = theirs(&bytes);
        assert!(!ours.is_empty(), "seed {seed}: a stream comes to an end");
        let context = format!("seed {seed}: {ours:?} {theirs:?} {bytes:02x?}");
        let (last, before) = ours.split_last().unwrap();
        let same_before = theirs.get(..before.len()) == Some(before);
        assert!(same_before, "{context}");
        match last {
            // They let these pass, or answer for the application.
            Seen::Error(Rule::Length | Rule::ControlLength | Rule::CloseFrame)
            | Seen::Close(Some(1014), _) => {
                compared[0] += 1;
            }
            // Where a frame breaks two rules, they look at the payload first.
            Seen::Error(_) => {
                assert!(matches!(theirs[before.len()], Seen::Error(_)), "{context}");
                compared[1] += 1;
            }
            _ => {
                assert_eq!(ours, theirs, "{context}");
                compared[2] += 1;
            }
        }
    }
    assert!(
        compared.iter().all(|n| 20 < *n),
        "some case hardly occurs: {compared:?}"
    );
}

#[test]
fn random_streams_are_judged_alike() {
    judge_alike(
        frame,
        |bytes| ours([bytes], 300),
        |bytes| theirs(bytes, 300),
    );
}
