//! The clients of topics, and errors that have a status.

use corecast::{Config, Namespaces, Scope, TopicSettings};

use super::Scene;
use crate::http::server::KEY;
use crate::http::statuses;

/// All channels but `off:…` have presence.
fn scene() -> Scene {
    let on = TopicSettings {
        presence: true,
        ..TopicSettings::default()
    };
    let off = vec![(Scope::name("off").unwrap(), TopicSettings::default())];
    Scene::with(Config {
        namespaces: Namespaces::new(on, off),
        ..Config::default()
    })
}

#[test]
fn the_clients_of_a_channel_are_listed_and_counted() {
    let mut scene = scene();
    let counts = scene.ask("presence_stats", r#"{"channel":"news"}"#);
    assert_eq!(counts, r#"{"result":{"num_clients":1,"num_users":1}}"#);
    let none = scene.ask("presence_stats", r#"{"channel":"other"}"#);
    assert_eq!(none, r#"{"result":{"num_clients":0,"num_users":0}}"#);
    let list = scene.ask("presence", r#"{"channel":"news"}"#);
    let (_, id) = list.split_once(r#""client":""#).unwrap();
    let (id, _) = id.split_once('"').unwrap();
    let expected =
        format!(r#"{{"result":{{"presence":{{"{id}":{{"client":"{id}","user":""}}}}}}}}"#);
    assert_eq!(list, expected);
    let both = r#"{"commands":[{"presence":{"channel":"other"}},
        {"presence_stats":{"channel":"news"}},{"presence":{"channel":"off:a"}}]}"#;
    let expected = concat!(
        r#"{"replies":[{"presence":{"presence":{}}},"#,
        r#"{"presence_stats":{"num_clients":1,"num_users":1}},"#,
        r#"{"error":{"code":108,"message":"not available: the channel has no presence"}}]}"#
    );
    assert_eq!(scene.ask("batch", both), expected);
}

#[test]
fn an_error_has_a_status_if_the_request_wants_that() {
    let mut scene = scene();
    for (method, body, status, code) in [
        ("presence", r#"{"channel":"off:a"}"#, 400, "108"),
        ("presence", "{}", 400, "107"),
        ("history", r#"{"channel":"news"}"#, 400, "108"),
        ("presence", r#"{"channel":"news"}"#, 200, ""),
        // These have lists of errors.
        ("broadcast", r#"{"channels":[""],"data":1}"#, 200, "107"),
    ] {
        let request = format!(
            "POST /api/{method} HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\n\
             X-Centrifugo-Error-Mode: transport\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        scene.server.send(scene.api, request);
        let answer = scene.server.take(scene.api);
        assert_eq!(statuses(&answer), [status], "{answer}");
        let error = format!("{{\"code\":{code},");
        let has_error = answer.contains(&error);
        assert_eq!(has_error, !code.is_empty(), "{answer}");
        let is_alone = answer.contains(&format!("\r\n\r\n{error}"));
        assert_eq!(is_alone, status != 200, "{answer}");
    }
}

#[test]
fn the_key_may_be_a_parameter_and_comes_once() {
    let body = r#"{"channel":"news","data":1}"#;
    let key = KEY.replace(' ', "%20");
    for (query, field, status) in [
        (format!("?api_key={key}"), String::new(), 200),
        (
            format!("?api_key={key}"),
            format!("X-API-Key: {KEY}\r\n"),
            400,
        ),
        (format!("?api_key={key}&api_key={key}"), String::new(), 400),
        ("?api_key=wrong".to_owned(), String::new(), 401),
        ("?api_key=".to_owned(), String::new(), 401),
        ("?key=1".to_owned(), format!("X-API-Key: {KEY}\r\n"), 200),
    ] {
        let mut scene = scene();
        let request = format!(
            "POST /api/publish{query} HTTP/1.1\r\nHost: a\r\n{field}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        scene.server.send(scene.api, request);
        let answer = scene.server.take(scene.api);
        assert_eq!(statuses(&answer), [status], "{query} {field}: {answer}");
    }
}
