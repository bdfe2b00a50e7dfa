//! Sessions of one way: their clients connect, and then are sent pushes.

use std::time::Duration;

use corecast::Config;
use corecast::limits::{CONNECT_BYTES_MAX, PING_INTERVAL, SUBSCRIPTIONS_MAX};

use super::streams::{chunks, get_from, open, post};
use super::{Told, close, heard, text};
use crate::frame;
use crate::shard::Shard;

const WEBSOCKET: &str = "/connection/uni_websocket";
const STREAM: &str = "/connection/uni_http_stream";
const EVENTS: &str = "/connection/uni_sse";
const WISH: &str = "{\"name\":\"one way\",\n\"subs\":{\"news\":{}}}";
const PUSH: &str = r#"{"channel":"news","pub":{"data":{"a":1}}}"#;

/// What a client is told that has wished for a subscription.
fn connected(client: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let names = format!(r#""client":"{client}","version":"{version}","subs":{{"news":{{}}}}"#);
    format!(r#"{{"connect":{{{names},"ping":25}}}}"#)
}

/// What a client is told, without the name of its session, which is another one each time.
fn nameless(told: &str) -> String {
    let (before, name) = told.split_once(r#","session":"0.0.1-"#).unwrap();
    let (_, after) = name.split_once('"').unwrap();
    format!("{before}{after}")
}

fn publish(shard: &mut Shard) {
    let publisher = shard.upgrade("/pub/news", "");
    shard.read(publisher, frame(0x81, br#"{"a":1}"#));
    shard.rest();
}

#[test]
fn a_client_that_has_connected_is_sent_what_it_has_wished_for() {
    let mut shard = Shard::new(Config::default());
    let client = shard.upgrade(WEBSOCKET, "");
    shard.read(client, text(WISH));
    shard.rest();
    let [Told::Text(told)] = &heard(shard.take(client))[..] else {
        panic!("one message");
    };
    assert_eq!(nameless(told), connected("0.0.1"));
    publish(&mut shard);
    let told = heard(shard.take(client));
    assert_eq!(told, [Told::Text(PUSH.to_owned())]);
    // It has nothing more to say.
    shard.read(client, text("{}"));
    shard.rest();
    assert_eq!(heard(shard.take(client)), [close(3501, "bad request")]);
}

#[test]
fn streams_and_events_have_pushes_alone() {
    for (request, before, after) in [
        (post(STREAM, WISH), "", "\n"),
        (post(EVENTS, WISH), "data: ", "\n\n"),
        (get_from(EVENTS, WISH), "data: ", "\n\n"),
    ] {
        let mut shard = Shard::new(Config::default());
        let (id, answer) = open(&mut shard, &request);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let told = chunks(body).0.pop().unwrap();
        let expected = format!("{before}{}{after}", connected("0.0.1"));
        assert_eq!(nameless(&told), expected);
        publish(&mut shard);
        let (told, _) = chunks(&String::from_utf8(shard.take(id)).unwrap());
        assert_eq!(told, [format!("{before}{PUSH}{after}")]);
    }
}

#[test]
fn pings_of_one_way_need_no_answer() {
    let mut shard = Shard::new(Config::default());
    let (id, answer) = open(
        &mut shard,
        &format!("GET {EVENTS} HTTP/1.1\r\nHost: a\r\n\r\n"),
    );
    assert!(answer.contains(r#""ping":25,"session""#), "{answer}");
    for _ in 0..3 {
        shard.wait(PING_INTERVAL + Duration::from_millis(300));
        let (told, is_over) = chunks(&String::from_utf8(shard.take(id)).unwrap());
        assert_eq!((told, is_over), (vec!["data: {}\n\n".to_owned()], false));
    }
}

#[test]
fn what_is_no_request_to_connect_ends_with_the_code() {
    let mut shard = Shard::new(Config::default());
    let push = r#"{"disconnect":{"code":3501,"reason":"bad request"}}"#;
    let long = "x".repeat(300);
    let wish = format!(r#"{{"subs":{{"{long}":{{}}}}}}"#);
    for body in [
        "nonsense",
        "{}}\n{\"id\":2,\"rpc\":{}",
        r#"{"token":1}"#,
        &wish,
    ] {
        let (_, answer) = open(&mut shard, &post(STREAM, body));
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(chunks(body), (vec![format!("{push}\n")], true));
    }
}

#[test]
fn one_that_wishes_for_too_much_is_told_so() {
    let wishes = |count: usize| {
        let names: Vec<_> = (0..count).map(|name| format!("\"{name}\":{{}}")).collect();
        format!("{{\"subs\":{{{}}}}}", names.join(","))
    };
    let mut shard = Shard::new(Config::default());
    for (count, is_taken) in [(SUBSCRIPTIONS_MAX, true), (SUBSCRIPTIONS_MAX + 1, false)] {
        let client = shard.upgrade(WEBSOCKET, "");
        shard.read(client, text(&wishes(count)));
        shard.rest();
        let told = heard(shard.take(client));
        let expected = [close(3505, "channel limit")];
        assert_eq!(told == expected, !is_taken, "{count}: {told:?}");
    }
    // Longer than the first message of a session may be.
    let client = shard.upgrade(WEBSOCKET, "");
    shard.read(client, text(&" ".repeat(CONNECT_BYTES_MAX + 1)));
    shard.rest();
    assert_eq!(heard(shard.take(client)), [close(3501, "bad request")]);
}

#[test]
fn a_body_without_commands_or_with_too_many_is_refused_at_once() {
    let mut shard = Shard::new(Config::default());
    for path in [STREAM, "/connection/http_stream"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\n");
        let empty = format!("{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        let long = post(path, &" ".repeat((1 << 20) + 1));
        for (request, status) in [(empty, 400), (long, 413)] {
            let (_, answer) = open(&mut shard, &request);
            let expected = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&expected), "{answer}");
        }
    }
}
