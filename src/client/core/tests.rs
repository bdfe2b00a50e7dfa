use std::time::Duration;

use tungstenite::handshake::derive_accept_key;

use super::Core;
use crate::client::core::event::Event;
use crate::client::core::settings::Settings;
use crate::internals::Rng;
use crate::proto::Kind;
use crate::proto::ws::dial::Offer;
use crate::proto::ws::frame::{Opcode, encode_header};
use crate::proto::ws::{self, Decoder, encode_close, encode_ping, encode_pong};
use crate::time::Now;

pub(super) const START: Now = Now::from_millis(1_000);

pub(super) fn secs(secs: u64) -> Now {
    START.plus(Duration::from_secs(secs))
}

pub(super) fn websocket() -> Settings {
    Settings::new(Some(Offer {
        compression: None,
        host: "a".to_owned(),
        target: "/".to_owned(),
        protocols: vec!["chat".to_owned()],
        headers: Vec::new(),
    }))
}

pub(super) fn tcp() -> Settings {
    Settings::new(None)
}

/// Random bytes that make each delay half of the longest.
pub(super) fn half(bytes: &mut [u8]) {
    bytes.fill(0x80);
}

/// A core whose socket has just connected.
pub(super) fn connected(settings: Settings) -> Core {
    let mut core = Core::new(settings, half, START);
    dial(&mut core, START);
    core
}

pub(super) fn dial(core: &mut Core, now: Now) {
    assert!(!core.take_dial());
    core.handle_timeout(now);
    assert!(core.take_dial() && !core.take_dial(), "once");
    core.handle_connected(now);
}

/// What is to be sent, which is sent.
pub(super) fn sent(core: &mut Core) -> Vec<u8> {
    let out = core.out().to_vec();
    core.handle_sent(out.len());
    out
}

/// The answer that grants what is asked.
pub(super) fn grant(core: &mut Core) -> Vec<u8> {
    let request = String::from_utf8(sent(core)).unwrap();
    let (_, rest) = request.split_once("Sec-WebSocket-Key: ").unwrap();
    let accept = derive_accept_key(rest.split_once("\r\n").unwrap().0.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

pub(super) fn live() -> Core {
    live_with(websocket())
}

pub(super) fn live_with(settings: Settings) -> Core {
    let is_websocket = settings.offer.is_some();
    let mut core = connected(settings);
    let mut greeting = if is_websocket {
        grant(&mut core)
    } else {
        vec![0; 4]
    };
    core.handle_bytes(&mut greeting, START);
    assert_eq!(
        events(&mut core),
        ["Connected { protocol: None, attempts: 1 }"]
    );
    core
}

pub(super) fn events(core: &mut Core) -> Vec<String> {
    std::iter::from_fn(|| core.take_event())
        .map(|event| format!("{event:?}"))
        .collect()
}

pub(super) fn disconnected(reason: &str, retry_in: Option<Duration>) -> Vec<String> {
    vec![format!(
        "Disconnected {{ reason: {reason}, retry_in: {retry_in:?} }}"
    )]
}

/// What the first delay is with [`half`].
pub(super) const FIRST_DELAY: Option<Duration> = Some(Duration::from_nanos(250_980_392));

pub(super) fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_header(&mut out, Opcode::Data(kind), payload.len());
    out.extend_from_slice(payload);
    out
}

#[test]
fn messages_before_a_broken_frame_can_be_answered() {
    let mut core = live();
    let mut bytes = [frame(Kind::Text, b"one"), b"\xc1\x01x".to_vec()].concat();
    core.handle_bytes(&mut bytes, START);
    core.handle_timeout(START);
    assert!(core.out().is_empty() && !core.wants_bytes());
    assert_ne!(
        core.next_deadline(),
        Some(Now::default()),
        "nobody is in a hurry"
    );
    assert!(matches!(core.take_event(), Some(Event::Message { .. })));
    assert_eq!(core.next_deadline(), Some(Now::default()));
    assert!(core.send(Kind::Text, b"one", START).is_some());
    core.handle_timeout(START);
    let said = read(&mut core);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("Message") && said[1].starts_with("Close { code: Some(1002)"));
    core.handle_end(None, START);
    assert_eq!(
        events(&mut core),
        disconnected("Protocol(ReservedBits)", None)
    );
}

/// What a server reads of what is to be sent.
pub(super) fn read(core: &mut Core) -> Vec<String> {
    let mut bytes = sent(core);
    let mut input = &mut bytes[..];
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    while !input.is_empty() {
        let step = decoder.decode(input, 1 << 24, false).unwrap();
        seen.extend(step.event.map(|event| format!("{event:?}")));
        let taken = step.taken;
        input = &mut input[taken..];
    }
    seen
}

#[test]
fn every_cut_gives_the_same_events() {
    let mut stream = frame(Kind::Text, "hé".as_bytes());
    encode_ping(&mut stream, b"p");
    stream.extend([0x01, 1, 0xc3, 0x89, 0, 0x80, 1, 0xa9]);
    stream.extend(frame(Kind::Binary, &[7; 300]));
    encode_pong(&mut stream, b"");
    encode_close(&mut stream, 1001, "bye");
    let text = "Closed { code: Some(1001), text: \"bye\" }";
    let expected = [
        vec!["Connected { protocol: None, attempts: 1 }".to_owned()],
        vec!["Message { kind: Text, payload: [104, 195, 169], position: None }".to_owned()],
        vec!["Message { kind: Text, payload: [195, 169], position: None }".to_owned()],
        vec![format!(
            "Message {{ kind: Binary, payload: {:?}, position: None }}",
            [7; 300]
        )],
        disconnected(text, FIRST_DELAY),
    ]
    .concat();
    let check = |cuts: &dyn Fn(&[u8]) -> Vec<Vec<u8>>, context: &str| {
        let mut core = connected(websocket());
        let bytes = [grant(&mut core), stream.clone()].concat();
        for mut piece in cuts(&bytes) {
            core.handle_bytes(&mut piece, START);
        }
        let said = read(&mut core);
        let close = "Close { code: Some(1001), reason: \"\" }";
        assert_eq!(said, ["Pong([112])", "Pong([])", close], "{context}");
        core.handle_end(None, START);
        assert_eq!(events(&mut core), expected, "{context}");
    };
    check(&|bytes| vec![bytes.to_vec()], "whole");
    check(
        &|bytes| bytes.chunks(1).map(<[u8]>::to_vec).collect(),
        "byte by byte",
    );
    for cut in 0..500 {
        let two = |bytes: &[u8]| {
            let (front, back) = bytes.split_at(cut.min(bytes.len()));
            vec![front.to_vec(), back.to_vec()]
        };
        check(&two, &format!("cut at {cut}"));
    }
    for seed in 0..50 {
        let some = |bytes: &[u8]| {
            Rng::new(seed)
                .cuts(bytes)
                .into_iter()
                .map(<[u8]>::to_vec)
                .collect()
        };
        check(&some, &format!("seed {seed}"));
    }
}

#[test]
fn every_cut_of_length_prefixed_frames_gives_the_same_events() {
    let stream = b"\0\0\0\0\0\0\0\x02hi\0\0\0\0\0\0\0\x01!";
    for cut in 0..=stream.len() {
        for step in 1..=stream.len() {
            let mut core = connected(tcp());
            let (front, back) = stream.split_at(cut);
            for piece in front.chunks(step).chain(back.chunks(step)) {
                core.handle_bytes(&mut piece.to_vec(), START);
            }
            let expected = [
                "Connected { protocol: None, attempts: 1 }",
                "Message { kind: Binary, payload: [104, 105], position: None }",
                "Message { kind: Binary, payload: [33], position: None }",
            ];
            assert_eq!(events(&mut core), expected, "cut at {cut}, step {step}");
        }
    }
}

#[test]
fn every_close_code_is_answered_and_decides_whether_to_come_back() {
    for code in 0..=u16::MAX {
        let mut core = live();
        let mut bytes = vec![0x88, 2];
        bytes.extend(code.to_be_bytes());
        core.handle_bytes(&mut bytes, START);
        let said = read(&mut core);
        assert!(!core.can_send());
        core.handle_end(None, START);
        let event = core.take_event();
        let Some(Event::Disconnected { reason, retry_in }) = event else {
            panic!("{code}: {event:?}");
        };
        if ws::close::is_allowed(code) {
            assert_eq!(
                said,
                [format!("Close {{ code: Some({code}), reason: \"\" }}")]
            );
            assert_eq!(retry_in.is_none(), reason.is_terminal(), "{code}");
        } else {
            assert!(
                said[0].starts_with("Close { code: Some(1002)"),
                "{code}: {said:?}"
            );
            assert_eq!(retry_in, None, "{code}");
        }
        assert_eq!(core.is_ended(), retry_in.is_none());
    }
}

#[test]
fn an_empty_close_frame_is_answered_with_one() {
    let mut core = live();
    core.handle_bytes(&mut [0x88, 0], START);
    assert_eq!(read(&mut core), ["Close { code: None, reason: \"\" }"]);
    // The server does not close the socket.
    assert!(core.has_socket());
    core.handle_timeout(secs(2));
    assert!(!core.has_socket());
    let reason = "Closed { code: None, text: \"\" }";
    assert_eq!(events(&mut core), disconnected(reason, FIRST_DELAY));
}

#[test]
fn a_broken_protocol_is_said_so_and_is_the_end() {
    for (bytes, code, reason) in [
        (&b"\x81\x81\0\0\0\0x"[..], 1002, "Protocol(Masked)"),
        (b"\xc1\x01x", 1002, "Protocol(ReservedBits)"),
        (b"\x81\x01\xff", 1007, "Protocol(InvalidUtf8)"),
        (
            b"\x82\x7f\0\0\0\0\0\x10\0\x01",
            1009,
            "Protocol(MessageTooBig { limit: 1048576 })",
        ),
    ] {
        let mut core = live();
        core.handle_bytes(&mut bytes.to_vec(), START);
        let said = read(&mut core);
        assert!(
            said[0].starts_with(&format!("Close {{ code: Some({code})")),
            "{said:?}"
        );
        core.handle_bytes(&mut b"\x81\x01x".to_vec(), START);
        core.handle_end(None, START);
        assert_eq!(events(&mut core), disconnected(reason, None));
        assert!(core.is_ended() && core.next_deadline().is_none());
    }
}
