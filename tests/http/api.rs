//! The publish API.

use std::time::Duration;

use corecast::limits::{API_ENTRIES_MAX, ONCE_WINDOW};
use corecast::{Config, RelaySettings};

use crate::server::{Client, KEY, Server};
use crate::{get, statuses};

struct Scene {
    server: Server,
    api: Client,
    reader: Client,
}

impl Scene {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let mut server = Server::with(config);
        let api = server.connect();
        let reader = server.connect();
        server.send(reader, get("/sse/news"));
        server.take(reader);
        Self {
            server,
            api,
            reader,
        }
    }

    fn send(&mut self, method: &str, body: &str) {
        let request = format!(
            "POST /api/{method} HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.server.send(self.api, request);
    }

    /// The body of the answer to a request.
    fn ask(&mut self, method: &str, body: &str) -> String {
        self.send(method, body);
        let answer = self.server.take(self.api);
        assert_eq!(statuses(&answer), [200], "{answer}");
        assert!(answer.contains("\r\nContent-Type: application/json\r\n"));
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// What the reader has got, heartbeats aside.
    fn got(&mut self) -> String {
        let sent = self.server.events(self.reader);
        sent.replace(":\n\n", "")
    }
}

#[test]
fn a_message_is_published_as_it_is_written() {
    let mut scene = Scene::new();
    let body = r#"{"channel":"news","data":{"value": 1.50}}"#;
    assert_eq!(scene.ask("publish", body), r#"{"result":{}}"#);
    assert_eq!(scene.got(), "data: {\"value\": 1.50}\n\n");
    let body = "{\"channel\":\"news\",\"data\":[\r\n1]}";
    assert_eq!(scene.ask("publish", body), r#"{"result":{}}"#);
    assert_eq!(scene.got(), "data: [  1]\n\n");
    let body = r#"{"channel":"news","b64data":"AP8="}"#;
    assert_eq!(scene.ask("publish", body), r#"{"result":{}}"#);
    assert_eq!(scene.got(), "event: binary\ndata: AP8=\n\n");
}

#[test]
fn a_broadcast_and_a_batch_have_an_answer_for_each_part() {
    let mut scene = Scene::new();
    let body = r#"{"channels":["news","","other"],"data":1}"#;
    let answer = scene.ask("broadcast", body);
    let bad = r#"{"error":{"code":107,"message":"bad request: a channel has 1 to 255 bytes without control characters, and is not . or .."}}"#;
    let expected =
        format!(r#"{{"result":{{"responses":[{{"result":{{}}}},{bad},{{"result":{{}}}}]}}}}"#);
    assert_eq!(answer, expected);
    assert_eq!(scene.got(), "data: 1\n\n");
    let body = r#"{"commands":[{"publish":{"channel":"news","data":2}},{"presence":{}},
        {"broadcast":{"channels":["news"],"data":3}},{"publish":{"channel":"news"}},null],
        "parallel":true}"#;
    let answer = scene.ask("batch", body);
    let expected = concat!(
        r#"{"replies":[{"publish":{}},"#,
        r#"{"error":{"code":104,"message":"not found: there are publish and broadcast"}},"#,
        r#"{"broadcast":{"responses":[{"result":{}}]}},"#,
        r#"{"error":{"code":107,"message":"bad request: send data, or b64data in base64"}},"#,
        r#"{"error":{"code":107,"message":"bad request: no command"}}]}"#
    );
    assert_eq!(answer, expected);
    assert_eq!(scene.got(), "data: 2\n\ndata: 3\n\n");
}

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
fn a_request_without_the_key_or_without_json_is_refused() {
    let mut scene = Scene::new();
    let mut status = |request: String| {
        scene.server.send(scene.api, request);
        let answer = scene.server.take(scene.api);
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
    assert_eq!(status(post("/api/presence", &key, "{}")).0, 404);
    assert_eq!(status(get("/api/publish")).0, 405);

    let mut server = Server::of(Config::default(), RelaySettings::default());
    let client = server.connect();
    server.send(client, post("/api/publish", &key, "{}"));
    let answer = server.take(client);
    assert_eq!(statuses(&answer), [403]);
    assert!(answer.contains("the publish API is off"), "{answer}");
}

#[test]
fn a_key_publishes_once_to_each_channel_for_five_minutes() {
    let mut scene = Scene::new();
    let body = r#"{"channels":["news","other"],"data":1,"idempotency_key":"k"}"#;
    let answer = r#"{"result":{"responses":[{"result":{}},{"result":{}}]}}"#;
    for _ in 0..3 {
        assert_eq!(scene.ask("broadcast", body), answer);
        scene.server.wait(Duration::from_secs(10));
    }
    assert_eq!(scene.got(), "data: 1\n\n", "once");
    let other = r#"{"channel":"news","data":2,"idempotency_key":"l"}"#;
    scene.ask("publish", other);
    assert_eq!(scene.got(), "data: 2\n\n", "another key");
    for _ in 0..20 {
        scene.server.wait(ONCE_WINDOW / 20);
        scene.server.send(scene.api, get("/healthz"));
    }
    scene.server.take(scene.api);
    scene.got();
    scene.ask("broadcast", body);
    assert_eq!(scene.got(), "data: 1\n\n", "later");
}

#[test]
fn a_request_without_space_waits_and_continues_where_it_stopped() {
    let mut scene = Scene::with(Config {
        log_bytes_max: 64,
        ..Config::default()
    });
    let channels = vec!["\"a\""; 700].join(",");
    let body = format!("{{\"channels\":[{channels},\"news\"],\"data\":1}}");
    let answer = scene.ask("broadcast", &body);
    assert_eq!(answer.matches("{\"result\":{}}").count(), 701);
    assert_eq!(
        scene.got(),
        "data: 1\n\n",
        "more than wait for rooms at once, and none twice"
    );
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
