//! The API about users: their connections over WebSocket, server-sent events and TCP.

use std::io::Write;
use std::net::TcpStream;

use corecast::auth::{ApiKeys, Auth, Key, Places, Rules, Verifier, create};
use corecast::{Listener, Relay, RelaySettings, Server};
use serde_json::{Value, json};
use tungstenite::Message;

use crate::support::http::{Answer, ask, read_head};
use crate::support::length_prefix::{LengthPrefix, frame};
use crate::support::server::{ANY, Running};
use crate::support::socket::{dial, read_to_the_end};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

pub(super) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// Of the API key "test", by `printf test | sha256sum`.
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
pub(super) const KEY: &str = "the-key-that-may-all";

pub(super) struct Scene(pub(super) Running);

impl Scene {
    pub(super) fn new(rules: &[&str]) -> Self {
        let auth = Auth {
            verifier: Verifier::new(vec![Key::hmac(SECRET).unwrap()]),
            api_keys: ApiKeys::parse([format!("desk sha256:{HASH}")]).unwrap(),
            rules: Rules::parse(rules).unwrap(),
            anonymous: false,
            insecure: false,
        };
        let tcp = Listener::tcp(ANY, "room").credential(true);
        let server = Server::builder().shards(2).pin(false).http(ANY).listen(tcp);
        let server = server.auth(auth, Places::new("", "token"));
        let relay = Relay::new(RelaySettings::default().with_api_key(KEY));
        Self(Running::with(server, move |_| relay.clone()))
    }

    fn path(&self, kind: &str, user: &str) -> String {
        let token = create(SECRET, &format!(r#"{{"sub":"{user}"}}"#)).unwrap();
        format!("/{kind}/room?token={token}")
    }

    pub(super) fn ws(&self, user: &str) -> Ws {
        Ws::connect(self.0.http(), &self.path("ws", user))
    }

    pub(super) fn events(&self, user: &str) -> TcpStream {
        let mut stream = dial(self.0.http());
        let path = self.path("sse", user);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(read_head(&mut stream).status, 200);
        stream
    }

    pub(super) fn tcp(&self, user: &str) -> LengthPrefix {
        let mut stream = dial(self.0.tcp());
        let token = create(SECRET, &format!(r#"{{"sub":"{user}"}}"#)).unwrap();
        stream.write_all(&frame(token.as_bytes())).unwrap();
        LengthPrefix::greeted(stream)
    }

    pub(super) fn post(&self, key: &str, method: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let len = body.len();
        ask(
            self.0.http(),
            format!(
                "POST /api/{method} HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\n\
                 Content-Length: {len}\r\n\r\n{body}"
            ),
        )
    }

    pub(super) fn ask(&self, method: &str, body: &Value) -> Value {
        let answer = self.post(KEY, method, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The connections of a user, by their ids.
    pub(super) fn list(&self, user: &str) -> Vec<(String, Value)> {
        let answer = self.ask("connections", &json!({"user": user}));
        let connections = answer["result"]["connections"].as_object().unwrap();
        let pairs = connections.iter();
        pairs
            .map(|(id, entry)| (id.clone(), entry.clone()))
            .collect()
    }
}

pub(super) fn nothing() -> Value {
    json!({"result": {}})
}

#[test]
fn connections_of_a_user_are_listed_sent_to_and_disconnected() {
    let scene = Scene::new(&["users all room"]);
    let (mut ws, mut events, mut tcp) = (scene.ws("ann"), scene.events("ann"), scene.tcp("ann"));
    let mut bob = scene.ws("bob");
    let list = scene.list("ann");
    let mut transports: Vec<_> = list.iter().map(|(_, it)| it["transport"].clone()).collect();
    transports.sort_by_key(Value::to_string);
    assert_eq!(transports, ["sse", "tcp", "websocket"]);
    for (_, entry) in &list {
        assert_eq!(entry["user"], "ann");
        assert_eq!(entry["channels"], json!(["room"]));
        assert!(entry["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    }
    assert!(scene.list("carol").is_empty());

    let body = json!({"user": "ann", "data": {"a": 1}});
    assert_eq!(scene.ask("send", &body), nothing());
    assert_eq!(ws.next_text(), r#"{"a":1}"#);
    assert_eq!(tcp.next(), br#"{"a":1}"#);
    // One connection is left out, by its id.
    let of = |transport: &str| {
        let mut found = list.iter().filter(|(_, it)| it["transport"] == transport);
        found.next().unwrap().0.clone()
    };
    let body = json!({"user": "ann", "whitelist": [of("tcp")],
        "disconnect": {"code": 4001, "reason": "go"}});
    assert_eq!(scene.ask("disconnect", &body), nothing());
    assert_eq!(ws.expect_close(), (4001, "go".to_owned()));
    let rest = String::from_utf8(read_to_the_end(&mut events)).unwrap();
    assert!(rest.contains(r#"{"a":1}"#), "{rest}");
    wait_until("one is left", || scene.list("ann").len() == 1);
    // Not that of another user, whatever id is given.
    let (bobs, _) = scene.list("bob").remove(0);
    let body = json!({"user": "ann", "client": bobs});
    assert_eq!(scene.ask("disconnect", &body), nothing());
    let body = json!({"user": "ann", "client": of("tcp")});
    assert_eq!(scene.ask("disconnect", &body), nothing());
    assert_eq!(tcp.next_or_end(), None);
    let batch = json!({"commands": [
        {"refresh": {"user": "bob", "expire_at": 9_000_000_000_u64}},
        {"send": {"user": "bob", "data": 1}},
        {"disconnect": {"user": "bob"}},
        {"connections": {"user": "bob"}},
        {"send": {"user": ""}},
    ]});
    let answer = scene.ask("batch", &batch);
    let replies = answer["replies"].as_array().unwrap();
    assert_eq!(replies[0], json!({"refresh": {}}));
    assert_eq!(replies[1], json!({"send": {}}));
    assert_eq!(replies[2], json!({"disconnect": {}}));
    assert_eq!(replies[3]["error"]["code"], 104);
    assert_eq!(replies[4]["error"]["code"], 107);
    assert_eq!(bob.next(), Message::text("1"));
    assert_eq!(bob.expect_close(), (3503, "force disconnect".to_owned()));
}

#[test]
fn a_refresh_that_has_expired_closes_with_3005() {
    let scene = Scene::new(&["users all room"]);
    for body in [
        json!({"user": "ann", "expired": true}),
        json!({"user": "ann", "expire_at": 1}),
    ] {
        let mut ws = scene.ws("ann");
        assert_eq!(scene.ask("refresh", &body), nothing());
        assert_eq!(ws.expect_close().0, 3005);
    }
}

#[test]
fn what_selects_nothing_disconnects_nothing() {
    let scene = Scene::new(&["users all room"]);
    let mut ws = scene.ws("ann");
    for (body, code) in [
        (json!({}), 107),
        (json!({"user": "a".repeat(10_000)}), 107),
        (json!({"user": "ann", "client": "a-b-c"}), 107),
        (json!({"user": "ann", "whitelist": ["x"]}), 107),
        (json!({"user": "ann", "whitelist": vec!["1.1.1"; 101]}), 107),
        (json!({"user": "ann", "disconnect": {"code": 1000}}), 107),
    ] {
        let answer = scene.ask("disconnect", &body);
        assert_eq!(answer["error"]["code"], code, "{body}");
    }
    // One that has ended, for instance.
    let session = json!({"user": "ann", "session": "a"});
    assert_eq!(scene.ask("disconnect", &session), nothing());
    // A field that is not known may be a misspelled selection.
    let misspelled = json!({"user": "ann", "clientt": "1.1.1"});
    assert_eq!(scene.post(KEY, "disconnect", &misspelled).status, 400);
    ws.send_text("still here");
    assert_eq!(ws.next_text(), "still here");
}

#[test]
fn an_api_key_manages_the_users_that_its_rules_name() {
    let rules = [
        "users all room",
        "key:desk manage guest-{id}",
        "key:desk all #",
    ];
    let scene = Scene::new(&rules);
    let _guest = scene.ws("guest-7");
    let body = |user: &str| json!({"user": user});
    for method in ["connections", "disconnect", "refresh", "send"] {
        assert_eq!(scene.post("wrong", method, &body("ann")).status, 401);
        let denied = scene.post("test", method, &body("ann")).body;
        assert!(denied.contains(r#""code":103"#), "{denied}");
    }
    let listed = scene.post("test", "connections", &body("guest-7")).body;
    assert!(listed.contains("websocket"), "{listed}");
    let done = scene.post("test", "disconnect", &body("guest-7")).body;
    assert_eq!(done, nothing().to_string());
}
