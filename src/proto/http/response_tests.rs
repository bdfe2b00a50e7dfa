use std::time::Duration;

use super::{After, Manner, Response};
use crate::proto::http::{Date, HttpError, Reader};

fn encoded(response: &Response, head_only: bool) -> String {
    let mut out = Vec::new();
    response.encode(&mut out, head_only);
    String::from_utf8(out).unwrap()
}

#[test]
fn an_answer_has_its_length_and_closes() {
    let text = encoded(&Response::text(404, "no such page"), false);
    let expected = "HTTP/1.1 404 Not Found\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Length: 13\r\n\
        Cache-Control: no-store\r\n\
        Connection: close\r\n\r\nno such page\n";
    assert_eq!(text, expected);
}

#[test]
fn an_answer_says_whether_the_connection_closes_and_which_origin_may_read_it() {
    let say = |after, reader| {
        let mut out = Vec::new();
        let manner = Manner {
            head_only: true,
            after,
            reader,
            date: None,
        };
        Response::empty().encode_as(&mut out, &manner);
        String::from_utf8(out).unwrap()
    };
    let start = "HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\n";
    for (after, field) in [
        (After::Close, "Connection: close\r\n"),
        (After::Keep, ""),
        (After::KeepAndSay, "Connection: keep-alive\r\n"),
    ] {
        assert_eq!(say(after, None), format!("{start}{field}\r\n"));
    }
    for (credentials, field) in [
        (false, ""),
        (true, "Access-Control-Allow-Credentials: true\r\n"),
    ] {
        let origin = "https://a.example";
        let reader = Reader {
            origin,
            credentials,
        };
        let expected =
            format!("{start}Access-Control-Allow-Origin: {origin}\r\n{field}Vary: Origin\r\n\r\n");
        assert_eq!(say(After::Keep, Some(reader)), expected);
    }
}

#[test]
fn an_answer_of_a_server_with_a_clock_has_a_date() {
    let mut out = Vec::new();
    let date = Some(Date::since_1970(Duration::from_secs(784_111_777)));
    let manner = Manner {
        date,
        ..Manner::default()
    };
    Response::empty().encode_as(&mut out, &manner);
    let text = String::from_utf8(out).unwrap();
    let start = "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn head_gets_the_head_that_get_would_get() {
    let page = Response::html("<p>hello");
    let head = encoded(&page, true);
    assert!(head.ends_with("\r\n\r\n"));
    assert_eq!(format!("{head}<p>hello"), encoded(&page, false));
}

#[test]
fn errors_that_need_a_header_field_have_it() {
    let check = |err: HttpError, status: &str, fields: &[&str]| {
        let text = encoded(&Response::from(err), false);
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{text}"
        );
        assert!(
            text.ends_with(&format!("\r\n\r\n{}\n", err.message())),
            "{text}"
        );
        for field in fields {
            assert!(
                text.contains(&format!("\r\n{field}\r\n")),
                "no {field}: {text}"
            );
        }
    };
    check(
        HttpError::UpgradeMethod,
        "405 Method Not Allowed",
        &["Allow: GET"],
    );
    check(
        HttpError::WebSocketVersion,
        "426 Upgrade Required",
        &[
            "Upgrade: websocket",
            "Connection: Upgrade, close",
            "Sec-WebSocket-Version: 13",
        ],
    );
    check(
        HttpError::UpgradeMissing,
        "426 Upgrade Required",
        &["Upgrade: websocket", "Connection: Upgrade, close"],
    );
    check(
        HttpError::HostMissing,
        "400 Bad Request",
        &["Connection: close"],
    );
    let not_allowed = encoded(&Response::method_not_allowed("GET, HEAD"), false);
    assert!(
        not_allowed.contains("\r\nAllow: GET, HEAD\r\n"),
        "{not_allowed}"
    );
}
