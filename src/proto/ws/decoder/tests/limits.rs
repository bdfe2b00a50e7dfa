//! The limit of a message, and the memory of a decoder.

use crate::proto::ws::decoder::tests::{
    BINARY, CONTINUATION, FIN, Output, PING, TEXT, check, decode, frame, header, text,
};
use crate::proto::ws::{Decoder, Event};
use crate::proto::{Kind, ProtocolError};

#[test]
fn the_limit_counts_the_whole_message() {
    let refused = Output::Error(ProtocolError::MessageTooBig { limit: 10 });
    for len in [9, 10, 11] {
        let body = vec![b'x'; len];
        let expected = if len <= 10 {
            Output::Message(Kind::Binary, body.clone())
        } else {
            refused.clone()
        };
        check(
            &frame(FIN | BINARY, &body),
            10,
            std::slice::from_ref(&expected),
        );
        for split in 0..=len.min(10) {
            let (front, back) = body.split_at(split);
            let input = [
                frame(BINARY, front),
                frame(PING, &[0; 99]),
                frame(FIN | CONTINUATION, back),
            ];
            check(
                &input.concat(),
                10,
                &[Output::Ping(vec![0; 99]), expected.clone()],
            );
        }
    }
}

#[test]
fn too_big_is_refused_by_the_header_alone() {
    let refused = [Output::Error(ProtocolError::MessageTooBig { limit: 1000 })];
    assert_eq!(decode([&header(FIN | BINARY, 1000)[..]], 1000, false), []);
    assert_eq!(
        decode([&header(FIN | BINARY, 1001)[..]], 1000, false),
        refused
    );
    assert_eq!(
        decode([&header(BINARY, usize::MAX >> 1)[..]], 1000, false),
        refused
    );
    let sum = [frame(BINARY, &[0; 600]), header(CONTINUATION, 401)].concat();
    assert_eq!(decode([&sum[..]], 1000, false), refused);
}

#[test]
fn memory_follows_what_arrived_and_not_what_was_announced() {
    let mut decoder = Decoder::default();
    let mut announced = header(FIN | BINARY, 1 << 20);
    assert!(
        decoder
            .decode(&mut announced, 1 << 20, false)
            .unwrap()
            .event
            .is_none()
    );
    assert!(decoder.held_bytes() < 512, "{}", decoder.held_bytes());
    let mut arrived = 0;
    while arrived < 1 << 20 {
        let mut part = [0; 1000];
        let step = decoder.decode(&mut part, 1 << 20, false).unwrap();
        if step.event.is_some() {
            break;
        }
        arrived += step.taken;
        assert!(
            decoder.held_bytes() <= 512 + 2 * arrived,
            "{arrived}: {}",
            decoder.held_bytes()
        );
    }
    assert!(decoder.held_bytes() <= 512 + (1 << 20));
}

#[test]
fn an_idle_connection_is_a_null_pointer() {
    assert!(size_of::<Decoder>() <= 16);
    let mut decoder = Decoder::default();
    let mut whole = frame(FIN | TEXT, b"hello");
    let mut in_parts = whole.clone();
    let (front, back) = in_parts.split_at_mut(7);
    assert!(
        decoder
            .decode(&mut whole, 100, false)
            .unwrap()
            .event
            .is_some()
    );
    assert_eq!(decoder.held_bytes(), 0, "a whole frame needs no memory");

    assert!(decoder.decode(front, 100, false).unwrap().event.is_none());
    assert!(decoder.is_mid_message());
    assert!(0 < decoder.held_bytes());
    assert!(decoder.decode(back, 100, false).unwrap().event.is_some());
    assert!(!decoder.is_mid_message());
    decoder.release();
    assert_eq!(decoder.held_bytes(), 0, "released");
}

#[test]
fn release_keeps_a_message_in_progress() {
    let mut decoder = Decoder::default();
    let mut first = [frame(TEXT, b"a"), frame(PING, b"p")].concat();
    assert_eq!(
        decoder.decode(&mut first, 100, false).unwrap().event,
        Some(Event::Ping(b"p"))
    );
    decoder.release();
    assert!(decoder.is_mid_message());
    let mut last = frame(FIN | CONTINUATION, b"b");
    let expected = Event::Message {
        kind: Kind::Text,
        payload: b"ab",
    };
    assert_eq!(
        decoder.decode(&mut last, 100, false).unwrap().event,
        Some(expected)
    );
}

#[test]
fn a_message_may_have_65536_fragments() {
    let mut input = frame(TEXT, b"x");
    for _ in 0..65_534 {
        input.extend(frame(CONTINUATION, b"x"));
    }
    input.extend(frame(FIN | CONTINUATION, b"x"));
    assert_eq!(
        decode([&input[..]], 65_536, false),
        [text(&"x".repeat(65_536))]
    );
    assert_eq!(
        decode(input.chunks(1), 65_536, false),
        [text(&"x".repeat(65_536))]
    );
}
