//! Fuzz bodies: one per decoder, for any bytes.
//!
//! The first bytes of the data choose how the rest is cut on its way. A body panics if a promise
//! is broken: the same result however it is cut, every limit held, what was decoded encodes back.

mod centrifuge;
mod fossil;
mod http;
mod ws;

use std::fmt::Debug;

use crate::internals::fuzz::centrifuge::centrifuge;
pub use crate::internals::fuzz::fossil::apply_delta;
use crate::internals::fuzz::fossil::fossil;
use crate::internals::fuzz::http::{check_refusal, http_answer, http_body, http_head};
use crate::internals::fuzz::ws::{ws, ws_extensions, ws_inflate, ws_server};
use crate::limits::TOPIC_BYTES_MAX;
use crate::proto::http::topic_from_path;
use crate::proto::length_prefix::Step;
use crate::proto::positions::{self, Frame, LINE_LEN_MAX};
use crate::proto::proxy::{BINARY_LEN_MAX, ProxyError};
use crate::proto::{Kind, ProtocolError, length_prefix, line, proxy, utf8, varint};

/// A fuzz body.
pub type Body = fn(&[u8]);

/// Every fuzz body with the name of its corpus.
pub const BODIES: [(&str, Body); 16] = [
    ("length_prefix", length_prefix),
    ("line", line),
    ("varint", varint),
    ("proxy", proxy),
    ("ws", ws),
    ("ws_server", ws_server),
    ("ws_extensions", ws_extensions),
    ("ws_inflate", ws_inflate),
    ("http_head", http_head),
    ("http_body", http_body),
    ("http_answer", http_answer),
    ("positions", positions),
    ("centrifuge", centrifuge),
    ("fossil", fossil),
    ("utf8", utf8),
    ("topic_path", topic_path),
];

/// The longest message of the bodies in bytes: small, so that the limit is met often.
const MESSAGE_MAX: usize = 1000;
/// How many bytes of the data are the sizes of pieces.
const PLAN_LEN: usize = 4;

/// Length-prefixed frames, read as from a socket into a buffer that keeps what is incomplete.
pub fn length_prefix(data: &[u8]) {
    framed(data, length_prefix::decode, |out, payload| {
        out.extend_from_slice(&length_prefix::header(payload.len()));
        out.extend_from_slice(payload);
    });
}

/// Varint frames, likewise.
pub fn varint(data: &[u8]) {
    framed(data, varint::decode, |out, payload| {
        varint::encode_header(out, payload.len());
        out.extend_from_slice(payload);
    });
}

/// Lines, likewise; but for carriage returns at their ends they encode back.
pub fn line(data: &[u8]) {
    let encode = |out: &mut Vec<u8>, payload: &[u8]| {
        assert!(payload.is_empty() || payload.contains(&b'\r') || line::carries(payload));
        out.extend_from_slice(payload);
        out.extend_from_slice(line::END);
    };
    let (plan, input) = split_plan(data);
    let ended: Vec<u8> = [
        plan,
        &input
            .split(|byte| *byte == b'\r')
            .collect::<Vec<_>>()
            .concat(),
    ]
    .concat();
    framed(&ended, line::decode, encode);
    same(
        &decoded([input], line::decode),
        &decoded(pieces(plan, input), line::decode),
    );
}

/// A decoder of frames.
type Decode = fn(&mut [u8], usize) -> Result<Step<'_>, ProtocolError>;

fn framed(data: &[u8], decode: Decode, encode: impl Fn(&mut Vec<u8>, &[u8])) {
    let (plan, input) = split_plan(data);
    let whole = decoded([input], decode);
    same(&whole, &decoded(pieces(plan, input), decode));
    let (payloads, _) = whole;
    let mut encoded = Vec::new();
    for payload in payloads {
        assert!(payload.len() <= MESSAGE_MAX);
        encode(&mut encoded, &payload);
    }
    assert!(input.starts_with(&encoded));
}

/// A proxy's header that grows as it arrives.
pub fn proxy(data: &[u8]) {
    let (plan, input) = split_plan(data);
    let whole = proxy::decode(input);
    let mut len = 0;
    for piece in pieces(plan, input) {
        len += piece.len();
        let early = proxy::decode(&input[..len]);
        if early != Ok(proxy::Step::Incomplete) {
            same(&early, &whole);
            break;
        }
        assert!(len < BINARY_LEN_MAX);
        assert!(proxy::may_begin(&input[..len]));
    }
    match whole {
        Ok(proxy::Step::Header { taken, .. }) => {
            assert!(proxy::has_begun(input) && taken <= input.len());
            same(&proxy::decode(&input[..taken]), &whole);
        }
        Ok(proxy::Step::Incomplete) => assert!(proxy::may_begin(input)),
        Err(error) => same(&(error == ProxyError::Missing), &!proxy::has_begun(input)),
    }
}

/// A message of `corecast.positions`, whose kind the first byte says: what is read of it is written
/// the same, and its payload changes nothing.
pub fn positions(data: &[u8]) {
    let Some((first, message)) = data.split_first() else {
        return;
    };
    let kind = [Kind::Text, Kind::Binary][usize::from(first & 1)];
    let Ok(frame) = positions::decode(kind, message) else {
        return;
    };
    let encoded = match frame {
        Frame::Message { position, payload } => {
            let mut line = Vec::new();
            positions::encode_line(&mut line, position);
            assert!(line.len() <= LINE_LEN_MAX);
            let payload = &payload[..0];
            let begun = Frame::Message { position, payload };
            same(&positions::decode(kind, &line), &Ok(begun));
            [&line, &message[line.len()..]].concat()
        }
        Frame::Position(position) => positions::position_text(position).into_bytes(),
        Frame::Gap(position) => positions::gap_text(position).into_bytes(),
    };
    same(&encoded.as_slice(), &message);
}

/// A text in pieces, against the standard library.
pub fn utf8(data: &[u8]) {
    let (plan, input) = split_plan(data);
    let mut validator = utf8::Validator::default();
    let accepted = pieces(plan, input)
        .iter()
        .all(|piece| validator.push(piece).is_ok());
    let expected = std::str::from_utf8(input);
    assert_eq!(accepted && validator.is_complete(), expected.is_ok());

    let mut validator = utf8::Validator::default();
    let failed_at = input
        .iter()
        .position(|byte| validator.push(&[*byte]).is_err());
    let expected_at = expected.err().and_then(|err| {
        // The error spans the bytes up to the first that cannot be, which is outside it unless
        // it stands alone.
        let start = err.valid_up_to();
        let first_bad = |len: &usize| may_not_continue(&input[start..start + len]);
        (1..=input.len() - start)
            .find(first_bad)
            .map(|len| start + len - 1)
    });
    assert_eq!(failed_at, expected_at);
}

/// The topic part of a path.
pub fn topic_path(data: &[u8]) {
    let Ok(encoded) = std::str::from_utf8(data) else {
        return;
    };
    match topic_from_path(encoded) {
        Ok(topic) => {
            assert!((1..=TOPIC_BYTES_MAX).contains(&topic.len()));
            assert!(!topic.chars().any(char::is_control));
            let escaped: String = topic.bytes().map(|byte| format!("%{byte:02x}")).collect();
            same(&topic_from_path(&escaped), &Ok(topic));
        }
        Err(err) => check_refusal(err),
    }
}

fn split_plan(data: &[u8]) -> (&[u8], &[u8]) {
    data.split_at(data.len().min(PLAN_LEN))
}

/// `input` in pieces of 1 to 64 bytes, as the plan says.
fn pieces<'b>(plan: &[u8], mut input: &'b [u8]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    let mut sizes = plan.iter().cycle().map(|byte| usize::from(byte % 64) + 1);
    while !input.is_empty() {
        let size = sizes.next().unwrap_or(1);
        let (piece, rest) = input.split_at(size.min(input.len()));
        pieces.push(piece);
        input = rest;
    }
    pieces
}

fn same<T: PartialEq + Debug>(left: &T, right: &T) {
    assert_eq!(left, right);
}

/// Whatever came out of a decoder, and the error that ended it.
type Outcome<T> = (Vec<T>, Option<ProtocolError>);

fn decoded<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, decode: Decode) -> Outcome<Vec<u8>> {
    let mut buffer = Vec::new();
    let mut payloads = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let available = buffer.len();
            match decode(&mut buffer, MESSAGE_MAX) {
                Ok(Step::Frame { payload, taken }) => {
                    payloads.push(payload.to_vec());
                    buffer.drain(..taken);
                }
                Ok(Step::Incomplete { need }) => {
                    assert!(available < need && need <= varint::HEADER_LEN_MAX + MESSAGE_MAX);
                    break;
                }
                Err(err) => return (payloads, Some(err)),
            }
        }
    }
    (payloads, None)
}

/// Whether no text begins with `bytes`.
fn may_not_continue(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|err| err.error_len().is_some())
}
