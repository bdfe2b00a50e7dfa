//! Clients that are denied.

use std::rc::Rc;

use corecast::auth::{Denial, Key, Places, Rules, create};
use corecast::limits::TOKEN_BYTES_MAX;
use corecast::proto::{Frames, Framing};
use corecast::{CloseReason, Config, Relay};

use crate::shard::Shard;
use crate::verification::{Asking, NOW, SECRET, WAYS, ask, auth, checked, forged, p256};

#[test]
fn a_client_that_is_revoked_while_its_opening_waits_is_refused() {
    let token = create(SECRET, r#"{"sub":"ann"}"#).unwrap();
    for at in 0..WAYS {
        let asking = Asking::default();
        let (questions, users) = (Rc::clone(&asking.questions), Rc::clone(&asking.users));
        let mut shard = Shard::of(Config::default(), asking);
        let auth = auth(Key::hmac(SECRET).unwrap());
        let revocations = auth.verifier.revocations();
        shard.core.set_auth(auth, Places::default());
        let client = ask(&mut shard, at, &token);
        shard.rest();
        assert_eq!(questions.borrow().len(), 1, "{at}: it waits");
        revocations.revoke_user("ann", NOW, NOW).unwrap();
        for question in questions.borrow_mut().drain(..) {
            question.answer(());
        }
        shard.answer();
        shard.rest();
        let answer = shard.take(client);
        let expected: &[u8] = if at == 4 { b"" } else { b"HTTP/1.1 401 " };
        assert!(answer.starts_with(expected), "{at}");
        assert_eq!(shard.sockets.ended[&client], CloseReason::Refused(401));
        assert_eq!(users.borrow().len(), 0, "{at}");
        assert_eq!(shard.counters().denied[Denial::Revoked.index()], 1);
    }
}

#[test]
fn a_request_after_a_wrong_credential_needs_another_connection() {
    let request = |fields: &str| format!("GET /page HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let wrong = forged().replace("/sse/room", "/page");
    let mut closed = auth(p256());
    closed.anonymous = false;
    let mut shard = Shard::of(Config::default(), Asking::default());
    shard.core.set_auth(closed, Places::default());
    let client = shard.connect();
    shard.read(client, wrong.repeat(10));
    shard.rest();
    assert_eq!(checked(&mut shard), 1);
    let reason = shard.sockets.ended.get(&client).copied();
    assert_eq!(reason, Some(CloseReason::Refused(401)));
    // What needs no check costs the client nothing.
    let client = shard.connect();
    shard.read(client, request("").repeat(10));
    shard.rest();
    assert_eq!(shard.counters().denied[Denial::Missing.index()], 10);
    assert_eq!(shard.sockets.ended.get(&client), None);
}

#[test]
fn without_identity_of_clients_all_is_permitted_if_the_server_is_insecure() {
    let asking = Asking::default();
    let questions = Rc::clone(&asking.questions);
    let mut insecure = auth(Key::hmac(SECRET).unwrap());
    (insecure.insecure, insecure.rules) = (true, Rules::default());
    let mut shard = Shard::of(Config::default(), asking);
    shard.core.set_auth(insecure, Places::default());
    let client = shard.connect();
    shard.read(client, "GET /free HTTP/1.1\r\nHost: a\r\n\r\n");
    shard.rest();
    assert_eq!(shard.counters().denied[Denial::Forbidden.index()], 0);
    assert_eq!(questions.borrow().len(), 1, "it is asked for");
}

#[test]
fn the_certificate_of_a_proxy_is_not_that_of_its_clients() {
    let config = Config {
        trusted_proxies: ["192.0.2.1".parse().unwrap()].into_iter().collect(),
        ..Config::default()
    };
    let mut shard = Shard::of(config, Relay::default());
    let mut closed = auth(Key::hmac(SECRET).unwrap());
    closed.anonymous = false;
    shard.core.set_auth(closed, Places::default());
    for (field, expected) in [
        ("", "HTTP/1.1 200 "),
        ("X-Forwarded-For: 198.51.100.7\r\n", "HTTP/1.1 401 "),
        ("X-Forwarded-For: unknown\r\n", "HTTP/1.1 401 "),
    ] {
        let proxy = shard.connect_with("192.0.2.1:80".parse().unwrap(), "CN=proxy");
        let request = format!("GET /sse/room HTTP/1.1\r\nHost: a\r\n{field}\r\n");
        shard.read(proxy, request);
        shard.rest();
        assert!(
            shard.take(proxy).starts_with(expected.as_bytes()),
            "{field}"
        );
    }
}

/// Clients put tokens into first lines.
fn asking_for_lines() -> Frames {
    Frames {
        framing: Framing::Line,
        asks: true,
        ..Frames::default()
    }
}

#[test]
fn a_first_line_in_pieces_ends_at_the_length_of_a_token() {
    let mut shard = Shard::of(Config::default(), Relay::default());
    let key = Key::hmac(SECRET).unwrap();
    shard.core.set_auth(auth(key), Places::default());
    let client = shard.connect_by(asking_for_lines(), "room");
    let longest = TOKEN_BYTES_MAX + "apikey ".len();
    let has_ended = |shard: &Shard| shard.sockets.ended.contains_key(&client);
    for _ in 0..longest / 100 {
        shard.read(client, [b'x'; 100]);
        assert!(!has_ended(&shard));
    }
    shard.read(client, [b'x'; 200]);
    shard.rest();
    assert!(has_ended(&shard));
    assert_eq!(shard.counters().denied[Denial::TooLong.index()], 1);
}
