//! Fuzz bodies: one per decoder, for any bytes.
//!
//! The first bytes of the data choose how the rest is cut on its way. A body panics if a promise
//! is broken: the same result however it is cut, every limit held, what was decoded encodes back.

use std::fmt::Debug;
use std::num::NonZeroUsize;

use crate::limits::{ANSWER_HEAD_BYTES_MAX, HEAD_BYTES_MAX, TOPIC_BYTES_MAX};
use crate::proto::http::{
    Answer, AnswerHead, Body as RequestBody, BodyLength, Head, HttpError, NO_ANSWER_HEADERS,
    NO_HEADERS, Piece, Request, Response, dechunk, parse_answer, parse_head, topic_from_path,
};
use crate::proto::length_prefix::Step;
use crate::proto::proxy::{BINARY_LEN_MAX, ProxyError};
use crate::proto::ws::deflate::{self, Compression, Deflater, Inflater, Window};
use crate::proto::ws::dial::{Offer, check_switching_protocols};
use crate::proto::ws::extensions::{self, Extension};
use crate::proto::ws::frame::{
    CONTROL_LEN_MAX, Control, Opcode, encode_compressed_header, encode_header,
};
use crate::proto::ws::handshake::{check_upgrade, encode_switching_protocols};
use crate::proto::ws::{DecoderOf, Event};
use crate::proto::{Kind, ProtocolError, length_prefix, line, proxy, utf8, varint};

/// A fuzz body.
pub type Body = fn(&[u8]);

/// Every fuzz body with the name of its corpus.
pub const BODIES: [(&str, Body); 13] = [
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

/// A client's WebSocket bytes.
pub fn ws(data: &[u8]) {
    frames::<true>(data);
}

/// A server's WebSocket bytes.
pub fn ws_server(data: &[u8]) {
    frames::<false>(data);
}

fn frames<const MASKED: bool>(data: &[u8]) {
    let (plan, input) = split_plan(data);
    // The sizes of the pieces leave this bit.
    let deflate = plan.first().is_some_and(|first| first & 0x80 != 0);
    let whole = ws_events::<MASKED>(&[input], deflate);
    same(&whole, &ws_events::<MASKED>(&pieces(plan, input), deflate));
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    same(&whole, &ws_events::<MASKED>(&bytes, deflate));
    let (events, _) = whole;
    let mut encoded = Vec::new();
    for event in &events {
        event.encode::<MASKED>(&mut encoded);
    }
    same(&(events, None), &ws_events::<MASKED>(&[&encoded], deflate));
}

/// A request head that grows as it arrives, and what may be answered.
pub fn http_head(data: &[u8]) {
    let (plan, input) = split_plan(data);
    let mut headers = NO_HEADERS;
    let whole = parse_head(input, &mut headers);
    let mut len = 0;
    for piece in pieces(plan, input) {
        len += piece.len();
        let mut headers = NO_HEADERS;
        let early = parse_head(&input[..len], &mut headers);
        if !matches!(early, Ok(Head::Incomplete)) {
            same(&summary(&early), &summary(&whole));
            break;
        }
        assert!(len < HEAD_BYTES_MAX);
    }
    match whole {
        Ok(Head::Complete { request, taken }) => check_request(&request, taken),
        Ok(Head::Incomplete) => (),
        Err(err) => check_refusal(err),
    }
}

/// A body in chunks, or of as many bytes as the plan says, and what may follow it.
pub fn http_body(data: &[u8]) {
    let (plan, input) = split_plan(data);
    let length = plan.last().copied().unwrap_or_default();
    let framing = match NonZeroUsize::new(usize::from(length)) {
        Some(length) if length.get() < 128 => BodyLength::Length(length),
        _ => BodyLength::Chunked,
    };
    let whole = decode_body(framing, &[input]);
    same(&whole, &decode_body(framing, &pieces(plan, input)));
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    same(&whole, &decode_body(framing, &bytes));
    let (body, taken, outcome) = whole;
    assert!(body.len() <= MESSAGE_MAX);
    if outcome == Ok(true) && framing == BodyLength::Chunked {
        // Encoded as one chunk it is the same, and what followed it is left.
        let len = body.len();
        let mut again = Vec::new();
        if len != 0 {
            again.extend_from_slice(format!("{len:x}\r\n").as_bytes());
            again.extend_from_slice(&body);
            again.extend_from_slice(b"\r\n");
        }
        again.extend_from_slice(b"0\r\n\r\n");
        let end = again.len();
        again.extend_from_slice(&input[taken..]);
        same(&decode_body(framing, &[&again]), &(body, end, Ok(true)));
    }
}

/// The head of an answer that grows as it arrives, and what may follow it.
pub fn http_answer(data: &[u8]) {
    let (plan, input) = split_plan(data);
    let mut headers = NO_ANSWER_HEADERS;
    let whole = parse_answer(input, &mut headers);
    let mut len = 0;
    for piece in pieces(plan, input) {
        len += piece.len();
        let mut headers = NO_ANSWER_HEADERS;
        let early = parse_answer(&input[..len], &mut headers);
        if !matches!(early, Ok(AnswerHead::Incomplete)) {
            same(&format!("{early:?}"), &format!("{whole:?}"));
            break;
        }
        assert!(len < ANSWER_HEAD_BYTES_MAX);
    }
    if let Ok(AnswerHead::Complete { answer, taken }) = whole {
        assert!(taken <= ANSWER_HEAD_BYTES_MAX);
        assert!(dechunk(&input[taken..]).len() <= input.len() - taken);
        check_answer(&answer);
    }
}

/// A field of extensions: what is read of it, written again, is read the same; and what is granted
/// of it can be asked for.
pub fn ws_extensions(data: &[u8]) {
    let Ok(offers) = extensions::parse(data.split(|byte| *byte == b'\n')) else {
        return;
    };
    let mut field = String::new();
    for Extension { name, params } in &offers {
        field += &format!(",{name}");
        for (name, value) in params {
            field += &format!("; {name}");
            field += &value
                .iter()
                .map(|value| format!("=\"{value}\""))
                .collect::<String>();
        }
    }
    same(
        &extensions::parse([field.as_bytes()].into_iter()).as_ref(),
        &Ok(&offers),
    );
    let Some(granted) = deflate::grant(&offers) else {
        return;
    };
    let mut answer = Vec::new();
    granted.encode(&mut answer);
    let answer = extensions::parse([&answer[..]].into_iter()).unwrap_or_default();
    assert!(matches!(deflate::check_answer(&answer), Some(Some(_))));
    same(&deflate::grant(&answer), &Some(granted));
}

/// A compressed message, against the whole of it that another reader makes.
pub fn ws_inflate(data: &[u8]) {
    let mut inflater = Inflater::default();
    let message = inflater.inflate(Kind::Binary, data, MESSAGE_MAX);
    let message = message.map(<[u8]>::to_vec);
    // What came before leaves no trace.
    let again = inflater.inflate(Kind::Binary, data, MESSAGE_MAX);
    same(&again.map(<[u8]>::to_vec), &message);
    let larger = Inflater::default()
        .inflate(Kind::Binary, data, 4 * MESSAGE_MAX)
        .map(<[u8]>::to_vec);
    match message {
        Ok(message) => {
            assert!(message.len() <= MESSAGE_MAX);
            same(&larger, &Ok(message.clone()));
            let is_text = std::str::from_utf8(&message).is_ok();
            let text = inflater.inflate(Kind::Text, data, MESSAGE_MAX);
            assert_eq!(text.is_ok(), is_text);
            check_compressed(&message);
        }
        Err(ProtocolError::MessageTooBig { limit }) => {
            same(&limit, &MESSAGE_MAX);
            assert!(larger.map_or(true, |message| MESSAGE_MAX < message.len()));
        }
        Err(_) => {}
    }
    check_compressed(data);
}

/// What is compressed comes back, for every window.
fn check_compressed(message: &[u8]) {
    let mut deflater = Deflater::new(1 + message.first().map_or(0, |first| first % 9));
    let mut once = deflater.once(message);
    for window in Window::ALL {
        if let Some(compressed) = once.compressed(window) {
            assert!(compressed.len() < message.len());
            let mut inflater = Inflater::default();
            let back = inflater.inflate(Kind::Binary, compressed, message.len());
            assert_eq!(back, Ok(message));
        }
    }
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

/// The body, the bytes of input that it took, and whether it is whole.
fn decode_body(framing: BodyLength, pieces: &[&[u8]]) -> (Vec<u8>, usize, Result<bool, HttpError>) {
    let mut whole = Vec::new();
    let mut total = 0;
    let mut decoder = match RequestBody::new(framing, MESSAGE_MAX) {
        Ok(decoder) => decoder,
        Err(err) => return (whole, total, Err(err)),
    };
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            match decoder.decode(rest) {
                Ok(Piece {
                    data,
                    taken,
                    is_last,
                }) => {
                    whole.extend_from_slice(data);
                    total += taken;
                    rest = &rest[taken..];
                    if is_last {
                        return (whole, total, Ok(true));
                    }
                }
                // Where it stopped depends on the cuts; that it did, and why, does not.
                Err(err) => return (whole, 0, Err(err)),
            }
        }
    }
    (whole, total, Ok(false))
}

/// An event that owns its bytes.
#[derive(Debug, PartialEq, Eq)]
enum Owned {
    Message(Kind, Vec<u8>),
    Compressed(Kind, Vec<u8>),
    Control(Control, Vec<u8>),
}

impl Owned {
    fn new(event: Event<'_>) -> Self {
        match event {
            Event::Message { kind, payload } => {
                assert!(payload.len() <= MESSAGE_MAX);
                assert!(kind == Kind::Binary || std::str::from_utf8(payload).is_ok());
                Self::Message(kind, payload.to_vec())
            }
            Event::Compressed { kind, payload } => {
                assert!(payload.len() <= MESSAGE_MAX);
                Self::Compressed(kind, payload.to_vec())
            }
            Event::Ping(payload) => Self::control(Control::Ping, payload.to_vec()),
            Event::Pong(payload) => Self::control(Control::Pong, payload.to_vec()),
            Event::Close { code, reason } => {
                let code = code.map(u16::to_be_bytes);
                let payload = [
                    code.as_ref().map_or(&[][..], |code| code),
                    reason.as_bytes(),
                ];
                Self::control(Control::Close, payload.concat())
            }
        }
    }

    fn control(control: Control, payload: Vec<u8>) -> Self {
        assert!(payload.len() <= CONTROL_LEN_MAX);
        Self::Control(control, payload)
    }

    /// As one frame; a masking key of zeros leaves the payload as it is.
    fn encode<const MASKED: bool>(&self, out: &mut Vec<u8>) {
        let (opcode, payload) = match self {
            Self::Message(kind, payload) | Self::Compressed(kind, payload) => {
                (Opcode::Data(*kind), payload)
            }
            Self::Control(control, payload) => (Opcode::Control(*control), payload),
        };
        let start = out.len();
        if let Self::Compressed(..) = self {
            encode_compressed_header(out, opcode, payload.len());
        } else {
            encode_header(out, opcode, payload.len());
        }
        if MASKED {
            out[start + 1] |= 0x80;
            out.extend_from_slice(&[0; 4]);
        }
        out.extend_from_slice(payload);
    }
}

fn ws_events<const MASKED: bool>(pieces: &[&[u8]], deflate: bool) -> Outcome<Owned> {
    let mut decoder = DecoderOf::<MASKED>::default();
    let mut events = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            let available = input.len();
            let (taken, event) = match decoder.decode(input, MESSAGE_MAX, deflate) {
                Ok(step) => (step.taken, step.event.map(Owned::new)),
                Err(err) => return (events, Some(err)),
            };
            decoder.release();
            assert!(decoder.is_mid_message() == (0 < decoder.held_bytes()));
            assert!(decoder.held_bytes() <= 512 + 2 * MESSAGE_MAX);
            assert!(taken == available || event.is_some());
            let Some(event) = event else {
                break;
            };
            events.push(event);
            input = &mut input[taken..];
        }
    }
    (events, None)
}

/// What there is to compare of two heads.
fn summary(head: &Result<Head<'_>, HttpError>) -> String {
    format!("{head:?}")
}

fn check_request(request: &Request<'_>, taken: usize) {
    assert!(taken <= HEAD_BYTES_MAX);
    assert!(request.path.starts_with('/'));
    let encoded = encode_request(request);
    let mut headers = NO_HEADERS;
    match parse_head(&encoded, &mut headers) {
        Ok(Head::Complete {
            request: again,
            taken,
        }) => {
            same(&taken, &encoded.len());
            same(&format!("{again:?}"), &format!("{request:?}"));
        }
        other => panic!("does not encode back: {other:?}"),
    }
    if let Err(err) = request.body_length() {
        check_refusal(err);
    }
    match check_upgrade(request) {
        Ok(upgrade) => {
            let mut out = Vec::new();
            let protocol = upgrade.protocols().next();
            encode_switching_protocols(&mut out, &upgrade, protocol, upgrade.deflate());
            check_head_ends_once(&out);
        }
        Err(err) => check_refusal(err),
    }
}

/// Whatever is agreed on was on offer.
fn check_answer(answer: &Answer<'_>) {
    let offer = Offer {
        host: "a".to_owned(),
        target: "/".to_owned(),
        protocols: vec!["chat".to_owned()],
        headers: Vec::new(),
        compression: Some(Compression::default()),
    };
    if answer.status == 101
        && let Ok(agreement) = check_switching_protocols(answer, &offer, "dGhlIHNhbXBsZSBub25jZQ==")
        && let Some(protocol) = agreement.protocol
    {
        same(&protocol, &offer.protocols[0]);
    }
}

fn encode_request(request: &Request<'_>) -> Vec<u8> {
    let Request {
        method,
        path,
        query,
        version_minor,
        headers,
        body: _,
    } = request;
    let mark = if query.is_some() { "?" } else { "" };
    let query = query.unwrap_or_default();
    let line = format!("{method} {path}{mark}{query} HTTP/1.{version_minor}\r\n");
    let mut out = line.into_bytes();
    for header in *headers {
        out.extend_from_slice(header.name.as_bytes());
        out.extend_from_slice(b":");
        out.extend_from_slice(header.value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn check_refusal(err: HttpError) {
    let mut out = Vec::new();
    Response::from(err).encode(&mut out, true);
    check_head_ends_once(&out);
}

/// Nothing of a request can end the head of its answer early.
fn check_head_ends_once(out: &[u8]) {
    let end = out.windows(4).position(|window| window == b"\r\n\r\n");
    same(&end.map(|end| end + 4), &Some(out.len()));
}

/// Whether no text begins with `bytes`.
fn may_not_continue(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|err| err.error_len().is_some())
}
