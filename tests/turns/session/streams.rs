//! Sessions over HTTP: the server sends on a stream, and the client by requests of their own.

use std::time::Duration;

use corecast::limits::PING_INTERVAL;
use corecast::shard::mail::Space;
use corecast::{Config, ConnId, Relay};
use serde_json::{Value, json};

use super::{CONNECT, with_history};
use crate::shard::Shard;

/// What has an answer with an open end, which a request with these first commands has begun.
pub(super) fn open(shard: &mut Shard, request: &str) -> (ConnId, String) {
    let id = shard.connect();
    shard.read(id, request);
    shard.rest();
    let answer = String::from_utf8(shard.take(id)).unwrap();
    (id, answer)
}

pub(super) fn post(path: &str, body: &str) -> String {
    let len = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n{body}")
}

fn get(query: &str) -> String {
    get_from("/connection/sse", query)
}

pub(super) fn get_from(path: &str, query: &str) -> String {
    let mut encoded = String::new();
    for byte in query.bytes() {
        encoded += &format!("%{byte:02x}");
    }
    format!("GET {path}?cf_connect={encoded} HTTP/1.1\r\nHost: a\r\n\r\n")
}

const STREAM: &str = "/connection/http_stream";

/// The chunks of a body, and whether it has ended.
pub(super) fn chunks(mut body: &str) -> (Vec<String>, bool) {
    let mut chunks = Vec::new();
    while let Some((len, rest)) = body.split_once("\r\n") {
        let len = usize::from_str_radix(len, 16).unwrap();
        let (chunk, rest) = rest.split_at(len);
        body = rest.strip_prefix("\r\n").unwrap();
        if chunk.is_empty() {
            assert_eq!(body, "");
            return (chunks, true);
        }
        chunks.push(chunk.to_owned());
    }
    assert_eq!(body, "");
    (chunks, false)
}

/// A session on a stream, with what names it.
pub(super) struct Streamed {
    pub(super) id: ConnId,
    pub(super) session: String,
    node: String,
}

impl Streamed {
    /// One that is carried like this.
    pub(super) fn new(shard: &mut Shard, request: &str) -> Self {
        let (id, answer) = open(shard, request);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(head.contains("\r\nTransfer-Encoding: chunked"), "{head}");
        let (chunks, is_over) = chunks(body);
        let reply = chunks.last().unwrap().trim().trim_start_matches("data: ");
        let reply: Value = serde_json::from_str(reply).unwrap();
        let text = |name| reply["connect"][name].as_str().unwrap().to_owned();
        assert!(!is_over);
        Self {
            id,
            session: text("session"),
            node: text("node"),
        }
    }

    /// The request that passes commands on.
    fn pass(&self, commands: &str) -> String {
        let body = json!({"session": self.session, "node": self.node, "data": commands});
        post("/emulation", &body.to_string())
    }

    pub(super) fn say(&self, shard: &mut Shard, commands: &str) {
        let (_, answer) = open(shard, &self.pass(commands));
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }

    pub(super) fn hear(&self, shard: &mut Shard) -> Vec<String> {
        chunks(&String::from_utf8(shard.take(self.id)).unwrap()).0
    }
}

#[test]
fn a_client_is_connected_on_the_stream_and_asks_by_other_requests() {
    let subscribed = r#"{"id":2,"subscribe":{}}"#;
    let both = format!("{CONNECT}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"news\"}}}}");
    for (request, before, after) in [
        (post(STREAM, &both), "", "\n"),
        (get(&both), "data: ", "\n\n"),
        (post("/connection/sse", &both), "data: ", "\n\n"),
    ] {
        let mut shard = Shard::new(Config::default());
        let (id, answer) = open(&mut shard, &request);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let (chunks, _) = chunks(body);
        let [.., connect, subscribe] = &chunks[..] else {
            panic!("{chunks:?}");
        };
        assert!(
            connect.contains(r#""ping":25,"pong":true,"session":"#),
            "{connect}"
        );
        assert_eq!(*subscribe, format!("{before}{subscribed}{after}"));
        let reply = connect.trim().trim_start_matches("data: ");
        let reply: Value = serde_json::from_str(reply).unwrap();
        let text = |name| reply["connect"][name].as_str().unwrap().to_owned();
        let (session, node) = (text("session"), text("node"));
        let client = Streamed { id, session, node };
        client.say(
            &mut shard,
            r#"{"id":3,"publish":{"channel":"news","data":{"a":1}}}"#,
        );
        let told = client.hear(&mut shard);
        let publish = format!(r#"{before}{{"id":3,"publish":{{}}}}{after}"#);
        let push = r#"{"push":{"channel":"news","pub":{"data":{"a":1},"info":"#;
        assert!(told.contains(&publish), "{told:?}");
        let is_push = |told: &String| told.starts_with(&format!("{before}{push}"));
        assert!(told.iter().any(is_push), "{told:?}");
    }
}

#[test]
fn protobuf_is_read_and_written_where_the_body_is_no_text() {
    let mut shard = Shard::new(Config::default());
    let id = shard.connect();
    let head = format!(
        "POST {STREAM} HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: 5\r\n\r\n"
    );
    // Connect with the number 1.
    shard.read(id, [head.as_bytes(), &[4, 8, 1, 0x22, 0]].concat());
    shard.rest();
    let answer = shard.take(id);
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nContent-Type: application/octet-stream\r\n"));
    let (len, _) = body.split_once("\r\n").unwrap();
    let len = usize::from_str_radix(len, 16).unwrap();
    let reply = &answer[answer.len() - len - 2..answer.len() - 2];
    assert_eq!(usize::from(reply[0]), len - 1);
    assert_eq!(reply[1..4], [8, 1, 0x2a]);
}

#[test]
fn a_client_of_old_http_has_no_chunks() {
    let mut shard = Shard::new(Config::default());
    let len = CONNECT.len();
    let request = format!("POST {STREAM} HTTP/1.0\r\nContent-Length: {len}\r\n\r\n{CONNECT}");
    let (_, answer) = open(&mut shard, &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("chunked"), "{head}");
    assert!(body.starts_with(r#"{"id":1,"connect""#) && body.ends_with("}\n"));
}

#[test]
fn pings_come_on_the_stream_and_one_that_answers_stays() {
    let mut shard = Shard::new(Config::default());
    let answers = Streamed::new(&mut shard, &post(STREAM, CONNECT));
    let silent = Streamed::new(&mut shard, &get(CONNECT));
    shard.wait(PING_INTERVAL + Duration::from_secs(1));
    assert_eq!(answers.hear(&mut shard), ["{}\n"]);
    assert_eq!(silent.hear(&mut shard), ["data: {}\n\n"]);
    answers.say(&mut shard, "{}");
    shard.wait(Duration::from_secs(15));
    assert_eq!(answers.hear(&mut shard), [""; 0]);
    let told = String::from_utf8(shard.take(silent.id)).unwrap();
    let (told, is_over) = chunks(&told);
    let push = r#"{"push":{"disconnect":{"code":3012,"reason":"no pong"}}}"#;
    assert_eq!(told, [format!("data: {push}\n\n")]);
    assert!(is_over);
}

#[test]
fn a_session_takes_commands_by_its_whole_name_alone() {
    let mut shard = Shard::new(Config::default());
    let mut client = Streamed::new(&mut shard, &post(STREAM, CONNECT));
    let rpc = r#"{"id":5,"rpc":{"method":"m"}}"#;
    let (id, _) = client.session.split_once('-').unwrap();
    for wrong in [id.to_owned(), format!("{id}-00"), String::new()] {
        let other = Streamed {
            session: wrong,
            node: client.node.clone(),
            ..client
        };
        other.say(&mut shard, rpc);
        assert_eq!(client.hear(&mut shard), [""; 0]);
    }
    client.say(&mut shard, rpc);
    assert_eq!(client.hear(&mut shard).len(), 1);
    client.node = "elsewhere".to_owned();
    let (_, answer) = open(&mut shard, &client.pass(rpc));
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    for body in ["", "{", r#"{"data":{}}"#] {
        let (_, answer) = open(&mut shard, &post("/emulation", body));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[test]
fn a_request_without_a_command_opens_nothing() {
    let mut shard = Shard::new(Config::default());
    for (request, status) in [
        (
            "GET /connection/sse HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            400,
        ),
        (post(STREAM, ""), 400),
        (format!("GET {STREAM} HTTP/1.1\r\nHost: a\r\n\r\n"), 405),
        ("GET /emulation HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 405),
    ] {
        let (_, answer) = open(&mut shard, &request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
}

#[test]
fn what_is_no_connect_ends_the_stream_with_the_code() {
    let mut shard = Shard::new(Config::default());
    for body in ["nonsense", r#"{"id":1,"rpc":{}}"#] {
        let (_, answer) = open(&mut shard, &post(STREAM, body));
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let push = r#"{"push":{"disconnect":{"code":3501,"reason":"bad request"}}}"#;
        assert_eq!(chunks(body), (vec![format!("{push}\n")], true));
    }
}

#[test]
fn commands_for_a_session_on_another_shard_go_there() {
    let [mut here, mut there] =
        [0, 1].map(|shard| Shard::one(shard, 2, with_history(5), Relay::default()));
    let client = Streamed::new(&mut there, &post(STREAM, CONNECT));
    let mut passed = Vec::new();
    for (id, method) in [(2, "a"), (3, "b")] {
        let asks = here.connect();
        let space = Space {
            messages: 1,
            bytes: 1,
        };
        here.core.mail()[1].to_home.set_space(space);
        let rpc = format!(r#"{{"id":{id},"rpc":{{"method":"{method}"}}}}"#);
        here.read(asks, client.pass(&rpc));
        passed.extend(here.core.mail()[1].to_home.pop());
        here.rest();
        assert!(here.take(asks).starts_with(b"HTTP/1.1 204 "));
        // There is no space for another, which waits.
        let waits = here.connect();
        here.read(waits, client.pass(&rpc));
        here.rest();
        assert_eq!(here.take(waits), b"");
    }
    assert_eq!(passed.len(), 2);
    for mail in passed {
        assert!(there.core.handle_to_home(mail).is_none());
    }
    there.rest();
    let told = client.hear(&mut there);
    let error = r#""error":{"code":108,"message":"not available"}"#;
    assert_eq!(told, [2, 3].map(|id| format!("{{\"id\":{id},{error}}}\n")));
}

#[test]
fn a_client_that_sends_more_than_may_wait_is_cut_off() {
    let mut shard = Shard::new(Config {
        message_bytes_max: 64 << 10,
        ..Config::default()
    });
    let client = Streamed::new(&mut shard, &post(STREAM, CONNECT));
    let long = format!(r#"{{"send":{{"data":"{}"}}}}"#, "x".repeat(60_000));
    // The turn in which the session would have its turn does not come.
    let ids: Vec<ConnId> = (0..2).map(|_| shard.connect()).collect();
    for id in ids {
        shard.read(id, client.pass(&long));
    }
    shard.rest();
    let (told, is_over) = chunks(&String::from_utf8(shard.take(client.id)).unwrap());
    let push = r#"{"push":{"disconnect":{"code":3013,"reason":"too many requests"}}}"#;
    assert_eq!(told, [format!("{push}\n")]);
    assert!(is_over);
}
