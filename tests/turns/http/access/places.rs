//! Places of a credential that have rules of their own.

use crate::http::access::{PAGE, UPGRADE, ann, ask, server, status};
use crate::http::server::Server;

#[test]
fn a_token_in_the_subprotocol_is_never_chosen() {
    for (offered, chosen) in [
        (format!("bearer.{}, chat", ann()), Some("chat")),
        (format!("chat, bearer.{}", ann()), Some("chat")),
        (format!("bearer.{}", ann()), None),
    ] {
        // Also where no client is asked for its identity.
        for mut server in [server(), Server::new()] {
            let fields = format!("{UPGRADE}Sec-WebSocket-Protocol: {offered}\r\n");
            let (_, answer) = ask(&mut server, "/ws/room", &fields);
            assert_eq!(status(&answer), 101, "{answer}");
            let line = chosen.map(|name| format!("\r\nSec-WebSocket-Protocol: {name}\r\n"));
            match line {
                Some(line) => assert!(answer.contains(&line), "{answer}"),
                None => assert!(!answer.contains("Sec-WebSocket-Protocol"), "{answer}"),
            }
        }
    }
}

#[test]
fn a_cookie_counts_only_for_pages_that_are_listed_by_name_or_the_servers_own() {
    let cookie = format!("Cookie: session={}\r\n", ann());
    for (origin, expected) in [
        (format!("Origin: {PAGE}\r\n"), 200),
        ("Origin: http://here:8080\r\n".to_owned(), 200),
        ("Sec-Fetch-Site: same-origin\r\n".to_owned(), 200),
        // Allowed by a pattern, which is not enough for cookies.
        ("Origin: http://x.example.com\r\n".to_owned(), 403),
        ("Origin: https://elsewhere\r\n".to_owned(), 403),
        (String::new(), 403),
        ("Sec-Fetch-Site: cross-site\r\n".to_owned(), 403),
    ] {
        let mut server = server();
        let (_, answer) = ask(&mut server, "/sse/room", &format!("{origin}{cookie}"));
        assert_eq!(status(&answer), expected, "{origin}: {answer}");
    }
}

#[test]
fn over_tls_a_cookie_of_the_servers_own_page_counts_only_from_https() {
    for (origin, host, over_tls, expected) in [
        ("https://here:8080", "here:8080", true, 200),
        ("http://here:8080", "here:8080", true, 403),
        ("http://here:8080", "here:8080", false, 200),
        // A proxy ends TLS.
        ("https://here:8080", "here:8080", false, 200),
        // The port of the scheme may be left out.
        ("https://here", "here:443", true, 200),
        ("https://HERE", "here", true, 200),
    ] {
        let mut server = server();
        let client = match over_tls {
            true => server.connect_over_tls(),
            false => server.connect(),
        };
        let cookie = format!("Origin: {origin}\r\nCookie: session={}\r\n", ann());
        server.send(
            client,
            format!("GET /sse/room HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n"),
        );
        let answer = server.take(client);
        assert_eq!(status(&answer), expected, "{origin} {host}: {answer}");
    }
}

#[test]
fn two_credentials_are_a_bad_request() {
    let bearer = format!("Authorization: Bearer {}\r\n", ann());
    let mut server = server();
    let path = format!("/sse/room?access_token={}", ann());
    let (_, answer) = ask(&mut server, &path, &bearer);
    assert_eq!(status(&answer), 400);
    assert!(
        answer.contains("WWW-Authenticate: Bearer error=\"invalid_request\""),
        "{answer}"
    );
}
