use super::{Origins, preflight};
use crate::proto::http::OriginError;
use crate::proto::http::{Head, HeadLimits, HttpError, NO_HEADERS, parse_head};

fn with_request<T>(fields: &str, ask: impl FnOnce(&super::Request<'_>) -> T) -> T {
    let head = format!("OPTIONS / HTTP/1.1\r\nHost: here.example:8080\r\n{fields}\r\n");
    let mut headers = NO_HEADERS;
    match parse_head(head.as_bytes(), &mut headers, HeadLimits::default()) {
        Ok(Head::Complete { request, .. }) => ask(&request),
        other => panic!("no request: {other:?}"),
    }
}

fn allows(patterns: &[&str], origin: &str, host: &str) -> bool {
    let origins = Origins::parse(patterns).unwrap();
    origins.allows(origin, host).is_some()
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
        assert_eq!(own.allows(origin, host), Some(false), "{origin} {host}");
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
        assert_eq!(own.allows(origin, host), None, "{origin} {host}");
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
        "https:///path",
        "https://*.",
        "https://*:*",
        "https://example.com/*",
        "https://example.com/a b",
        "https://example.com:*/path",
        "file",
        "file:",
        "file://a,b",
        "file://a\"",
        "app://*.*",
        "1app://a",
        "app//a",
        "Null://*x",
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
    let fine = ["http://[::1]:80", "https://*.a.b:8443", "http://[::1]:*"];
    let origins = Origins::parse(fine).unwrap();
    assert!(origins.patterns().eq(fine.map(str::to_owned)));
}

#[test]
fn what_boards_and_programs_send_can_be_allowed_by_name() {
    for origin in [
        "file://",
        "file:///",
        "app://.",
        "app://localhost",
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "chrome-extension://abcdefghijklmnop",
        "vscode-webview://0a1b",
        "https://github.com/gilmaimon/TinyWebsockets",
        "http://localhost:8081/debugger-ui",
        "content://com.example.app",
        "null",
    ] {
        assert!(allows(&[origin], origin, "here.example"), "{origin}");
        let origins = Origins::parse([origin]).unwrap();
        assert_eq!(
            origins.patterns().next().as_deref(),
            Some(&*origin.to_ascii_lowercase())
        );
        for other in [
            "https://github.com",
            "file://x",
            "http://here.example",
            "app:",
        ] {
            assert!(
                !allows(&[origin], other, "here.example"),
                "{origin} {other}"
            );
        }
    }
}

#[test]
fn a_pattern_may_leave_the_port_or_all_behind_the_scheme_open() {
    let list = ["http://localhost:*", "http://[::1]:*", "moz-extension://*"];
    for good in [
        "http://localhost",
        "http://localhost:3000",
        "http://LOCALHOST:65535",
        "http://[::1]:80",
        "moz-extension://5e7a-01",
    ] {
        assert!(allows(&list, good, "here.example"), "{good}");
    }
    for bad in [
        "https://localhost:3000",
        "http://localhost:",
        "http://localhost:65536",
        "http://localhost:+80",
        "http://localhost:80.evil.example",
        "http://localhost.evil.example",
        "http://localhost:80/",
        "moz-extension://",
        "moz-extension",
        "xmoz-extension://a",
    ] {
        assert!(!allows(&list, bad, "here.example"), "{bad}");
    }
}

#[test]
fn credentials_are_for_origins_that_are_listed_exactly_by_name() {
    let gives = |patterns: &[&str], origin: &str| {
        let origins = Origins::parse(patterns).unwrap();
        origins.allows(origin, "here.example")
    };
    let origin = "https://a.example";
    assert_eq!(gives(&[origin], origin), Some(true));
    assert_eq!(gives(&["*", origin], origin), Some(true));
    assert_eq!(gives(&["https://*.example", origin], origin), Some(true));
    assert_eq!(gives(&["https://*.example"], origin), Some(false));
    assert_eq!(gives(&["https://a.example:*"], origin), Some(false));
    assert_eq!(gives(&["app://."], "app://."), Some(true));
    assert_eq!(gives(&["*"], origin), Some(false));
    assert_eq!(gives(&["https://*"], origin), Some(false));
    assert_eq!(gives(&["null"], "null"), Some(false));
    assert_eq!(gives(&["file://"], "file://"), Some(false));
    assert_eq!(gives(&["FILE:///a"], "file:///a"), Some(false));
    assert_eq!(gives(&["self"], "http://here.example"), Some(false));
}

#[test]
fn a_refusal_names_the_origin_and_where_to_list_it() {
    let refusal = |patterns: &[&str], fields: &str| {
        let origins = Origins::parse(patterns).unwrap();
        with_request(fields, |request| origins.refusal(request))
    };
    let from = "Origin: https://app.example.com\r\n";
    assert_eq!(
        refusal(&["null"], from),
        "the origin \"https://app.example.com\" is not allowed: http.origins \
         (Config::origins of the library) does not list it"
    );
    let own = refusal(&["self"], from);
    assert!(own.ends_with(
        ", and it is not that of the Host field, \"here.example:8080\", which a proxy must pass on"
    ));
    let odd = refusal(&["null"], "Origin: a\"\u{e4}\r\n");
    assert!(
        odd.starts_with("the origin \"a\\\"\\xc3\\xa4\" is"),
        "{odd}"
    );
    let long = refusal(&["null"], &format!("Origin: {}\r\n", "x".repeat(5_000)));
    assert!(long.len() < 300 && long.contains("xxx...\""), "{long}");
    let two = refusal(&["null"], &from.repeat(2));
    assert!(two.starts_with("more than one Origin"), "{two}");
}

#[test]
fn a_request_without_origin_is_not_checked_and_one_with_two_is_refused() {
    let own = Origins::default();
    let admit = |fields: &str| {
        with_request(fields, |request| {
            own.admit(request)
                .map(|reader| reader.map(|reader| reader.origin.to_owned()))
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
fn a_preflight_request_gets_what_it_asks_for() {
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
