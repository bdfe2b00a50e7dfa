//! RSV1, RFC 7692 6: where it may be set, and what it means.

use crate::proto::ws::Decoder;
use crate::proto::ws::decoder::tests::{
    BINARY, CONTINUATION, FIN, Output, PING, TEXT, check_with, frame, header,
};
use crate::proto::ws::deflate::Inflater;
use crate::proto::{Kind, ProtocolError};

const RSV1: u8 = 0x40;
/// "Hello", RFC 7692 7.2.3.1.
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";

fn compressed(kind: Kind, payload: &[u8]) -> Output {
    Output::Compressed(kind, payload.to_vec())
}

fn check(input: &[u8], expected: &[Output]) {
    check_with(input, 100, true, expected);
}

#[test]
fn compressed_messages_and_others_take_turns_however_they_are_cut() {
    let input = [
        frame(FIN | RSV1 | TEXT, HELLO),
        frame(FIN | TEXT, b"plain"),
        frame(FIN | RSV1 | BINARY, HELLO),
        frame(PING, b"?"),
        // RFC 7692 6.1: the bit belongs to the message, so only its first frame has it.
        frame(RSV1 | TEXT, &HELLO[..3]),
        frame(PING, b""),
        frame(CONTINUATION, b""),
        frame(FIN | CONTINUATION, &HELLO[3..]),
        frame(RSV1 | TEXT, b""),
        frame(FIN | CONTINUATION, b""),
        frame(TEXT, b"in "),
        frame(FIN | CONTINUATION, b"parts"),
    ]
    .concat();
    let expected = [
        compressed(Kind::Text, HELLO),
        Output::Message(Kind::Text, b"plain".to_vec()),
        compressed(Kind::Binary, HELLO),
        Output::Ping(b"?".to_vec()),
        Output::Ping(Vec::new()),
        compressed(Kind::Text, HELLO),
        compressed(Kind::Text, b""),
        Output::Message(Kind::Text, b"in parts".to_vec()),
    ];
    check(&input, &expected);
}

#[test]
fn the_compression_bit_is_refused_in_every_other_frame() {
    let refused = [Output::Error(ProtocolError::ReservedBits)];
    for first in [
        FIN | RSV1 | CONTINUATION,
        RSV1 | CONTINUATION,
        RSV1 | PING,
        RSV1 | 0x88,
        RSV1 | 0x8a,
        FIN | 0x20 | TEXT,
        FIN | 0x10 | TEXT,
        FIN | RSV1 | 0x20 | TEXT,
        FIN | 0x70 | BINARY,
    ] {
        check(&frame(first, b""), &refused);
    }
    let continued = [frame(RSV1 | TEXT, b"a"), frame(FIN | RSV1, b"b")].concat();
    check(&continued, &refused);
    check_with(&frame(FIN | RSV1 | TEXT, HELLO), 100, false, &refused);
    let reserved = frame(FIN | RSV1 | 0x3, b"");
    check(&reserved, &[Output::Error(ProtocolError::ReservedOpcode)]);
}

#[test]
fn bytes_that_carry_text_are_no_text() {
    let bytes = b"\xff\xfe\xc0";
    let whole = frame(FIN | RSV1 | TEXT, bytes);
    check(&whole, &[compressed(Kind::Text, bytes)]);
    let parts = [frame(RSV1 | TEXT, bytes), frame(FIN, bytes)].concat();
    check(&parts, &[compressed(Kind::Text, &bytes.repeat(2))]);
    // The next message may have it again.
    let then = [whole, frame(FIN | TEXT, bytes)].concat();
    let invalid = Output::Error(ProtocolError::InvalidUtf8);
    check(&then, &[compressed(Kind::Text, bytes), invalid]);
}

#[test]
fn the_limit_counts_what_arrives() {
    let limit = 100;
    let refused = [Output::Error(ProtocolError::MessageTooBig { limit })];
    check(&header(FIN | RSV1 | TEXT, 101), &refused);
    let over = [frame(RSV1 | TEXT, &[0; 60]), header(FIN, 41)].concat();
    check(&over, &refused);
}

#[test]
fn fragments_of_a_bomb_stay_what_they_are() {
    // 1 MiB of zeros in 1,038 bytes, in three fragments with pings between.
    let mut deflater = crate::proto::ws::deflate::Deflater::new(9);
    let zeros = vec![0; 1 << 20];
    let mut once = deflater.once(&zeros);
    let bomb = once
        .compressed(crate::proto::ws::deflate::Window::LARGEST)
        .unwrap();
    let max = 64 << 10;
    let mut decoder = Decoder::default();
    let third = bomb.len() / 3;
    let mut input = [
        frame(RSV1 | BINARY, &bomb[..third]),
        frame(PING, b""),
        frame(CONTINUATION, &bomb[third..2 * third]),
        frame(PING, b""),
        frame(FIN | CONTINUATION, &bomb[2 * third..]),
    ]
    .concat();
    let mut input = &mut input[..];
    let mut refused = None;
    while !input.is_empty() {
        let step = decoder.decode(input, max, true).unwrap();
        if let Some(super::Event::Compressed { kind, payload }) = step.event {
            refused = Inflater::default().inflate(kind, payload, max).err();
        }
        let taken = step.taken;
        assert!(decoder.held_bytes() < 4 * bomb.len());
        input = &mut input[taken..];
    }
    assert_eq!(refused, Some(ProtocolError::MessageTooBig { limit: max }));
}
