//! What backends do with sessions that are there, by the API: over WebSocket, and over HTTP.

mod namespaces;
mod server;
mod subscribe;
mod whom;

use super::identity::{NOW, ask_identity, connect, token};
use super::streams::{Streamed, chunks, open, post};
use super::*;
use crate::shard::KEY;
use crate::users::exchange;
use corecast::{Relay, RelaySettings};

/// A client of a session.
enum Live {
    Socket(ConnId),
    Stream(Streamed),
}

impl Live {
    /// What it is told, and the end as a stream tells it.
    fn hear(&self, shard: &mut Shard) -> Vec<String> {
        match self {
            Self::Socket(id) => heard(shard.take(*id)).into_iter().map(as_push).collect(),
            Self::Stream(stream) => {
                let told = String::from_utf8(shard.take(stream.id)).unwrap();
                let (told, _) = chunks(&told);
                let lines = told.iter().flat_map(|chunk| chunk.lines());
                lines.map(str::to_owned).collect()
            }
        }
    }

    fn id(&self) -> ConnId {
        match self {
            Self::Socket(id) => *id,
            Self::Stream(stream) => stream.id,
        }
    }

    fn say(&self, shard: &mut Shard, command: &str) {
        match self {
            Self::Socket(id) => {
                shard.read(*id, text(command));
                shard.rest();
            }
            Self::Stream(stream) => stream.say(shard, command),
        }
    }
}

fn as_push(told: Told) -> String {
    match told {
        Told::Text(text) => text,
        Told::Close(code, reason) => ended(code, &reason),
        other => panic!("{other:?}"),
    }
}

fn ended(code: u16, reason: &str) -> String {
    format!(r#"{{"push":{{"disconnect":{{"code":{code},"reason":"{reason}"}}}}}}"#)
}

fn token_of(user: &str) -> String {
    token(&format!(r#"{{"sub":"{user}"}}"#))
}

/// A session over WebSocket, and one over HTTP, of this user.
fn both(shard: &mut Shard, user: &str) -> [Live; 2] {
    let connect = connect(&token_of(user));
    let socket = shard.upgrade(PATH, "");
    shard.read(socket, text(&connect));
    shard.rest();
    let stream = Streamed::new(shard, &post("/connection/http_stream", &connect));
    let live = [Live::Socket(socket), Live::Stream(stream)];
    live.iter().for_each(|live| drop(live.hear(shard)));
    live
}

fn shard_with(config: Config, rules: &[&str], anonymous: bool) -> Shard {
    let mut shard = Shard::new(config);
    ask_identity(&mut shard, rules, anonymous);
    shard
}

fn shard() -> Shard {
    shard_with(Config::default(), &["users all #"], false)
}

/// Two of them, with their mail in the test's hands.
fn shards() -> [Shard; 2] {
    shards_with(&Config::default())
}

fn shards_with(config: &Config) -> [Shard; 2] {
    [0, 1].map(|at| {
        let relay = Relay::new(RelaySettings::default().with_api_key(KEY));
        let mut shard: Shard = Shard::one(at, 2, config.clone(), relay);
        ask_identity(&mut shard, &["users all #"], false);
        crate::users::give_space(&mut shard);
        shard
    })
}

fn request(key: &str, method: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "POST /api/{method} HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\n\
         Content-Length: {len}\r\n\r\n{body}"
    )
}

/// The body of the answer to a request with this key.
fn ask_with(shard: &mut Shard, key: &str, method: &str, body: &str) -> String {
    let api = shard.connect();
    shard.read(api, request(key, method, body));
    shard.rest();
    shard.answer();
    shard.rest();
    let answer = String::from_utf8(shard.take(api)).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    body.to_owned()
}

fn ask(shard: &mut Shard, method: &str, body: &str) -> String {
    ask_with(shard, KEY, method, body)
}

/// A request that is carried out.
fn have(shard: &mut Shard, method: &str, body: &str) {
    assert_eq!(ask(shard, method, body), r#"{"result":{}}"#, "{body}");
}

fn publish(shard: &mut Shard, data: u32) {
    let body = format!(r#"{{"channel":"news","data":{data}}}"#);
    ask(shard, "publish", &body);
}

fn pub_push(data: u32) -> String {
    format!(r#"{{"push":{{"channel":"news","pub":{{"data":{data}}}}}}}"#)
}

const SUBSCRIBED: &str = r#"{"push":{"channel":"news","subscribe":{}}}"#;
const UNSUBSCRIBED: &str =
    r#"{"push":{"channel":"news","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}"#;

#[test]
fn clients_of_a_user_are_subscribed_and_unsubscribed() {
    let mut shard = shard();
    let live = both(&mut shard, "ann");
    let others = both(&mut shard, "bob");
    have(
        &mut shard,
        "subscribe",
        r#"{"user":"ann","channel":"news"}"#,
    );
    publish(&mut shard, 1);
    // One that has it has it once.
    have(
        &mut shard,
        "subscribe",
        r#"{"user":"ann","channel":"news"}"#,
    );
    for client in &live {
        assert_eq!(client.hear(&mut shard), [SUBSCRIBED, &pub_push(1)]);
    }
    have(
        &mut shard,
        "unsubscribe",
        r#"{"user":"ann","channel":"news"}"#,
    );
    publish(&mut shard, 2);
    for client in &live {
        assert_eq!(client.hear(&mut shard), [UNSUBSCRIBED]);
    }
    have(
        &mut shard,
        "unsubscribe",
        r#"{"user":"ann","channel":"news"}"#,
    );
    for client in live.iter().chain(&others) {
        assert_eq!(client.hear(&mut shard), [""; 0]);
    }
}

#[test]
fn a_subscription_that_a_client_has_asked_for_ends_as_well() {
    let mut shard = shard();
    for client in both(&mut shard, "ann") {
        client.say(&mut shard, r#"{"id":2,"subscribe":{"channel":"news"}}"#);
        client.hear(&mut shard);
        have(
            &mut shard,
            "subscribe",
            r#"{"user":"ann","channel":"news"}"#,
        );
        assert_eq!(client.hear(&mut shard), [""; 0], "it has it already");
        have(
            &mut shard,
            "unsubscribe",
            r#"{"user":"ann","channel":"news"}"#,
        );
        assert_eq!(client.hear(&mut shard), [UNSUBSCRIBED]);
    }
}

#[test]
fn clients_are_told_when_they_are_to_expire_and_what_others_are_told_of_them() {
    let mut shard = shard();
    let live = both(&mut shard, "ann");
    let body = format!(
        r#"{{"user":"ann","expire_at":{},"info":{{"name":"Ann"}}}}"#,
        NOW + 60
    );
    have(&mut shard, "refresh", &body);
    for client in &live {
        let refresh = r#"{"push":{"refresh":{"expires":true,"ttl":60}}}"#;
        assert_eq!(client.hear(&mut shard), [refresh]);
        client.say(&mut shard, r#"{"id":2,"subscribe":{"channel":"news"}}"#);
        client.say(
            &mut shard,
            r#"{"id":3,"publish":{"channel":"news","data":1}}"#,
        );
        let told = client.hear(&mut shard).concat();
        assert!(told.contains(r#""conn_info":{"name":"Ann"}"#), "{told}");
        client.say(&mut shard, r#"{"id":4,"unsubscribe":{"channel":"news"}}"#);
        client.hear(&mut shard);
    }
    have(&mut shard, "refresh", r#"{"user":"ann"}"#);
    for client in &live {
        assert_eq!(client.hear(&mut shard), [r#"{"push":{"refresh":{}}}"#]);
    }
    have(&mut shard, "refresh", r#"{"user":"ann","expired":true}"#);
    shard.wait(Duration::from_secs(1));
    for client in &live {
        let end = ended(3005, "connection expired");
        assert_eq!(client.hear(&mut shard), [end]);
    }
}

#[test]
fn clients_are_disconnected_with_a_code_and_a_reason() {
    let own = r#","disconnect":{"code":4001,"reason":"own"}"#;
    for (fields, code, reason) in [("", 3503, "force disconnect"), (own, 4001, "own")] {
        let mut shard = shard();
        let live = both(&mut shard, "ann");
        let [kept, _] = both(&mut shard, "ann");
        let list = format!(r#","whitelist":["0.{}"]"#, kept.id());
        let body = format!(r#"{{"user":"ann"{fields}{list}}}"#);
        have(&mut shard, "disconnect", &body);
        for client in &live {
            assert_eq!(client.hear(&mut shard), [ended(code, reason)]);
        }
        assert_eq!(kept.hear(&mut shard), [""; 0]);
    }
}

#[test]
fn a_backend_is_told_which_client_has_published_and_how_each_is_connected() {
    let mut shard = shard_with(with_history(10), &["users all #"], false);
    let live = both(&mut shard, "ann");
    for client in &live {
        let command = r#"{"id":2,"publish":{"channel":"news","data":1}}"#;
        client.say(&mut shard, command);
    }
    let body = r#"{"channel":"news","limit":-1}"#;
    let history = ask(&mut shard, "history", body);
    let list = r#"{"user":"ann","expression":""}"#;
    let list = ask(&mut shard, "connections", list);
    for (client, transport) in live.iter().zip(["websocket", "http_stream"]) {
        let info = format!(r#""info":{{"user":"ann","client":"0.{}"}}"#, client.id());
        assert!(history.contains(&info), "{history}");
        let entry = format!(
            r#""0.{}":{{"user":"ann","transport":"{transport}","protocol":"json","#,
            client.id()
        );
        assert!(list.contains(&entry), "{list}");
    }
    let wrong = r#"{"user":"ann","expression":"a == 1"}"#;
    let wrong = ask(&mut shard, "connections", wrong);
    assert!(wrong.contains(r#""code":108"#), "{wrong}");
}
