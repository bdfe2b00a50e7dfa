//! Server-sent events (WHATWG HTML standard, section 9.2): what a stream begins with, and messages
//! as events.

use std::ops::Range;
use std::time::Duration;

use data_encoding::BASE64;

use crate::proto::Kind;
use crate::proto::http::{Date, Reader, Response, encode_date, encode_reader};

/// A comment, which keeps proxies from taking a silent stream for a dead one.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// What there is to say of a stream before it begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'b> {
    /// Whether its body comes in chunks.
    pub is_chunked: bool,
    /// Who may read it, if a page asked.
    pub reader: Option<Reader<'b>>,
    /// When it begins, if anybody knows.
    pub date: Option<Date>,
}

/// Appends the answer that a stream begins with.
///
/// In HTTP/1.1 its body is chunked (RFC 9112 7.1): a client that reads a body in blocks takes each
/// chunk as it comes, and waits for a whole block where there are none. HTTP/1.0 knows no chunks:
/// there the body ends with the connection (6.3, item 8).
///
/// `no-transform` (RFC 9111 5.2.2.6) keeps those on the way from compressing the stream, for which
/// they would wait until they have enough; `X-Accel-Buffering` keeps nginx from buffering it.
pub fn encode_head(out: &mut Vec<u8>, head: &Head<'_>) {
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    encode_date(out, head.date);
    out.extend_from_slice(
        b"Content-Type: text/event-stream\r\n\
          Cache-Control: no-store, no-transform\r\n\
          X-Accel-Buffering: no\r\n\
          Connection: close\r\n",
    );
    if head.is_chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    encode_reader(out, head.reader);
    out.extend_from_slice(b"\r\n");
}

/// Appends what every stream begins with: a comment, as some on the way pass a head on with the
/// first bytes of its body, and how long a client waits before it comes back (section 9.2.6).
/// Without that browsers wait three to five seconds, and all the same.
pub fn encode_opening(out: &mut Vec<u8>, is_chunked: bool, delay: Duration) {
    let opening = format!(":\n{}\n", retry(delay));
    encode_part(out, is_chunked, opening.as_bytes());
}

/// Appends bytes of a stream that are no message, as one chunk if it is chunked.
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
pub fn encode_event_chunk(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    begin_chunk(out, event_len(kind, payload));
    encode_event(out, kind, payload);
    out.extend_from_slice(CHUNK_END);
}

fn begin_chunk(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(format!("{len:x}\r\n").as_bytes());
}

fn retry(delay: Duration) -> String {
    format!("retry: {}\n", delay.as_millis())
}

/// Whether an `EventSource` should come back after an answer of this status.
pub fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// What an `EventSource` is told in place of a refusal that passes: it gives up for good after any
/// status but 200 (section 9.2.3), and comes back after a stream that ends.
pub fn postpone(refusal: &Response, delay: Duration) -> Response {
    let text = String::from_utf8_lossy(&refusal.body);
    // A lone CR ends a line as well.
    let text = text.split(['\r', '\n']).next().unwrap_or_default();
    let body = format!("{}: {} {text}\n\n", retry(delay), refusal.status);
    let mut answer = Response::new(200, "text/event-stream", body.into_bytes());
    answer.headers.clone_from(&refusal.headers);
    answer
}

/// The share of a range of delays that the `nth` client has: each one its own, spread evenly over
/// the range by as many clients as there may be.
pub fn spread(range: Range<Duration>, nth: u32) -> Duration {
    let width = range.end.saturating_sub(range.start);
    range.start + width / 1024 * (nth.wrapping_mul(GOLDEN) >> 22)
}

/// 2^32 over the golden ratio: multiples of it fall evenly over all 32-bit numbers.
const GOLDEN: u32 = 0x9E37_79B1;

/// Appends a message as one event: of text each line, whether it ends in CR LF, LF or CR, as a
/// `data` field; anything else as base64 in an event `binary`.
pub fn encode_event(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
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

/// Bytes that a message takes as an event.
pub fn event_len(kind: Kind, payload: &[u8]) -> usize {
    if kind == Kind::Binary {
        return BINARY.len() + BASE64.encode_len(payload.len()) + 2;
    }
    let ends = payload.iter().filter(|byte| is_line_end(**byte)).count();
    let pairs = payload.windows(2).filter(|pair| *pair == b"\r\n").count();
    // A pair becomes one line feed.
    (ends - pairs + 1) * FIELD.len() + payload.len() - pairs + 2
}

/// Bytes that a message takes at most as an event in a chunk of its own.
pub fn event_chunk_len_max(kind: Kind, payload: &[u8]) -> usize {
    let digits = 2 * size_of::<usize>();
    digits + 2 * CHUNK_END.len() + event_len(kind, payload)
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// The space is no part of the line: without it, one of the line's own would be lost.
const FIELD: &[u8] = b"data: ";
const BINARY: &[u8] = b"event: binary\ndata: ";
const CHUNK_END: &[u8] = b"\r\n";
/// What ends a stream of chunks.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        Head, encode_event, encode_event_chunk, encode_head, encode_part, event_chunk_len_max,
        event_len, postpone,
    };
    use crate::proto::Kind;
    use crate::proto::http::{Date, Reader, Response};

    /// What a browser makes of one event, by the standard's section 9.2.6: its name and data.
    fn read(event: &str) -> (String, String) {
        let (mut name, mut data) = (String::new(), String::new());
        let lines = event.strip_suffix("\n\n").expect("ends with an empty line");
        for line in lines.split(['\n', '\r']) {
            let (field, value) = line.split_once(':').expect("a field");
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value.to_owned(),
                "data" => data = data + value + "\n",
                _ => panic!("field {field}"),
            }
        }
        (name, data.strip_suffix('\n').expect("data").to_owned())
    }

    fn check(kind: Kind, payload: &[u8], name: &str, data: &str) {
        let mut out = Vec::new();
        encode_event(&mut out, kind, payload);
        assert_eq!(out.len(), event_len(kind, payload), "{payload:?}");
        let mut chunk = Vec::new();
        encode_event_chunk(&mut chunk, kind, payload);
        assert!(chunk.len() <= event_chunk_len_max(kind, payload));
        let event = String::from_utf8(out).unwrap();
        let size = format!("{:x}", event.len());
        assert_eq!(chunk, format!("{size}\r\n{event}\r\n").into_bytes());
        assert_eq!(
            read(&event),
            (name.to_owned(), data.to_owned()),
            "{event:?}"
        );
    }

    #[test]
    fn each_line_of_a_text_is_a_field() {
        for (text, data) in [
            ("", ""),
            ("hello", "hello"),
            (" a: b ", " a: b "),
            ("a\nb", "a\nb"),
            ("a\rb", "a\nb"),
            ("a\r\nb", "a\nb"),
            ("a\r\rb", "a\n\nb"),
            ("a\n\r\nb", "a\n\nb"),
            ("\n", "\n"),
            ("\r\n", "\n"),
            ("a\n\n", "a\n\n"),
            ("data: x\nevent: y\n:z", "data: x\nevent: y\n:z"),
        ] {
            check(Kind::Text, text.as_bytes(), "", data);
        }
    }

    #[test]
    fn a_refusal_is_one_comment_whatever_ends_its_first_line() {
        for text in [
            "wait",
            "wait\rdata: x",
            "wait\r\ndata: x",
            "wait\ndata: x",
            "wait\r\rdata: x",
        ] {
            let answer = postpone(&Response::text(429, text), Duration::from_secs(5));
            let body = String::from_utf8_lossy(&answer.body);
            assert_eq!(body, "retry: 5000\n: 429 wait\n\n", "{text:?}");
        }
    }

    #[test]
    fn bytes_are_base64_in_an_event_of_their_own() {
        check(Kind::Binary, b"", "binary", "");
        check(Kind::Binary, b"\0\xff\n", "binary", "AP8K");
        check(Kind::Binary, b"f", "binary", "Zg==");
    }

    #[test]
    fn a_stream_begins_with_an_answer_that_nobody_stores_or_changes() {
        let reader = Some(Reader {
            origin: "https://a.example",
            credentials: true,
        });
        for is_chunked in [false, true] {
            let mut out = Vec::new();
            let date = Some(Date::since_1970(Duration::ZERO));
            encode_head(
                &mut out,
                &Head {
                    is_chunked,
                    reader,
                    date,
                },
            );
            let head = String::from_utf8(out).unwrap();
            assert!(head.starts_with("HTTP/1.1 200 OK\r\nDate: "), "{head}");
            assert!(head.ends_with("Vary: Origin\r\n\r\n"), "{head}");
            assert!(!head.contains("Content-Length"));
            for field in [
                "Content-Type: text/event-stream",
                "Cache-Control: no-store, no-transform",
                "Access-Control-Allow-Credentials: true",
            ] {
                assert!(head.contains(&format!("\r\n{field}\r\n")), "{head}");
            }
            let chunked = "\r\nTransfer-Encoding: chunked\r\n";
            assert_eq!(head.contains(chunked), is_chunked, "{head}");
        }
    }

    #[test]
    fn what_is_no_message_is_a_chunk_of_its_own() {
        let part = |is_chunked| {
            let mut out = Vec::new();
            encode_part(&mut out, is_chunked, b"0123456789abcdef");
            String::from_utf8(out).unwrap()
        };
        assert_eq!(part(false), "0123456789abcdef");
        assert_eq!(part(true), "10\r\n0123456789abcdef\r\n");
    }
}
