//! HTTP heads, bodies and answers.

use std::num::NonZeroUsize;

use httparse::Header;

use crate::internals::fuzz::{MESSAGE_MAX, pieces, same, split_plan};
use crate::limits::{ANSWER_HEAD_BYTES_MAX, HEAD_BYTES_MAX};
use crate::proto::http::{
    Answer, AnswerHead, Body as RequestBody, BodyLength, Forwarded, Head, HeadLimits, HttpError,
    NO_ANSWER_HEADERS, NO_HEADERS, Piece, Request, Response, dechunk, forwarded_for, parse_answer,
    parse_head,
};
use crate::proto::ws::deflate::Compression;
use crate::proto::ws::dial::{Offer, check_switching_protocols};
use crate::proto::ws::handshake::{check_upgrade, encode_switching_protocols};

/// A request head that grows as it arrives, and what may be answered.
pub(super) fn http_head(data: &[u8]) {
    let (plan, input) = split_plan(data);
    let mut headers = NO_HEADERS;
    let whole = parse_head(input, &mut headers, HeadLimits::default());
    let mut len = 0;
    for piece in pieces(plan, input) {
        len += piece.len();
        let mut headers = NO_HEADERS;
        let early = parse_head(&input[..len], &mut headers, HeadLimits::default());
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
pub(super) fn http_body(data: &[u8]) {
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
pub(super) fn http_answer(data: &[u8]) {
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

/// What there is to compare of two heads.
fn summary(head: &Result<Head<'_>, HttpError>) -> String {
    format!("{head:?}")
}

fn check_request(request: &Request<'_>, taken: usize) {
    assert!(taken <= HEAD_BYTES_MAX);
    assert!(request.path.starts_with('/'));
    let encoded = encode_request(request);
    let mut headers = NO_HEADERS;
    match parse_head(&encoded, &mut headers, HeadLimits::default()) {
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
    check_forwarded(request);
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

/// Every field has a result, and an untrusted address cannot be hidden by what is before it.
fn check_forwarded(request: &Request<'_>) {
    let names = ["x-forwarded-for", "forwarded"];
    let is_told = |header: &Header<'_>| {
        names
            .iter()
            .any(|name| header.name.eq_ignore_ascii_case(name))
    };
    let is_there = request.headers.iter().any(is_told);
    let of_none = forwarded_for(request, |_| false);
    let of_all = forwarded_for(request, |_| true);
    same(&(of_none != Forwarded::Absent), &is_there);
    same(&(of_all != Forwarded::Absent), &is_there);
    assert!(!matches!(of_none, Forwarded::Unknown { by: Some(_) }));
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

pub(super) fn check_refusal(err: HttpError) {
    let mut out = Vec::new();
    Response::from(err).encode(&mut out, true);
    check_head_ends_once(&out);
}

/// Nothing of a request can end the head of its answer early.
fn check_head_ends_once(out: &[u8]) {
    let end = out.windows(4).position(|window| window == b"\r\n\r\n");
    same(&end.map(|end| end + 4), &Some(out.len()));
}
