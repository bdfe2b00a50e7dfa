use super::*;
use crate::proto::http::{Head, HeadLimits, NO_HEADERS, parse_head};

/// What is found in a request with these fields, as text.
fn find(target: &str, fields: &str, may_have_cookies: bool) -> Result<String, Denial> {
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let mut headers = NO_HEADERS;
    let parsed = parse_head(head.as_bytes(), &mut headers, HeadLimits::default());
    let Ok(Head::Complete { request, .. }) = parsed else {
        panic!("no request: {parsed:?}");
    };
    let places = Places::new("session", "access_token");
    let found = places.find(&request, || may_have_cookies)?;
    Ok(match found {
        Some(Found::Token(token)) => format!("token {token}"),
        Some(Found::Key(key)) => format!("key {}", key.escape_ascii()),
        None => "none".to_owned(),
    })
}

#[test]
fn a_credential_is_found_in_each_place() {
    for (target, fields, expected) in [
        ("/", "", "none"),
        ("/", "Authorization: Bearer abc\r\n", "token abc"),
        ("/", "Authorization: bearer   abc\r\n", "token abc"),
        ("/", "Authorization: apikey abc\r\n", "key abc"),
        ("/", "X-API-Key: abc\r\n", "key abc"),
        ("/", "Authorization: Basic YTpi\r\n", "none"),
        (
            "/",
            "Sec-WebSocket-Protocol: chat, bearer.abc\r\n",
            "token abc",
        ),
        ("/?access_token=abc", "", "token abc"),
        ("/?x=1&access_token=a%62c", "", "token abc"),
        ("/?token=abc", "", "none"),
        ("/", "Cookie: a=b; session=abc; c=d\r\n", "token abc"),
        ("/", "Cookie: sessions=abc\r\n", "none"),
    ] {
        assert_eq!(find(target, fields, true).unwrap(), expected, "{fields}");
    }
}

#[test]
fn several_credentials_and_those_of_no_form_are_refused() {
    let bearer = "Authorization: Bearer abc\r\n";
    for (target, fields, denial) in [
        ("/", format!("{bearer}{bearer}"), Denial::Repeated),
        ("/", format!("{bearer}X-API-Key: abc\r\n"), Denial::Repeated),
        ("/?access_token=abc", bearer.to_owned(), Denial::Repeated),
        (
            "/?access_token=a&access_token=a",
            String::new(),
            Denial::Repeated,
        ),
        (
            "/",
            "Cookie: session=a; session=b\r\n".to_owned(),
            Denial::Repeated,
        ),
        (
            "/",
            "Authorization: Bearer\r\n".to_owned(),
            Denial::Malformed,
        ),
        (
            "/",
            "Authorization: Bearer a b\r\n".to_owned(),
            Denial::Malformed,
        ),
        ("/", "Authorization: apikey\r\n".to_owned(), Denial::ApiKey),
    ] {
        assert_eq!(
            find(target, &fields, true),
            Err(denial),
            "{target} {fields}"
        );
    }
}

#[test]
fn a_cookie_counts_only_for_pages_that_may_have_it_and_without_another_credential() {
    let cookie = "Cookie: session=abc\r\n";
    assert_eq!(find("/", cookie, false), Err(Denial::CookieOrigin));
    let both = format!("{cookie}Authorization: Bearer def\r\n");
    assert_eq!(find("/", &both, false).unwrap(), "token def");
}

#[test]
fn a_credential_is_not_printed() {
    let found = [Found::Token("secret".into()), Found::Key(b"secret")];
    assert_eq!(format!("{found:?}"), "[Token(..), Key(..)]");
}
