use std::io::Read as _;

use flate2::read::DeflateDecoder;

use super::*;
use crate::internals::Rng;
use crate::position::Epoch;
use crate::proto::centrifuge::{ClientInfo, Wire};
use crate::proto::positions::{Frame, decode};
use crate::proto::ws::deflate::Window;
use crate::proto::ws::frame::{Header, Opcode, ParsedHeader, parse};

const WINDOWS: [Window; 3] = [Window::Bits9, Window::Bits12, Window::Bits15];
/// The end of compressed bytes, which is not sent (RFC 7692 7.2.2).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

fn position(offset: u64) -> Position {
    let epoch = Epoch::new(12_345);
    Position { epoch, offset }
}

/// What a client has of one frame: its header and its message.
fn read(frame: &[u8], window: Option<Window>) -> (Header, Vec<u8>) {
    let parsed = parse::<false>(frame, window.is_some());
    let Ok(ParsedHeader::Complete { header, taken }) = parsed else {
        panic!("{parsed:?}");
    };
    let bytes = &frame[taken..];
    assert_eq!(header.len, bytes.len() as u64);
    if !header.compressed {
        return (header, bytes.to_vec());
    }
    let stream = [bytes, &TAIL].concat();
    let mut message = Vec::new();
    // The end of the stream is not that of a last block.
    let mut decoder = DeflateDecoder::new(stream.as_slice());
    decoder.read_to_end(&mut message).ok();
    (header, message)
}

#[test]
fn positions_go_before_messages_compressed_or_not() {
    let mut encoder = Encoder::new(Compression {
        level: 6,
        threshold: 200,
    });
    let words = "the quick brown fox ".repeat(200);
    let mut rng = Rng::new(7);
    let noise: Vec<u8> = (0..600).map(|_| rng.byte()).collect();
    let payloads: [&[u8]; 5] = [
        b"",
        b"hello",
        &words.as_bytes()[..300],
        words.as_bytes(),
        &noise,
    ];
    for payload in payloads {
        for position in [None, Some(position(1)), Some(Position::LONGEST)] {
            for kind in [Kind::Text, Kind::Binary] {
                let bytes = payload;
                let entry = Entry::new(position, Payload { kind, bytes }, None).of("topic");
                let mut message = encoder.begin(entry);
                let forms = WINDOWS
                    .map(Form::deflate)
                    .into_iter()
                    .chain([Form::WebSocket]);
                for form in forms {
                    let with = form.with_positions();
                    assert_eq!(with.window(), form.window());
                    assert!(with.carries_positions() && !form.carries_positions());
                    let (mut plain, mut frame) = (Vec::new(), Vec::new());
                    message.encode(form, &mut plain);
                    message.encode(with, &mut frame);
                    assert!(frame.len() <= message.frame_len_max(with));
                    let (expected, _) = read(&plain, form.window());
                    let (header, read) = read(&frame, with.window());
                    assert_eq!(header.compressed, expected.compressed);
                    assert_eq!(header.opcode, expected.opcode);
                    let frame = Frame::Message { position, payload };
                    assert_eq!(decode(kind, &read), Ok(frame), "{with:?}");
                }
            }
        }
    }
}

#[test]
fn a_push_is_the_same_compressed_or_not() {
    let mut encoder = Encoder::new(Compression {
        level: 6,
        threshold: 200,
    });
    let words = r#"{"quick": "brown", "fox": ["#.to_owned() + &"1, ".repeat(200) + "0]}";
    let lines = words.replace(", ", ",\n");
    let mut rng = Rng::new(7);
    let noise: Vec<u8> = (0..600).map(|_| rng.byte()).collect();
    let payloads: [&[u8]; 5] = [b"", b"hello", words.as_bytes(), lines.as_bytes(), &noise];
    let info = ClientInfo {
        client: "c".to_owned(),
        conn_info: words.clone().into_bytes(),
        ..ClientInfo::default()
    };
    let extra = Extra {
        tags: vec![("a".into(), "b".into())],
        info: Some(Arc::new(info)),
        ..Extra::default()
    };
    let wires = [Wire::Json, Wire::Protobuf];
    let positions = [None, Some(position(1)), Some(Position::LONGEST)];
    for (payload, position) in payloads
        .iter()
        .flat_map(|payload| positions.map(|position| (*payload, position)))
    {
        let is_text = std::str::from_utf8(payload).is_ok();
        let kind = if is_text { Kind::Text } else { Kind::Binary };
        for extra in [None, Some(&extra)] {
            let bytes = payload;
            let entry = Entry::new(position, Payload { kind, bytes }, extra).of("topic");
            let mut message = encoder.begin(entry);
            for wire in wires {
                let plain = Form::WebSocket.structured(wire);
                let mut frame = Vec::new();
                message.encode(plain, &mut frame);
                assert!(frame.len() <= message.frame_len_max(plain));
                let (header, expected) = read(&frame, None);
                assert_eq!(header.opcode, Opcode::Data(wire.kind()));
                for window in WINDOWS {
                    let form = Form::deflate(window).structured(wire);
                    assert_eq!((form.window(), form.wire()), (Some(window), Some(wire)));
                    let mut frame = Vec::new();
                    message.encode(form, &mut frame);
                    assert!(frame.len() <= message.frame_len_max(form));
                    let (header, message) = read(&frame, Some(window));
                    assert_eq!(message, expected, "{form:?}");
                    let is_embedded = wire == Wire::Protobuf || !payload.contains(&b'\n');
                    let is_long = 200 < payload.len() && kind == Kind::Text;
                    assert_eq!(header.compressed, is_long && is_embedded, "{form:?}");
                }
            }
        }
    }
}

#[test]
fn a_push_is_carried_by_lines_chunks_and_events() {
    let bytes = br#"{"a":"\u00e4"}"#;
    let payload = Payload {
        kind: Kind::Text,
        bytes: &bytes[..],
    };
    let entry = Entry::new(Some(position(1)), payload, None).of("topic");
    let mut json = Vec::new();
    Form::WebSocket
        .structured(Wire::Json)
        .encode(&mut json, &entry);
    let json = &json[2..];
    let mut protobuf = Vec::new();
    Form::WebSocket
        .structured(Wire::Protobuf)
        .encode(&mut protobuf, &entry);
    let protobuf = &protobuf[2..];
    let line = [json, b"\n"].concat();
    let event = [b"data: ", json, b"\n\n"].concat();
    let chunk = |data: &[u8]| {
        let head = format!("{:x}\r\n", data.len());
        [head.as_bytes(), data, b"\r\n"].concat()
    };
    for (structured, message, expected) in [
        (Structured::stream(Wire::Json, false), json, line.clone()),
        (Structured::stream(Wire::Json, true), json, chunk(&line)),
        (
            Structured::stream(Wire::Protobuf, false),
            protobuf,
            protobuf.to_vec(),
        ),
        (
            Structured::stream(Wire::Protobuf, true),
            protobuf,
            chunk(protobuf),
        ),
        (Structured::events(false), json, event.clone()),
        (Structured::events(true), json, chunk(&event)),
    ] {
        let form = Form::Centrifuge(structured);
        let (mut push, mut reply) = (Vec::new(), Vec::new());
        form.encode(&mut push, &entry);
        assert_eq!(push, expected, "{form:?}");
        assert!(push.len() <= form.frame_len_max(&entry));
        structured.encode_message(&mut reply, message);
        assert_eq!(reply, expected, "{form:?}");
    }
}

#[test]
fn a_form_with_positions_says_where_a_client_stands_and_what_it_misses() {
    let here = position(7);
    for form in WINDOWS
        .map(Form::deflate)
        .into_iter()
        .chain([Form::WebSocket])
    {
        let with = form.with_positions();
        assert_eq!(
            with.with_positions(),
            with,
            "a request that is offered again"
        );
        let told = |encode: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            encode(&mut out);
            let (header, text) = read(&out, with.window());
            assert_eq!(header.opcode, Opcode::Data(Kind::Text));
            text
        };
        let text = told(&|out| with.encode_position(out, here));
        assert_eq!(decode(Kind::Text, &text), Ok(Frame::Position(here)));
        for gap in [Some(here), None] {
            let text = told(&|out| with.encode_gap(out, gap));
            assert_eq!(decode(Kind::Text, &text), Ok(Frame::Gap(gap)));
        }
        let mut out = Vec::new();
        form.encode_position(&mut out, here);
        form.encode_gap(&mut out, Some(here));
        assert_eq!(out, b"", "{form:?} has no positions");
    }
}
