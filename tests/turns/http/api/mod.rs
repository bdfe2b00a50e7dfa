//! The publish API.

mod errors;
pub(super) mod history;
mod presence;
mod server;
mod ticks;

use std::time::Duration;

use corecast::Config;
use corecast::limits::ONCE_WINDOW;

use crate::http::server::{Client, KEY, Server};
use crate::http::{get, statuses};

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
    let body = r#"{"commands":[{"publish":{"channel":"news","data":2}},{"survey":{}},
        {"broadcast":{"channels":["news"],"data":3}},{"publish":{"channel":"news"}},null],
        "parallel":true}"#;
    let answer = scene.ask("batch", body);
    let expected = concat!(
        r#"{"replies":[{"publish":{}},"#,
        r#"{"error":{"code":104,"message":"not found: there are publish, broadcast, subscribe, unsubscribe, disconnect, refresh, send, invalidate_user_tokens, revoke_token, history, history_remove, presence, presence_stats, info, channels and rpc"}},"#,
        r#"{"broadcast":{"responses":[{"result":{}}]}},"#,
        r#"{"error":{"code":107,"message":"bad request: send data, or b64data in base64"}},"#,
        r#"{"error":{"code":107,"message":"bad request: no command"}}]}"#
    );
    assert_eq!(answer, expected);
    assert_eq!(scene.got(), "data: 2\n\ndata: 3\n\n");
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
