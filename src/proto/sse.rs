//! Server-sent events (WHATWG HTML standard, section 9.2): what a stream begins with, and messages
//! as events.

use std::ops::Range;
use std::time::Duration;

use data_encoding::BASE64;

use crate::proto::Kind;
use crate::proto::http::{Response, encode_origin};

/// A comment, which keeps proxies from taking a silent stream for a dead one.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// Appends the answer that a stream begins with; pages of `origin` may read it.
///
/// Its body ends with the connection (RFC 9112 6.3, item 8): the bytes of an event are then the
/// same for everyone.
pub fn encode_head(out: &mut Vec<u8>, origin: Option<&str>) {
    out.extend_from_slice(
        b"HTTP/1.1 200 OK\r\n\
          Content-Type: text/event-stream\r\n\
          Cache-Control: no-store\r\n\
          X-Accel-Buffering: no\r\n\
          Connection: close\r\n",
    );
    encode_origin(out, origin);
    out.extend_from_slice(b"\r\n");
}

/// Appends how long a client waits before it comes back (section 9.2.6). Without it browsers wait
/// three to five seconds, and all the same.
pub fn encode_retry(out: &mut Vec<u8>, delay: Duration) {
    out.extend_from_slice(retry(delay).as_bytes());
    out.push(b'\n');
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
    let text = text.lines().next().unwrap_or_default();
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

/// Bytes that a message takes at most as an event.
pub fn event_len_max(kind: Kind, payload: &[u8]) -> usize {
    if kind == Kind::Binary {
        return BINARY.len() + BASE64.encode_len(payload.len()) + 2;
    }
    let ends = payload.iter().filter(|byte| is_line_end(**byte)).count();
    (ends + 1) * FIELD.len() + payload.len() + 2
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// The space is no part of the line: without it, one of the line's own would be lost.
const FIELD: &[u8] = b"data: ";
const BINARY: &[u8] = b"event: binary\ndata: ";

#[cfg(test)]
mod tests {
    use super::{encode_event, encode_head, event_len_max};
    use crate::proto::Kind;

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
        assert!(out.len() <= event_len_max(kind, payload), "{payload:?}");
        let event = String::from_utf8(out).unwrap();
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
    fn bytes_are_base64_in_an_event_of_their_own() {
        check(Kind::Binary, b"", "binary", "");
        check(Kind::Binary, b"\0\xff\n", "binary", "AP8K");
        check(Kind::Binary, b"f", "binary", "Zg==");
    }

    #[test]
    fn the_longest_event_is_known_before() {
        for text in ["", "x", "\n", "\n\n\n\n", "a\rb\r"] {
            let mut out = Vec::new();
            encode_event(&mut out, Kind::Text, text.as_bytes());
            assert_eq!(
                out.len(),
                event_len_max(Kind::Text, text.as_bytes()),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_stream_begins_with_an_answer_that_nobody_stores() {
        let mut out = Vec::new();
        encode_head(&mut out, Some("https://a.example"));
        let head = String::from_utf8(out).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"));
        assert!(head.ends_with("Vary: Origin\r\n\r\n"), "{head}");
        assert!(!head.contains("Content-Length"));
    }
}
