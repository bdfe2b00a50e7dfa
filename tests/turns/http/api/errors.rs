//! Requests of the publish API that cannot be carried out.

use corecast::limits::API_ENTRIES_MAX;
use corecast::{Config, RelaySettings};

use crate::http::api::Scene;
use crate::http::server::{KEY, Server};
use crate::http::{get, statuses};

#[test]
fn what_cannot_be_published_is_an_error_of_the_command() {
    let mut scene = Scene::with(Config {
        message_bytes_max: 10,
        ..Config::default()
    });
    for (method, body) in [
        ("publish", "{}".to_owned()),
        ("publish", r#"{"channel":"news"}"#.to_owned()),
        ("publish", r#"{"channel":".","data":1}"#.to_owned()),
        ("publish", r#"{"channel":"..","data":1}"#.to_owned()),
        ("publish", r#"{"data":1}"#.to_owned()),
        ("publish", r#"{"channel":"a\u0000","data":1}"#.to_owned()),
        ("publish", r#"{"channel":"news","b64data":"?"}"#.to_owned()),
        (
            "publish",
            r#"{"channel":"news","data":"123456789"}"#.to_owned(),
        ),
        (
            "publish",
            format!(r#"{{"channel":"{}","data":1}}"#, "x".repeat(256)),
        ),
        ("broadcast", r#"{"data":1}"#.to_owned()),
        ("broadcast", r#"{"channels":[],"data":1}"#.to_owned()),
    ] {
        let answer = scene.ask(method, &body);
        assert!(
            answer.starts_with(r#"{"error":{"code":107,"#),
            "{body}: {answer}"
        );
        serde_json::from_str::<serde_json::Value>(&answer).unwrap();
    }
    assert_eq!(scene.got(), "");
}

#[test]
fn a_field_that_is_not_known_is_named_where_it_is_a_slip_or_another_is_missing() {
    let mut scene = Scene::new();
    for (method, body, expected) in [
        (
            "publish",
            r#"{"chanel":"news","data":1}"#,
            "unknown field chanel; did you mean channel?",
        ),
        (
            "broadcast",
            r#"{"chanels":["news"],"data":1}"#,
            "did you mean channels?",
        ),
        (
            "publish",
            r#"{"channel":"news","dat":1}"#,
            "unknown field dat; did you mean data?",
        ),
        (
            "publish",
            r#"{"channel":"news","data":1,"idempotencyKey":"a"}"#,
            "did you mean idempotency_key?",
        ),
        (
            "publish",
            r#"{"topic":"news","data":1}"#,
            "send channel; there is no field topic",
        ),
        (
            "publish",
            r#"{"channel":"news","payload":1}"#,
            "b64data in base64; there is no field payload",
        ),
        (
            "broadcast",
            r#"{"channel":"news","data":1}"#,
            "send channels",
        ),
        (
            "batch",
            r#"{"commands":[{"publish":{"chanel":"a","data":1}}]}"#,
            "unknown field chanel",
        ),
        // A name that JSON must escape stays JSON.
        (
            "publish",
            r#"{"\"\\\u0001":1,"data":1}"#,
            r#"there is no field \"\\\u0001""#,
        ),
    ] {
        let answer = scene.ask(method, body);
        assert!(answer.contains(expected), "{body}: {answer}");
        serde_json::from_str::<serde_json::Value>(&answer).unwrap();
    }
    assert_eq!(scene.got(), "");
    // Centrifugo has many more fields, which its clients may send.
    let body = r#"{"channel":"news","data":1,"tags":{},"skip_history":true,"version":7}"#;
    assert_eq!(scene.ask("publish", body), r#"{"result":{}}"#);
    assert_eq!(
        scene.got(),
        "data: 1

"
    );
}

#[test]
fn tokens_cannot_be_revoked_where_there_are_none() {
    let mut scene = Scene::new();
    for (method, body) in [
        ("invalidate_user_tokens", r#"{"user":"ann"}"#),
        ("revoke_token", r#"{"uid":"7"}"#),
    ] {
        let answer = scene.ask(method, body);
        assert!(answer.starts_with(r#"{"error":{"code":108,"#), "{answer}");
    }
}

#[test]
fn a_request_without_the_key_or_without_json_is_refused() {
    let mut scene = Scene::new();
    let mut status = |request: String| {
        // A wrong key closes the connection.
        let client = scene.server.connect();
        scene.server.send(client, request);
        let answer = scene.server.take(client);
        (statuses(&answer)[0], answer)
    };
    let post = |path: &str, fields: &str, body: &str| {
        let len = body.len();
        format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {len}\r\n\r\n{body}")
    };
    let key = format!("Authorization: ApiKey {}\r\n", "wrong");
    for fields in ["", "X-API-Key: wrong\r\n", &key] {
        let (status, answer) = status(post("/api/publish", fields, "{}"));
        assert_eq!(status, 401);
        assert!(
            answer.contains("\r\nWWW-Authenticate: apikey\r\n"),
            "{answer}"
        );
    }
    let key = format!("X-API-Key: {KEY}\r\n");
    for body in [
        "",
        "[]",
        "{",
        "{\"channel\":1}",
        "{\"data\":nul}",
        "\u{feff}{}",
    ] {
        let (status, answer) = status(post("/api/publish", &key, body));
        assert_eq!(status, 400, "{body}: {answer}");
    }
    let (code, answer) = status(post("/api/batch", &key, "{\"comands\":[]}"));
    assert_eq!(code, 400, "{answer}");
    assert!(answer.contains("missing field `commands`"), "{answer}");
    assert_eq!(status(post("/api/survey", &key, "{}")).0, 404);
    assert_eq!(status(get("/api/publish")).0, 405);

    let mut server = Server::of(Config::default(), RelaySettings::default());
    let client = server.connect();
    server.send(client, post("/api/publish", &key, "{}"));
    let answer = server.take(client);
    assert_eq!(statuses(&answer), [403]);
    assert!(answer.contains("the publish API is off"), "{answer}");
}

#[test]
fn a_message_that_cannot_be_published_is_an_error_even_after_a_wait() {
    let mut scene = Scene::with(Config {
        log_bytes_max: 64,
        ..Config::default()
    });
    let long = "x".repeat(256);
    let channels = vec!["\"a\""; 700].join(",");
    let body = format!("{{\"channels\":[\"\",\"{long}\",\"b\\u0000\",{channels}],\"data\":1}}");
    let answer = scene.ask("broadcast", &body);
    assert_eq!(answer.matches("{\"result\":{}}").count(), 700);
    assert_eq!(answer.matches("{\"error\":{\"code\":107,").count(), 3);
}

#[test]
fn a_command_about_a_user_that_cannot_be_carried_out_is_an_error_even_after_a_wait() {
    let mut scene = Scene::with(Config {
        log_bytes_max: 64,
        ..Config::default()
    });
    let long = "x".repeat(256);
    let commands = [
        r#"{"disconnect":{"user":"ann","client":"no id"}}"#.to_owned(),
        r#"{"disconnect":{"user":"ann","disconnect":{"code":1000}}}"#.to_owned(),
        r#"{"refresh":{"user":"ann","client":"1"}}"#.to_owned(),
        r#"{"subscribe":{"user":"ann"}}"#.to_owned(),
        r#"{"subscribe":{"user":"ann","channel":"a","b64data":"?"}}"#.to_owned(),
        r#"{"unsubscribe":{"user":"ann","channel":".."}}"#.to_owned(),
        r#"{"send":{"user":"ann"}}"#.to_owned(),
        r#"{"send":{"user":"ann","data":1,"client":"0.0.1"}}"#.to_owned(),
        r#"{"send":{"data":1}}"#.to_owned(),
        format!(r#"{{"send":{{"user":"{long}","data":1}}}}"#),
    ];
    let channels = vec!["\"a\""; 700].join(",");
    let commands = commands.join(",");
    let waits = format!("{{\"broadcast\":{{\"channels\":[{channels}],\"data\":1}}}}");
    let answer = scene.ask("batch", &format!("{{\"commands\":[{commands},{waits}]}}"));
    assert_eq!(
        answer.matches("{\"error\":{\"code\":107,").count(),
        10,
        "{answer}"
    );
    assert_eq!(answer.matches("{\"result\":{}}").count(), 700);
}

#[test]
fn a_batch_of_more_than_all_lists_may_have_publishes_nothing() {
    let mut scene = Scene::new();
    let names = vec!["\"news\""; API_ENTRIES_MAX / 2].join(",");
    let half = format!("{{\"broadcast\":{{\"data\":1,\"channels\":[{names}]}}}}");
    scene.send("batch", &format!("{{\"commands\":[{half},{half},null]}}"));
    let answer = scene.server.take(scene.api);
    assert_eq!(statuses(&answer), [400]);
    assert!(
        answer.contains("more than 10000 messages in all"),
        "{answer}"
    );
    assert_eq!(scene.got(), "");
}
