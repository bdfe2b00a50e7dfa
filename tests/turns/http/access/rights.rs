//! Anonymous clients, insecure servers, rights of tokens, API keys, and how denials are told.

use std::time::Duration;

use corecast::auth::{Auth, Denial, Places, Rules};
use corecast::{Config, Namespaces, RelaySettings, TopicSettings};

use crate::http::access::{SECRET, UPGRADE, ann, ask, auth, server, server_with, status, token};
use crate::http::api::history::HISTORY;
use crate::http::server::{KEY, Server};
use crate::http::statuses;

#[test]
fn anonymous_clients_have_rules_of_their_own_where_they_are_served() {
    let mut open = auth();
    open.anonymous = true;
    let unnamed = token(SECRET, r#"{"iss":"us","aud":"here"}"#);
    let unnamed = format!("Authorization: Bearer {unnamed}\r\n");
    for fields in ["", unnamed.as_str()] {
        for (path, expected) in [("/sse/read", 200), ("/sse/room", 403)] {
            let mut server = server_with(open.clone(), Config::default());
            let (_, answer) = ask(&mut server, path, fields);
            assert_eq!(status(&answer), expected, "{path} {fields}");
        }
        let mut server = server();
        let (_, answer) = ask(&mut server, "/sse/read", fields);
        assert_eq!(status(&answer), 401, "{fields}");
    }
}

#[test]
fn an_insecure_server_allows_everything_and_checks_tokens_that_are_sent() {
    let mut insecure = auth();
    insecure.insecure = true;
    let expired = token(SECRET, r#"{"sub":"ann","iss":"us","aud":"here","exp":1}"#);
    let expired = format!("Authorization: Bearer {expired}\r\n");
    for (fields, expected) in [("", 200), (expired.as_str(), 401)] {
        let mut server = server_with(insecure.clone(), Config::default());
        let (_, answer) = ask(&mut server, "/sse/anything", fields);
        assert_eq!(status(&answer), expected, "{fields}");
    }
}

#[test]
fn rights_in_a_token_count_beside_the_rules() {
    let claims = r#"{"sub":"ann","iss":"us","aud":"here","channels":["extra"],
        "caps":[{"channels":["all_*"],"match":"wildcard","allow":["pub"]}]}"#;
    let bearer = format!("Authorization: Bearer {}\r\n", token(SECRET, claims));
    for (path, fields, expected) in [
        ("/sub/extra", UPGRADE, 101),
        ("/pub/extra", UPGRADE, 403),
        ("/pub/all_1", UPGRADE, 101),
        ("/sub/all_1", UPGRADE, 403),
    ] {
        let mut server = server();
        let (_, answer) = ask(&mut server, path, &format!("{fields}{bearer}"));
        assert_eq!(status(&answer), expected, "{path}: {answer}");
    }
}

#[test]
fn the_publish_api_asks_for_a_key_and_its_rules() {
    let publish = |server: &mut Server, fields: &str, channel: &str| {
        let api = server.connect();
        let body = format!(r#"{{"channel":"{channel}","data":1}}"#);
        let len = body.len();
        let head =
            format!("POST /api/publish HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {len}");
        server.send(api, format!("{head}\r\n\r\n{body}"));
        server.take(api)
    };
    let bearer = format!("Authorization: Bearer {}\r\n", ann());
    for (fields, status) in [
        ("X-API-Key: test\r\n", 200),
        ("Authorization: apikey test\r\n", 200),
        ("", 401),
        ("X-API-Key: tesT\r\n", 401),
        (bearer.as_str(), 401),
        ("X-API-Key: test\r\nAuthorization: apikey test\r\n", 400),
    ] {
        let mut server = server();
        let answer = publish(&mut server, fields, "room");
        assert_eq!(statuses(&answer), [status], "{fields}: {answer}");
        if status != 200 {
            assert!(
                answer.contains("\r\nWWW-Authenticate: apikey\r\n"),
                "{answer}"
            );
            assert_eq!(server.counters().denied.iter().sum::<u64>(), 1);
        }
    }
    let mut server = server();
    let answer = publish(&mut server, "X-API-Key: test\r\n", "read");
    assert_eq!(statuses(&answer), [200]);
    let error = r#"{"error":{"code":103,"message":"permission denied"}}"#;
    assert!(answer.ends_with(error), "{answer}");
    let logged = server.denial().unwrap();
    assert!(
        logged.contains("API key \"backend\" may not publish \"read\""),
        "{logged}"
    );
    // The one key without a name may do everything, as it always could.
    let settings = RelaySettings::default().with_api_key(KEY);
    let mut both = Server::of(Config::default(), settings);
    both.set_auth(auth(), Places::default());
    let answer = publish(&mut both, &format!("X-API-Key: {KEY}\r\n"), "read");
    assert!(answer.ends_with(r#"{"result":{}}"#), "{answer}");
}

#[test]
fn a_key_that_may_read_histories_does_not_remove_them() {
    let history = TopicSettings {
        history: Some(HISTORY),
        ..TopicSettings::default()
    };
    let config = Config {
        namespaces: Namespaces::new(history, Vec::new()),
        ..Config::default()
    };
    let rules = ["key:backend history read", "key:backend publish write"];
    let auth = Auth {
        rules: Rules::parse(rules).unwrap(),
        ..auth()
    };
    let mut server = server_with(auth, config);
    for (method, channel, is_permitted) in [
        ("history", "read", true),
        ("history", "write", false),
        ("history_remove", "read", false),
        ("history_remove", "write", true),
    ] {
        let api = server.connect();
        let body = format!(r#"{{"channel":"{channel}"}}"#);
        let len = body.len();
        let head = format!("POST /api/{method} HTTP/1.1\r\nHost: a\r\nX-API-Key: test\r\n");
        server.send(api, format!("{head}Content-Length: {len}\r\n\r\n{body}"));
        let answer = server.take(api);
        assert_eq!(!answer.contains("103"), is_permitted, "{method} {answer}");
    }
}

#[test]
fn one_denial_in_a_second_is_logged_and_all_are_counted() {
    let mut server = server();
    for _ in 0..5 {
        ask(&mut server, "/sse/room", "");
    }
    assert!(server.denial().is_some());
    assert_eq!(server.denial(), None);
    ask(&mut server, "/sse/room", "");
    assert_eq!(server.denial(), None, "within a second");
    server.wait(Duration::from_secs(2));
    ask(&mut server, "/sse/room", "");
    assert!(server.denial().is_some());
    assert_eq!(server.counters().denied[Denial::Missing.index()], 7);
}

#[test]
fn requests_that_open_nothing_need_no_identity() {
    for (path, expected) in [
        ("/", 200),
        ("/healthz", 200),
        ("/x", 404),
        ("/ws/room", 426),
    ] {
        let mut server = server();
        let (_, answer) = ask(&mut server, path, "");
        assert_eq!(status(&answer), expected, "{path}");
    }
    let mut server = server();
    let (_, answer) = ask(&mut server, "/ws/%zz", UPGRADE);
    assert_eq!(status(&answer), 400, "not a topic");
}

#[test]
fn a_head_request_for_events_is_asked_as_a_get_is() {
    let bearer = format!("Authorization: Bearer {}\r\n", ann());
    for (topic, fields, expected) in [
        ("room", bearer.as_str(), 200),
        ("other", bearer.as_str(), 403),
        ("room", "", 401),
    ] {
        let mut server = server();
        let client = server.connect();
        let request = format!("HEAD /sse/{topic} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        server.send(client, request);
        assert_eq!(status(&server.take(client)), expected, "{topic} {fields}");
        assert_eq!(server.counters().opened, 0);
    }
}
