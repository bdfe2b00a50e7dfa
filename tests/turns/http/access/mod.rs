//! Identity and permission over HTTP: every place of a credential with every outcome.

mod attempts;
mod first_frame;
mod life;
mod places;
mod rights;

use std::time::Duration;

use corecast::auth::{ApiKeys, Auth, Denial, Key, Places, Rules, Verifier, create};
use corecast::counters::status_index;
use corecast::{CloseReason, Config, Origins, RelaySettings};

use crate::http::server::{Client, Server};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const OTHER: &[u8] = b"another secret of 32 bytes......";
const NOW: u64 = 1_900_000_000;
const PAGE: &str = "https://app.example.com";
/// Of the API key "test", by `printf test | sha256sum`.
const HASH: &str =
    "backend sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn auth() -> Auth {
    let verifier = Verifier::new(vec![Key::hmac(SECRET).unwrap()])
        .issuers(vec!["us".to_owned()])
        .audiences(vec!["here".to_owned()]);
    let rules = [
        "users subscribe+publish room",
        "users subscribe read",
        "users publish write",
        "users subscribe+publish own/{user}/#",
        "key:backend publish room",
        "anonymous subscribe read",
    ];
    Auth {
        verifier,
        api_keys: ApiKeys::parse([HASH]).unwrap(),
        rules: Rules::parse(rules).unwrap(),
        anonymous: false,
        insecure: false,
    }
}

fn server_with(auth: Auth, config: Config) -> Server {
    let places = Places::new("session", "access_token");
    let mut server = Server::of(config, RelaySettings::default());
    server.set_auth(auth, places);
    server.set_date(Duration::from_secs(NOW));
    server
}

fn server() -> Server {
    let config = Config {
        origins: Origins::parse(["self", PAGE, "http://*.example.com"]).unwrap(),
        ..Config::default()
    };
    server_with(auth(), config)
}

fn token(secret: &[u8], claims: &str) -> String {
    create(secret, claims).unwrap()
}

fn ann() -> String {
    token(
        SECRET,
        r#"{"sub":"ann","iss":"us","aud":"here","exp":1900000060}"#,
    )
}

/// The ways in which a token is not right.
fn wrong_tokens() -> Vec<(String, Denial)> {
    let of = |claims: &str| token(SECRET, claims);
    let good = ann();
    let (front, _) = good.rsplit_once('.').unwrap();
    vec![
        ("nonsense".to_owned(), Denial::Malformed),
        (format!("{front}."), Denial::Signature),
        (
            token(OTHER, r#"{"sub":"ann","iss":"us","aud":"here"}"#),
            Denial::Signature,
        ),
        (
            of(r#"{"sub":"ann","iss":"us","aud":"here","exp":1899999900}"#),
            Denial::Expired,
        ),
        (
            of(r#"{"sub":"ann","iss":"us","aud":"here","nbf":1900000900}"#),
            Denial::NotYetValid,
        ),
        (
            of(r#"{"sub":"ann","iss":"us","aud":"there"}"#),
            Denial::Audience,
        ),
        (
            of(r#"{"sub":"ann","iss":"them","aud":"here"}"#),
            Denial::Issuer,
        ),
        (
            of(r#"{"sub":["ann"],"iss":"us","aud":"here"}"#),
            Denial::Claims,
        ),
        ("x".repeat(9_000), Denial::TooLong),
    ]
}

/// A request: its path, and fields beside `Host`.
type Request = (String, String);

/// A token in each place where one may be.
fn placed(path: &str, token: &str) -> Vec<Request> {
    vec![
        (
            path.to_owned(),
            format!("Authorization: Bearer {token}\r\n"),
        ),
        (format!("{path}?access_token={token}"), String::new()),
        (
            path.to_owned(),
            format!("Sec-WebSocket-Protocol: chat, bearer.{token}\r\n"),
        ),
        (
            path.to_owned(),
            format!("Origin: {PAGE}\r\nCookie: session={token}\r\n"),
        ),
    ]
}

fn ask(server: &mut Server, path: &str, fields: &str) -> (Client, String) {
    let client = server.connect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: here:8080\r\n{fields}\r\n");
    server.send(client, request);
    let answer = server.take(client);
    (client, answer)
}

fn status(answer: &str) -> u16 {
    answer[9..12].parse().unwrap()
}

/// The listeners of HTTP: the path before the topic, more fields, and the status of one that opens.
fn listeners() -> [(&'static str, &'static str, u16); 4] {
    [
        ("/ws", UPGRADE, 101),
        ("/sub", UPGRADE, 101),
        ("/pub", UPGRADE, 101),
        ("/sse", "", 200),
    ]
}

#[test]
fn every_place_of_a_token_has_every_outcome_on_every_listener() {
    for (listener, fields, opened) in listeners() {
        let path = format!("{listener}/room");
        let check = |token: &str, expected: u16, denial: Option<Denial>| {
            for (path, more) in placed(&path, token) {
                let mut server = server();
                let (client, answer) = ask(&mut server, &path, &format!("{fields}{more}"));
                assert_eq!(status(&answer), expected, "{path} {more}: {answer}");
                assert!(!answer.contains(token), "{answer}");
                let Some(denial) = denial else { continue };
                let counters = server.counters();
                assert_eq!(counters.denied[denial.index()], 1, "{denial:?} {path}");
                assert_eq!(counters.denied.iter().sum::<u64>(), 1);
                let refused = CloseReason::Refused(expected);
                assert_eq!(server.ended(client), Some(refused), "{path}");
                assert_eq!(counters.refused[status_index(expected)], 1);
                assert!(answer.contains(&denial.to_string()), "{answer}");
                let logged = server.denial().unwrap();
                assert!(logged.contains(&denial.to_string()), "{logged}");
                assert!(!logged.contains(token), "{logged}");
                if expected == 401 {
                    let challenge = "WWW-Authenticate: Bearer error=\"invalid_token\"";
                    assert!(answer.contains(challenge), "{answer}");
                }
            }
        };
        check(&ann(), opened, None);
        for (token, denial) in wrong_tokens() {
            check(&token, 401, Some(denial));
        }
        let mut server = server();
        let (_, answer) = ask(&mut server, &path, fields);
        assert_eq!(status(&answer), 401, "{listener}");
        assert!(
            answer.contains("\r\nWWW-Authenticate: Bearer, apikey\r\n"),
            "{answer}"
        );
    }
}

#[test]
fn a_topic_that_is_not_permitted_is_forbidden_and_the_rule_is_logged() {
    let bearer = format!("Authorization: Bearer {}\r\n", ann());
    for (path, fields, expected) in [
        ("/sub/read", UPGRADE, 101),
        ("/pub/read", UPGRADE, 403),
        ("/sub/write", UPGRADE, 403),
        ("/pub/write", UPGRADE, 101),
        ("/ws/write", UPGRADE, 403),
        ("/sse/read", "", 200),
        ("/sse/other", "", 403),
        ("/ws/own/ann/x", UPGRADE, 101),
        ("/ws/own/bob/x", UPGRADE, 403),
        ("/echo", UPGRADE, 101),
    ] {
        let mut server = server();
        let (_, answer) = ask(&mut server, path, &format!("{fields}{bearer}"));
        assert_eq!(status(&answer), expected, "{path}: {answer}");
        if expected == 403 {
            assert_eq!(server.counters().denied[Denial::Forbidden.index()], 1);
            let logged = server.denial().unwrap();
            assert!(logged.contains("user \"ann\" may not "), "{logged}");
            assert!(logged.ends_with("by no rule"), "{logged}");
        }
    }
}

#[test]
fn a_publisher_that_may_only_subscribe_is_closed_with_1008() {
    let mut server = server();
    let fields = format!("{UPGRADE}Authorization: Bearer {}\r\n", ann());
    let (client, answer) = ask(&mut server, "/ws/read", &fields);
    assert_eq!(status(&answer), 101);
    // A masked text "a".
    server.send(client, [0x81, 0x81, 0, 0, 0, 0, b'a']);
    let close = server.take_bytes(client);
    let reason = b"not permitted";
    let frame = [&[0x88, 2 + 13, 0x03, 0xf0][..], reason].concat();
    assert_eq!(close, frame);
    assert_eq!(server.counters().denied[Denial::Forbidden.index()], 1);
    let logged = server.denial().unwrap();
    let words = "user \"ann\" may not publish \"read\" by no rule";
    assert!(logged.contains(words), "{logged}");
}
