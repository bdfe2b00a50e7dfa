use super::{Head, HeadLimits as Limits, NO_HEADERS, find_bare_line_feed, parse_head};
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX};
use crate::proto::http::HttpError;

/// Method, path, query, minor version, number of header fields, bytes taken.
type Summary = (String, String, Option<String>, u8, usize, usize);

/// The parsed request, or `None` if it is incomplete.
fn parse(input: &[u8]) -> Result<Option<Summary>, HttpError> {
    let mut headers = NO_HEADERS;
    match parse_head(input, &mut headers, Limits::default())? {
        Head::Incomplete => Ok(None),
        Head::Complete { request, taken } => Ok(Some((
            request.method.to_owned(),
            request.path.to_owned(),
            request.query.map(str::to_owned),
            request.version_minor,
            request.headers.len(),
            taken,
        ))),
    }
}

/// Grows the input byte by byte, as a socket may; returns the final result.
fn parse_growing(input: &[u8]) -> Result<Option<Summary>, HttpError> {
    for len in 0..=input.len() {
        let result = parse(&input[..len]);
        if result != Ok(None) {
            return result;
        }
    }
    Ok(None)
}

fn check(input: &[u8], expected: Result<(&str, &str, Option<&str>), HttpError>) {
    let whole = parse(input);
    let shown = String::from_utf8_lossy(input);
    assert_eq!(parse_growing(input), whole, "growing: {shown}");
    let summary = whole.map(|summary| summary.unwrap_or_else(|| panic!("incomplete: {shown}")));
    let found = summary
        .as_ref()
        .map(|(method, path, query, ..)| (&**method, &**path, query.as_deref()));
    assert_eq!(
        found,
        expected.as_ref().map(|expected| *expected),
        "{shown}"
    );
}

fn refused(input: &[u8], expected: HttpError) {
    check(input, Err(expected));
}

/// A request with this target.
fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// A request with these header lines.
fn with_fields(fields: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\n{fields}\r\n").into_bytes()
}

#[test]
fn every_prefix_asks_for_more_and_what_follows_is_left() {
    let head = b"GET /ws/room?x=1?2 HTTP/1.1\r\nHost: a\r\nX-Long: b c\r\n\r\n";
    let input = [&head[..], b"\x81\x80\n\nGET"].concat();
    for cut in 0..head.len() {
        assert_eq!(parse(&input[..cut]), Ok(None), "cut at {cut}");
    }
    let method_and_path = ("GET".to_owned(), "/ws/room".to_owned());
    let expected = (
        method_and_path.0,
        method_and_path.1,
        Some("x=1?2".to_owned()),
        1,
        2,
        head.len(),
    );
    for end in head.len()..=input.len() {
        assert_eq!(parse(&input[..end]).unwrap(), Some(expected.clone()));
    }
}

#[test]
fn targets_are_split_into_path_and_query() {
    check(&get("/"), Ok(("GET", "/", None)));
    check(&get("/?"), Ok(("GET", "/", Some(""))));
    check(&get("/a%20b/c?d=/e"), Ok(("GET", "/a%20b/c", Some("d=/e"))));
    check(&get("/ws/http://x"), Ok(("GET", "/ws/http://x", None)));
    check(&get("/é"), Ok(("GET", "/é", None)));
    check(
        &get("http://host:80/ws/x?y"),
        Ok(("GET", "/ws/x", Some("y"))),
    );
    check(&get("HTTP://host"), Ok(("GET", "/", None)));
    check(&get("https://host?y"), Ok(("GET", "/", Some("y"))));
    for bad in [
        "*",
        "a",
        "host:443",
        "ftp://host/",
        "/a#b",
        "http://host/#b",
    ] {
        refused(&get(bad), HttpError::Target);
    }
}

#[test]
fn header_fields_are_found_in_any_case_and_in_order() {
    let input = with_fields(
        "Host: a\r\nVIA: one\r\nvia:two, Three \r\nEmpty:\r\nUpgrade: h2c, WebSocket\r\n",
    );
    let (mut headers, limits) = (NO_HEADERS, Limits::default());
    let Ok(Head::Complete { request, .. }) = parse_head(&input, &mut headers, limits) else {
        panic!("no request");
    };
    assert_eq!(request.header("Via"), Some(&b"one"[..]));
    assert!(request.headers("via").eq([&b"one"[..], b"two, Three"]));
    assert_eq!(request.header("empty"), Some(&b""[..]));
    assert_eq!(request.header("vi"), None);
    assert!(request.lists_token("via", "three"));
    assert!(!request.lists_token("via", "thre"));
    assert!(request.wants_websocket());
}

#[test]
fn an_upgrade_to_another_protocol_does_not_ask_for_websocket() {
    let input = with_fields("Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n");
    let (mut headers, limits) = (NO_HEADERS, Limits::default());
    let Ok(Head::Complete { request, .. }) = parse_head(&input, &mut headers, limits) else {
        panic!("no request");
    };
    assert!(!request.wants_websocket());
}

#[test]
fn host_is_there_exactly_once() {
    refused(&with_fields(""), HttpError::HostMissing);
    refused(
        &with_fields("Host: a\r\nhost: a\r\n"),
        HttpError::HostRepeated,
    );
    check(b"GET / HTTP/1.0\r\n\r\n", Ok(("GET", "/", None)));
    refused(
        b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        HttpError::HostRepeated,
    );
}

#[test]
fn lines_end_with_cr_lf_and_are_not_folded() {
    refused(b"GET / HTTP/1.1\nHost: a\r\n\r\n", HttpError::LineEnd);
    refused(b"GET / HTTP/1.1\r\nHost: a\n\r\n", HttpError::LineEnd);
    refused(b"GET / HTTP/1.1\r\nHost: a\r\n\n", HttpError::LineEnd);
    refused(b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HttpError::LineEnd);
    refused(b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", HttpError::LineEnd);
    refused(
        b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        HttpError::HeaderField,
    );
    refused(
        b"GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n",
        HttpError::HeaderField,
    );
    refused(
        b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        HttpError::HeaderField,
    );
}

#[test]
fn what_is_wrong_first_is_reported() {
    refused(b"GET / HTTP/1.1\r\nBad Name: a\n", HttpError::HeaderField);
    refused(b"GET / HTTP/1.1\nBad Name: a\r\n", HttpError::LineEnd);
    refused(b"GET / HTTP/9.9\nHost: a\r\n\r\n", HttpError::Version);
}

#[test]
fn malformed_fields_are_refused() {
    for bad in [
        "Host : a", ": a", "Ho st: a", "Host", "Hést: a", "X: a\0b", "X: \x7f", "X: \x1b",
    ] {
        refused(&with_fields(&format!("{bad}\r\n")), HttpError::HeaderField);
    }
}

#[test]
fn other_versions_are_refused_with_the_supported_ones() {
    refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HttpError::Version);
    for version in ["HTTP/0.9", "HTTP/1.2", "HTTP/3"] {
        refused(
            format!("GET / {version}\r\n\r\n").as_bytes(),
            HttpError::Version,
        );
    }
    for bad in ["http/1.1", "HTTPS/1.1", "SIP/2.0", "HTTP/x"] {
        refused(
            format!("GET / {bad}\r\n\r\n").as_bytes(),
            HttpError::RequestLine,
        );
    }
}

#[test]
fn what_cannot_become_http_is_refused_at_its_first_byte() {
    // The beginning of a TLS ClientHello.
    assert_eq!(parse(b"\x16"), Err(HttpError::TlsHandshake));
    refused(
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        HttpError::TlsHandshake,
    );
    for byte in 0..=u8::MAX {
        let may_begin = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~\r".contains(&byte);
        assert_eq!(parse(&[byte]) == Ok(None), may_begin, "byte {byte:#x}");
    }
    refused(b"\x00\x00\x00\x05hello", HttpError::RequestLine);
    refused(b"GET  / HTTP/1.1\r\n", HttpError::RequestLine);
    refused(b"GET /a b HTTP/1.1\r\n", HttpError::RequestLine);
    refused(b"GET /\r\n", HttpError::RequestLine);
    refused(b"GET /\xff HTTP/1.1\r\n", HttpError::RequestLine);
}

#[test]
fn empty_lines_before_the_request_are_ignored() {
    check(
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Ok(("GET", "/", None)),
    );
}

#[test]
fn a_method_longer_than_any_is_refused_before_it_ends() {
    check(
        b"UPDATEREDIRECTREF / HTTP/1.1\r\nHost: a\r\n\r\n",
        Ok(("UPDATEREDIRECTREF", "/", None)),
    );
    refused(
        b"AAAAAAAAAAAAAAAAAA / HTTP/1.1\r\nHost: a\r\n\r\n",
        HttpError::MethodTooLong,
    );
    assert_eq!(parse(&[b'A'; 18]), Err(HttpError::MethodTooLong));
}

/// A request whose head has `len` bytes.
fn head_of(len: usize) -> Vec<u8> {
    let empty = with_fields("Host: a\r\nX: \r\n").len();
    with_fields(&format!("Host: a\r\nX: {}\r\n", "x".repeat(len - empty)))
}

#[test]
fn the_head_has_a_limit() {
    for len in [HEAD_BYTES_MAX - 1, HEAD_BYTES_MAX, HEAD_BYTES_MAX + 1] {
        let head = head_of(len);
        assert_eq!(head.len(), len);
        let expected = if len <= HEAD_BYTES_MAX {
            Ok(("GET", "/", None))
        } else {
            Err(HttpError::HeadTooLarge)
        };
        check(&head, expected);
    }
    let unfinished = &head_of(HEAD_BYTES_MAX + 1)[..HEAD_BYTES_MAX];
    assert_eq!(parse(unfinished), Err(HttpError::HeadTooLarge));
    assert_eq!(parse(&unfinished[..HEAD_BYTES_MAX - 1]), Ok(None));
}

#[test]
fn a_target_that_fills_the_head_is_a_uri_too_long() {
    let long = get(&format!("/{}", "x".repeat(HEAD_BYTES_MAX)));
    refused(&long, HttpError::TargetTooLong);
    assert_eq!(parse(&long[..HEAD_BYTES_MAX - 1]), Ok(None));
}

#[test]
fn the_number_of_header_fields_has_a_limit() {
    for n in [HEADERS_MAX - 1, HEADERS_MAX, HEADERS_MAX + 1] {
        let input = with_fields(&format!("Host: a\r\n{}", "X: y\r\n".repeat(n - 1)));
        let expected = if n <= HEADERS_MAX {
            Ok(("GET", "/", None))
        } else {
            Err(HttpError::TooManyHeaders)
        };
        check(&input, expected);
    }
}

#[test]
fn line_feeds_are_looked_for_in_the_head_alone() {
    for (bytes, found) in [
        ("\r\nGET / HTTP/1.1\r\nA: b\r\n\r\na\n\n", None),
        ("\r\n\nGET / HTTP/1.1\r\n\r\n", Some(2)),
        ("\nGET", Some(0)),
        ("GET / HTTP/1.1\n\r\n", Some(14)),
        ("GET / HTTP/1.1\r\nA: b\r\r\n\n", Some(23)),
    ] {
        assert_eq!(find_bare_line_feed(bytes.as_bytes()), found, "{bytes:?}");
    }
}
