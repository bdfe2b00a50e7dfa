use super::{OriginError, Origins, preflight};
use crate::proto::http::{Head, HttpError, NO_HEADERS, parse_head};

fn with_request<T>(fields: &str, ask: impl FnOnce(&super::Request<'_>) -> T) -> T {
    let head = format!("OPTIONS / HTTP/1.1\r\nHost: here.example:8080\r\n{fields}\r\n");
    let mut headers = NO_HEADERS;
    match parse_head(head.as_bytes(), &mut headers) {
        Ok(Head::Complete { request, .. }) => ask(&request),
        other => panic!("no request: {other:?}"),
    }
}

fn allows(patterns: &[&str], origin: &str, host: &str) -> bool {
    Origins::parse(patterns).unwrap().allows(origin, host)
}

#[test]
fn a_page_of_the_server_itself_is_allowed_and_no_other() {
    let own = Origins::default();
    for (origin, host) in [
        ("http://a.example", "a.example"),
        ("http://a.example", "a.example:80"),
        ("http://A.example:8080", "a.Example:8080"),
        ("https://a.example", "a.example:443"),
        ("https://a.example", "a.example"),
        ("http://[::1]:8080", "[::1]:8080"),
    ] {
        assert!(own.allows(origin, host), "{origin} {host}");
    }
    for (origin, host) in [
        ("http://b.example", "a.example"),
        ("http://a.example.b.example", "a.example"),
        ("http://a.example:8080", "a.example"),
        ("http://a.example", "a.example:8080"),
        ("http://a.example:80", "a.example:443"),
        ("null", "null"),
        ("file://", ""),
        ("http://", ""),
        ("ftp://a.example", "a.example"),
        ("a.example", "a.example"),
    ] {
        assert!(!own.allows(origin, host), "{origin} {host}");
    }
}

#[test]
fn patterns_allow_what_they_name() {
    let list = [
        "https://example.com",
        "https://*.example.com",
        "http://localhost:3000",
        "null",
    ];
    for good in [
        "https://example.com",
        "HTTPS://Example.com",
        "https://a.example.com",
        "https://a.b.example.com",
        "http://localhost:3000",
        "null",
    ] {
        assert!(allows(&list, good, "here.example"), "{good}");
    }
    for bad in [
        "http://example.com",
        "https://example.com:8443",
        "https://badexample.com",
        "https://.example.com",
        "https://evil.com/.example.com",
        "https://evil.com#.example.com",
        "https://u@.example.com",
        "https://example.com.evil.com",
        "http://localhost",
        "http://here.example",
        "",
    ] {
        assert!(!allows(&list, bad, "here.example"), "{bad}");
    }
    assert!(allows(&["*"], "https://anything", ""));
    assert!(allows(
        &["self", "null"],
        "http://here.example",
        "here.example"
    ));
    assert!(!allows(&[], "http://here.example", "here.example"));
}

#[test]
fn what_is_no_pattern_is_an_error() {
    for bad in [
        "",
        "example.com",
        "https://",
        "https://*",
        "https://*.",
        "https://a.*.com",
        "*://a",
        "https://example.com/",
        "https://a b",
        "https://a:99999",
        "https://*.a/path",
        "**",
    ] {
        let expected = Err(OriginError(bad.to_owned()));
        assert_eq!(Origins::parse([bad]), expected, "{bad}");
    }
    assert!(Origins::parse(["http://[::1]:80", "https://*.a.b:8443"]).is_ok());
}

#[test]
fn who_sends_no_origin_is_not_asked_and_who_sends_two_is_refused() {
    let own = Origins::default();
    let admit = |fields: &str| {
        with_request(fields, |request| {
            own.admit(request).map(|origin| origin.map(str::to_owned))
        })
    };
    assert_eq!(admit(""), Ok(None));
    let good = "http://here.example:8080";
    let one = format!("Origin: {good}\r\n");
    assert_eq!(admit(&one), Ok(Some(good.to_owned())));
    let refused = Err(HttpError::OriginForbidden);
    assert_eq!(admit(&one.repeat(2)), refused);
    assert_eq!(admit("Origin: http://evil.example\r\n"), refused);
    assert_eq!(admit("Origin:\r\n"), refused);
}

#[test]
fn a_browser_that_asks_first_is_told_what_it_asked_for() {
    let granted = |fields: &str| {
        with_request(fields, |request| {
            let mut out = Vec::new();
            preflight(request)?.grant().encode(&mut out, false);
            Some(String::from_utf8(out).unwrap())
        })
    };
    let text = granted(
        "Origin: http://a\r\nAccess-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: x-api-key,content-type\r\n",
    )
    .unwrap();
    for field in [
        "HTTP/1.1 204 No Content",
        "Access-Control-Allow-Methods: POST",
        "Access-Control-Allow-Headers: x-api-key, content-type",
        "Access-Control-Max-Age: 600",
    ] {
        assert!(text.contains(&format!("{field}\r\n")), "{text}");
    }
    let plain = granted("Origin: http://a\r\nAccess-Control-Request-Method: GET\r\n").unwrap();
    assert!(!plain.contains("Allow-Headers"), "{plain}");
    for none in [
        "",
        "Origin: http://a\r\n",
        "Access-Control-Request-Method: GET\r\n",
        "Origin: http://a\r\nAccess-Control-Request-Method: a b\r\n",
    ] {
        assert_eq!(granted(none), None, "{none}");
    }
}
