//! Server-sent events (WHATWG HTML standard, section 9.2): the beginning of a stream, and messages
//! as events.

use std::ops::Range;
use std::time::Duration;

use data_encoding::BASE64;

use crate::position::Position;
use crate::proto::Kind;
use crate::proto::http::{Date, Reader, Response, encode_date, encode_reader};

/// That of server-sent events.
pub const CONTENT_TYPE: &str = "text/event-stream";
/// A comment, so that proxies do not take a silent stream for a dead one.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// The head of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Head<'b> {
    /// What its body is.
    pub content_type: &'static str,
    /// Whether its body is chunked.
    pub is_chunked: bool,
    /// The origin that may read it, if a page asked.
    pub reader: Option<Reader<'b>>,
    /// The time of the answer, if it is known.
    pub date: Option<Date>,
}

/// Appends the answer with which a stream begins.
///
/// In HTTP/1.1 its body is chunked (RFC 9112 7.1): a client that reads the body in blocks processes
/// each chunk as it arrives, but without chunks waits for a whole block. HTTP/1.0 has no chunks:
/// there the body ends with the connection (6.3, item 8).
///
/// `no-transform` (RFC 9111 5.2.2.6) keeps proxies from compressing the stream, for which they
/// would wait for more bytes. `X-Accel-Buffering` keeps nginx from buffering it.
pub fn encode_head(out: &mut Vec<u8>, head: &Head<'_>) {
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    encode_date(out, head.date);
    out.extend_from_slice(b"Content-Type: ");
    out.extend_from_slice(head.content_type.as_bytes());
    out.extend_from_slice(
        b"\r\nCache-Control: no-store, no-transform\r\n\
          X-Accel-Buffering: no\r\n\
          Connection: close\r\n",
    );
    if head.is_chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    encode_reader(out, head.reader);
    out.extend_from_slice(b"\r\n");
}

/// Appends the beginning of every stream: a comment, because some proxies forward a head only with
/// the first bytes of its body; and the time that a client waits before it reconnects (section
/// 9.2.6). Without that time, all browsers wait the same three to five seconds.
pub fn encode_opening(out: &mut Vec<u8>, is_chunked: bool, delay: Duration) {
    let opening = format!(":\n{}\n", retry(delay));
    encode_part(out, is_chunked, opening.as_bytes());
}

/// Appends how long a client waits before it reconnects, from now on.
pub fn encode_retry(out: &mut Vec<u8>, is_chunked: bool, delay: Duration) {
    encode_part(out, is_chunked, format!("{}\n", retry(delay)).as_bytes());
}

/// Appends bytes of a stream that are not a message, as one chunk if it is chunked.
pub fn encode_part(out: &mut Vec<u8>, is_chunked: bool, part: &[u8]) {
    if is_chunked {
        begin_chunk(out, part.len());
    }
    out.extend_from_slice(part);
    if is_chunked {
        out.extend_from_slice(CHUNK_END);
    }
}

/// Appends a message as one event in a chunk of its own.
pub fn encode_event_chunk(
    out: &mut Vec<u8>,
    position: Option<Position>,
    kind: Kind,
    payload: &[u8],
) {
    begin_chunk(out, event_len(position, kind, payload));
    encode_event(out, position, kind, payload);
    out.extend_from_slice(CHUNK_END);
}

/// Appends the beginning of a chunk of `len` bytes, at most `u32::MAX`; at its end is
/// [`CHUNK_END`].
pub fn begin_chunk(out: &mut Vec<u8>, len: usize) {
    let digits = (usize::BITS - len.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        let value = len >> (4 * digit) & 0xf;
        out.push(b"0123456789abcdef"[value]);
    }
    out.extend_from_slice(b"\r\n");
}

fn retry(delay: Duration) -> String {
    format!("retry: {}\n", delay.as_millis())
}

/// Whether an `EventSource` should reconnect after an answer with this status.
pub fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// The answer for an `EventSource` instead of a temporary refusal: it gives up after any status
/// other than 200 (section 9.2.3), but reconnects after a stream that ends: after this delay, or
/// after that of the refusal if that is longer.
pub fn postpone(refusal: &Response, delay: Duration) -> Response {
    let text = String::from_utf8_lossy(&refusal.body);
    // A lone CR ends a line as well.
    let text = text.split(['\r', '\n']).next().unwrap_or_default();
    let delay = delay.max(refusal.retry_after().unwrap_or_default());
    let body = format!("{}: {} {text}\n\n", retry(delay), refusal.status);
    let mut answer = Response::new(200, "text/event-stream", body.into_bytes());
    answer.headers.clone_from(&refusal.headers);
    answer
}

/// The delay of the `nth` client within a range: the clients' delays are spread evenly over the
/// range.
pub fn spread(range: Range<Duration>, nth: u32) -> Duration {
    let width = range.end.saturating_sub(range.start);
    range.start + width / 1024 * (nth.wrapping_mul(GOLDEN) >> 22)
}

/// 2^32 divided by the golden ratio: its multiples are spread evenly over all 32-bit numbers.
const GOLDEN: u32 = 0x9E37_79B1;

/// Appends a message as one event. Each line of a text, whether it ends in CR LF, LF or CR, is a
/// `data` field. A binary message is base64 in an event `binary`. Its position is the id, which a
/// client sends as `Last-Event-ID` when it reconnects.
pub fn encode_event(out: &mut Vec<u8>, position: Option<Position>, kind: Kind, payload: &[u8]) {
    if let Some(position) = position {
        out.extend_from_slice(ID);
        position.encode(out);
        out.push(b'\n');
    }
    if kind == Kind::Binary {
        out.extend_from_slice(BINARY);
        let start = out.len();
        out.resize(start + BASE64.encode_len(payload.len()), 0);
        BASE64.encode_mut(payload, &mut out[start..]);
        out.push(b'\n');
    } else {
        let mut rest = payload;
        loop {
            let end = rest.iter().position(|byte| is_line_end(*byte));
            let line = &rest[..end.unwrap_or(rest.len())];
            out.extend_from_slice(FIELD);
            out.extend_from_slice(line);
            out.push(b'\n');
            let Some(end) = end else { break };
            let is_pair = rest[end..].starts_with(b"\r\n");
            rest = &rest[end + 1 + usize::from(is_pair)..];
        }
    }
    out.push(b'\n');
}

/// Appends where a client stands that has received no event. Without data it is no event, but its
/// id is the last one (section 9.2.6).
pub fn encode_position(out: &mut Vec<u8>, is_chunked: bool, position: Position) {
    encode_part(out, is_chunked, format!("id: {position}\n\n").as_bytes());
}

/// Appends that messages are missing, as an event `gap` with the position from which it goes on.
/// Without one the topic has no history any more, and the empty id makes the client forget its own.
pub fn encode_gap(out: &mut Vec<u8>, is_chunked: bool, position: Option<Position>) {
    let position = position.map_or_else(String::new, |position| position.to_string());
    let event = format!("event: gap\nid: {position}\ndata: {position}\n\n");
    encode_part(out, is_chunked, event.as_bytes());
}

/// Bytes that a message takes as an event.
pub fn event_len(position: Option<Position>, kind: Kind, payload: &[u8]) -> usize {
    let id = position.map_or(0, |position| ID.len() + position.text_len() + 1);
    if kind == Kind::Binary {
        return id + BINARY.len() + BASE64.encode_len(payload.len()) + 2;
    }
    let ends = payload.iter().filter(|byte| is_line_end(**byte)).count();
    let pairs = payload.windows(2).filter(|pair| *pair == b"\r\n").count();
    // CR LF becomes one line feed.
    id + (ends - pairs + 1) * FIELD.len() + payload.len() - pairs + 2
}

/// Bytes that a message takes at most as an event in a chunk of its own.
pub fn event_chunk_len_max(position: Option<Position>, kind: Kind, payload: &[u8]) -> usize {
    CHUNK_LEN_MAX + event_len(position, kind, payload)
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// The space is not part of the line: without it, a space at the beginning of the line would be
/// lost.
const FIELD: &[u8] = b"data: ";
const ID: &[u8] = b"id: ";
const BINARY: &[u8] = b"event: binary\ndata: ";
/// The end of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";
/// What a chunk takes beside its data, at most.
pub const CHUNK_LEN_MAX: usize = 2 * size_of::<usize>() + 2 * CHUNK_END.len();
/// The end of a chunked stream.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
