//! The decoder, whole and in pieces.

mod compressed;
mod limits;

use crate::internals::Rng;
use crate::proto::ws::frame::unmask;
use crate::proto::ws::{Decoder, Event};
use crate::proto::{Kind, ProtocolError};

const KEY: [u8; 4] = [0xa1, 0x00, 0xff, 0x5c];
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CONTINUATION: u8 = 0x0;
const FIN: u8 = 0x80;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// An event that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Output {
    Message(Kind, Vec<u8>),
    Compressed(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Error(ProtocolError),
}

impl From<Event<'_>> for Output {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message { kind, payload } => Self::Message(kind, payload.to_vec()),
            Event::Compressed { kind, payload } => Self::Compressed(kind, payload.to_vec()),
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close { code, reason } => Self::Close(code, reason.to_owned()),
        }
    }
}

/// A masked frame with the first byte as given and the shortest length.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = header(first, payload.len());
    let start = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[start..], KEY, 0);
    out
}

/// The header of a masked frame.
fn header(first: u8, len: usize) -> Vec<u8> {
    let mut out = vec![first];
    match len {
        0..126 => out.push(0x80 | u8::try_from(len).unwrap()),
        126..0x1_0000 => {
            out.push(0xfe);
            out.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        _ => {
            out.push(0xff);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(KEY);
    out
}

/// Feeds the pieces and returns everything that came out, up to the first error.
fn decode<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    max: usize,
    deflate: bool,
) -> Vec<Output> {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            let available = input.len();
            match decoder.decode(input, max, deflate) {
                Ok(step) => {
                    let (taken, event) = (step.taken, step.event.map(Output::from));
                    assert!(taken <= available);
                    let Some(event) = event else {
                        assert_eq!(taken, available, "bytes left without an event");
                        break;
                    };
                    seen.push(event);
                    input = &mut input[taken..];
                }
                Err(err) => {
                    seen.push(Output::Error(err));
                    return seen;
                }
            }
        }
    }
    seen
}

/// Checks the input whole, byte by byte, cut once everywhere, and in seeded random cuts.
fn check(input: &[u8], max: usize, expected: &[Output]) {
    check_with(input, max, false, expected);
}

/// The same with or without permessage-deflate.
fn check_with(input: &[u8], max: usize, deflate: bool, expected: &[Output]) {
    let whole = decode([input], max, deflate);
    assert_eq!(whole, expected, "whole");
    let bytes = decode(input.chunks(1), max, deflate);
    assert_eq!(bytes, expected, "byte by byte");
    for cut in 0..=input.len().min(400) {
        let (front, back) = input.split_at(cut);
        let cut_once = decode([front, back], max, deflate);
        assert_eq!(cut_once, expected, "cut at {cut}");
    }
    for seed in 0..50 {
        let pieces = decode(Rng::new(seed).cuts(input), max, deflate);
        assert_eq!(pieces, expected, "seed {seed}");
    }
}

fn text(payload: &str) -> Output {
    Output::Message(Kind::Text, payload.as_bytes().to_vec())
}

fn error(input: &[u8], err: ProtocolError) {
    check(input, 100, &[Output::Error(err)]);
}

#[test]
fn every_cut_gives_the_same_events() {
    let long: Vec<u8> = (0..=u8::MAX).cycle().take(70_000).collect();
    let input = [
        frame(FIN | TEXT, "hello, κόσμε".as_bytes()),
        frame(FIN | BINARY, b""),
        frame(PING, b"are you there"),
        frame(TEXT, b"frag"),
        frame(PONG, b""),
        frame(CONTINUATION, b""),
        frame(CONTINUATION, "mé".as_bytes()),
        frame(PING, &[7; 125]),
        frame(FIN | CONTINUATION, b"nted"),
        frame(FIN | BINARY, &long[..300]),
        frame(FIN | BINARY, &long),
        frame(BINARY, b""),
        frame(FIN | CONTINUATION, b""),
        frame(CLOSE, b"\x03\xe8bye"),
    ]
    .concat();
    let expected = [
        text("hello, κόσμε"),
        Output::Message(Kind::Binary, vec![]),
        Output::Ping(b"are you there".to_vec()),
        Output::Pong(vec![]),
        Output::Ping(vec![7; 125]),
        text("fragménted"),
        Output::Message(Kind::Binary, long[..300].to_vec()),
        Output::Message(Kind::Binary, long.clone()),
        Output::Message(Kind::Binary, vec![]),
        Output::Close(Some(1000), "bye".to_owned()),
    ];
    check(&input, 70_000, &expected);
}

#[test]
fn every_prefix_asks_for_more() {
    let frames = [
        frame(FIN | TEXT, b"some text"),
        frame(PING, b"x"),
        frame(CLOSE, b"\x03\xe8"),
    ];
    for whole in frames {
        for cut in 0..whole.len() {
            assert_eq!(decode([&whole[..cut]], 100, false), [], "cut at {cut}");
        }
    }
}

#[test]
fn a_text_may_be_cut_inside_a_character() {
    let euro = "€".as_bytes();
    let input = [
        frame(TEXT, &euro[..1]),
        frame(PING, b""),
        frame(CONTINUATION, &euro[1..2]),
        frame(FIN | CONTINUATION, &euro[2..]),
    ];
    check(&input.concat(), 100, &[Output::Ping(vec![]), text("€")]);
}

#[test]
fn what_the_rfc_forbids_is_an_error_however_it_is_cut() {
    error(&frame(0xc1, b"x"), ProtocolError::ReservedBits);
    error(&frame(0x83, b"x"), ProtocolError::ReservedOpcode);
    error(&frame(0x09, b"x"), ProtocolError::FragmentedControl);
    error(&frame(PING, &[0; 126]), ProtocolError::ControlTooLong);
    error(&[0x81, 1, b'x'], ProtocolError::Unmasked);
    error(
        &[0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ProtocolError::LengthTopBit,
    );
    error(
        &frame(CONTINUATION, b"x"),
        ProtocolError::ContinuationWithoutStart,
    );
    error(
        &frame(FIN | CONTINUATION, b"x"),
        ProtocolError::ContinuationWithoutStart,
    );
    let two = [frame(TEXT, b"x"), frame(FIN | TEXT, b"y")].concat();
    error(&two, ProtocolError::MessageInsideMessage);
    error(&frame(CLOSE, b"x"), ProtocolError::CloseTooShort);
    error(
        &frame(CLOSE, b"\x03\xed"),
        ProtocolError::InvalidCloseCode { code: 1005 },
    );
    error(
        &frame(CLOSE, b"\x03\xe8\xff"),
        ProtocolError::InvalidCloseReason,
    );
    error(&frame(FIN | TEXT, b"x\xff"), ProtocolError::InvalidUtf8);
    error(&frame(FIN | TEXT, b"\xe2\x82"), ProtocolError::InvalidUtf8);
    let open = [frame(TEXT, b"\xe2\x82"), frame(FIN | CONTINUATION, b"")].concat();
    error(&open, ProtocolError::InvalidUtf8);
}

#[test]
fn events_before_an_error_are_not_lost() {
    let input = [
        frame(FIN | TEXT, b"x"),
        frame(PING, b""),
        frame(CONTINUATION, b""),
    ]
    .concat();
    let refused = Output::Error(ProtocolError::ContinuationWithoutStart);
    check(&input, 100, &[text("x"), Output::Ping(vec![]), refused]);
}

#[test]
fn a_message_after_a_message_in_fragments_starts_afresh() {
    let input = [
        frame(BINARY, b"\xff"),
        frame(FIN | CONTINUATION, b"\xfe"),
        frame(TEXT, b"a"),
        frame(FIN | CONTINUATION, b"b"),
    ];
    check(
        &input.concat(),
        2,
        &[Output::Message(Kind::Binary, vec![0xff, 0xfe]), text("ab")],
    );
}

#[test]
fn invalid_text_fails_inside_an_unfinished_frame() {
    let whole = frame(FIN | TEXT, b"ok\xf4\x90 and much more that has not arrived");
    let before = 6 + 3;
    assert_eq!(decode([&whole[..before]], 100, false), []);
    let failed = [Output::Error(ProtocolError::InvalidUtf8)];
    assert_eq!(decode([&whole[..=before]], 100, false), failed);
    assert_eq!(decode(whole[..=before].chunks(1), 100, false), failed);
}
