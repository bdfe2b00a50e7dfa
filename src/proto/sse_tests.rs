use std::time::Duration;

use super::{
    CONTENT_TYPE, Head, encode_event, encode_event_chunk, encode_gap, encode_head, encode_part,
    encode_position, event_chunk_len_max, event_len, postpone,
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
    encode_event(&mut out, None, kind, payload);
    assert_eq!(out.len(), event_len(None, kind, payload), "{payload:?}");
    let mut chunk = Vec::new();
    encode_event_chunk(&mut chunk, None, kind, payload);
    assert!(chunk.len() <= event_chunk_len_max(None, kind, payload));
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
fn an_event_source_comes_back_no_earlier_than_other_clients_are_told_to() {
    for (retry_after, millis) in [("60", 60_000), ("4", 5_000), ("soon", 5_000)] {
        let refusal = Response::text(429, "wait").with_header("Retry-After", retry_after);
        let answer = postpone(&refusal, Duration::from_secs(5));
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!(body, format!("retry: {millis}\n: 429 wait\n\n"));
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
                content_type: CONTENT_TYPE,
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

/// Section 9.2.6: an event without data is not dispatched, but sets the id, and an empty id resets
/// it.
#[test]
fn a_position_is_an_id_alone_and_a_gap_an_event() {
    let position = "mzxw6ytb:42".parse().unwrap();
    let check = |encode: &dyn Fn(&mut Vec<u8>, bool), expected: &str| {
        for is_chunked in [false, true] {
            let (mut out, mut part) = (Vec::new(), Vec::new());
            encode(&mut out, is_chunked);
            encode_part(&mut part, is_chunked, expected.as_bytes());
            assert_eq!(String::from_utf8(out), String::from_utf8(part));
        }
    };
    check(
        &|out, is_chunked| encode_position(out, is_chunked, position),
        "id: mzxw6ytb:42\n\n",
    );
    check(
        &|out, is_chunked| encode_gap(out, is_chunked, Some(position)),
        "event: gap\nid: mzxw6ytb:42\ndata: mzxw6ytb:42\n\n",
    );
    check(
        &|out, is_chunked| encode_gap(out, is_chunked, None),
        "event: gap\nid: \ndata: \n\n",
    );
}
