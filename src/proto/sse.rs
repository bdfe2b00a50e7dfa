//! Server-sent events (WHATWG HTML standard, section 9.2): the beginning of a stream, and messages
//! as events.

use std::ops::Range;
use std::time::Duration;

use data_encoding::BASE64;

use crate::proto::Kind;
use crate::proto::http::{Date, Reader, Response, encode_date, encode_reader};

/// A comment, so that proxies do not take a silent stream for a dead one.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// The head of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'b> {
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

/// Appends the beginning of every stream: a comment, because some proxies forward a head only with
/// the first bytes of its body; and the time that a client waits before it reconnects (section
/// 9.2.6). Without that time, all browsers wait the same three to five seconds.
pub fn encode_opening(out: &mut Vec<u8>, is_chunked: bool, delay: Duration) {
    let opening = format!(":\n{}\n", retry(delay));
    encode_part(out, is_chunked, opening.as_bytes());
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

/// Whether an `EventSource` should reconnect after an answer with this status.
pub fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// The answer for an `EventSource` instead of a temporary refusal: it gives up after any status
/// other than 200 (section 9.2.3), but reconnects after a stream that ends.
pub fn postpone(refusal: &Response, delay: Duration) -> Response {
    let text = String::from_utf8_lossy(&refusal.body);
    // A lone CR ends a line as well.
    let text = text.split(['\r', '\n']).next().unwrap_or_default();
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
/// `data` field. A binary message is base64 in an event `binary`.
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
    // CR LF becomes one line feed.
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

/// The space is not part of the line: without it, a space at the beginning of the line would be
/// lost.
const FIELD: &[u8] = b"data: ";
const BINARY: &[u8] = b"event: binary\ndata: ";
const CHUNK_END: &[u8] = b"\r\n";
/// The end of a chunked stream.
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

    /// Reads one event as a browser does, by section 9.2.6: its name and data.
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
    fn a_stream_begins_with_an_answer_that_is_not_stored_or_changed() {
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
