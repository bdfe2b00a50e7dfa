//! Connect, and what comes before it or instead of it.

use std::time::Duration;

use corecast::limits::HANDSHAKE_TIMEOUT;
use corecast::{Cx, Handler};

use super::*;
use crate::shard::Answer;

const CONNECTED: &str =
    r#"{"id":1,"connect":{"client":"0.0.1","version":"VERSION","ping":25,"pong":true}}"#;

fn connected() -> Vec<Told> {
    let version = env!("CARGO_PKG_VERSION");
    vec![Told::Text(CONNECTED.replace("VERSION", version))]
}

#[test]
fn a_client_is_told_its_name_and_when_it_is_pinged() {
    let mut scene = Scene::new(Config::default());
    assert_eq!(scene.hear(), []);
    scene.say(r#"{"id":1,"connect":{"name":"js","data":{"a":1},"of_later":true}}"#);
    assert_eq!(scene.hear(), connected());
}

#[test]
fn each_subprotocol_and_query_has_its_format() {
    let mut shard = Shard::new(Config::default());
    for (query, field, is_binary) in [
        ("", "", false),
        ("", "Sec-WebSocket-Protocol: centrifuge-json\r\n", false),
        ("", "Sec-WebSocket-Protocol: centrifuge-protobuf\r\n", true),
        ("?format=protobuf", "", true),
        ("?cf_protocol=protobuf&cf_protocol_version=v2", "", true),
        ("?format=json", "", false),
    ] {
        let client = shard.upgrade(&format!("{PATH}{query}"), field);
        // The number of the command, and an empty connect, after the length of both.
        let command: &[u8] = if is_binary {
            &[4, 8, 1, 0x22, 0]
        } else {
            CONNECT.as_bytes()
        };
        shard.read(client, frame(0x82, command));
        shard.rest();
        let told = heard(shard.take(client));
        let [told] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(
            matches!(told, Told::Binary(_)),
            is_binary,
            "{query} {field}"
        );
    }
}

#[test]
fn whatever_is_no_connect_at_first_is_a_bad_request() {
    for message in [
        "",
        "{}",
        "null",
        "{",
        r#"{"id":1}"#,
        r#"{"connect":{}}"#,
        r#"{"id":1,"ping":{}}"#,
        r#"{"id":1,"subscribe":{"channel":"news"}}"#,
        r#"{"send":{"data":1}}"#,
    ] {
        let mut scene = Scene::new(Config::default());
        scene.say(message);
        assert_eq!(scene.hear(), [close(3501, "bad request")], "{message}");
    }
}

#[test]
fn a_second_connect_is_a_bad_request() {
    let mut scene = Scene::new(Config::default());
    scene.say(&format!("{CONNECT}\n{CONNECT}"));
    let mut told = connected();
    told.push(close(3501, "bad request"));
    assert_eq!(scene.hear(), told);
}

#[test]
fn a_client_that_does_not_connect_in_time_is_stale_whatever_it_sends() {
    let mut scene = Scene::new(Config::default());
    // A ping of WebSocket.
    scene.shard.read(scene.client, frame(0x89, b""));
    scene.shard.wait(HANDSHAKE_TIMEOUT / 2);
    scene.shard.take(scene.client);
    scene
        .shard
        .wait(HANDSHAKE_TIMEOUT / 2 + Duration::from_millis(300));
    assert_eq!(scene.hear(), [close(3502, "stale")]);
}

#[test]
fn one_that_has_connected_stays() {
    let mut scene = Scene::connected(Config::default());
    scene.shard.wait(HANDSHAKE_TIMEOUT + Duration::from_secs(1));
    assert_eq!(scene.hear(), []);
}

#[test]
fn commands_behind_a_connect_are_carried_out_in_their_order() {
    let mut scene = Scene::new(Config::default());
    let both = "{\"id\":2,\"subscribe\":{\"channel\":\"a\"}}\n{\"id\":3,\"publish\":{\"channel\":\"a\",\"data\":1}}";
    let told = scene.ask(&format!("{CONNECT}\n{both}\n"));
    let ids = [
        r#"{"id":1,"connect""#,
        r#"{"id":2,"subscribe""#,
        r#"{"id":3,"publish""#,
    ];
    let mut told = told.iter();
    for id in ids {
        assert!(told.any(|text| text.starts_with(id)), "{id}");
    }
}

/// Asks another thread about each client that connects.
struct Deciding;

impl Handler for Deciding {
    opens_sessions!();

    fn on_connect(
        &mut self,
        cx: &mut Cx<'_, (), Answer>,
        connect: &corecast::ConnectCommand<'_>,
    ) -> Result<corecast::Connected, corecast::Failure> {
        if cx.answer().is_none() {
            let (question, wait) = cx.defer(Duration::from_secs(5));
            match connect.data {
                b"true" => question.answer(()),
                // It is left open.
                b"null" => std::mem::forget(question),
                _ => {}
            }
            return Err(wait.into());
        }
        match cx.answer() {
            Some(Ok(_)) => Ok(corecast::Connected::default()),
            _ => Err(corecast::ErrorCode::Unauthorized.into()),
        }
    }
}

#[test]
fn commands_wait_behind_a_connect_that_is_being_decided() {
    let mut scene = Scene::of(Shard::of(Config::default(), Deciding));
    let rpc = r#"{"id":2,"rpc":{"method":"m"}}"#;
    let connect = r#"{"id":1,"connect":{"data":true}}"#;
    scene
        .shard
        .read(scene.client, text(&format!("{connect}\n{rpc}")));
    scene.shard.rest();
    assert_eq!(scene.hear(), []);
    scene.shard.answer();
    scene.shard.rest();
    let mut told = connected();
    let error = r#"{"id":2,"error":{"code":108,"message":"not available"}}"#;
    told.push(Told::Text(error.to_owned()));
    assert_eq!(scene.hear(), told);
}

#[test]
fn after_a_connect_that_is_refused_nothing_more_is_done() {
    let mut scene = Scene::of(Shard::of(Config::default(), Deciding));
    let rpc = r#"{"id":2,"rpc":{"method":"m"}}"#;
    let connect = r#"{"id":1,"connect":{"data":false}}"#;
    scene
        .shard
        .read(scene.client, text(&format!("{connect}\n{rpc}")));
    scene.shard.rest();
    scene.shard.answer();
    scene.shard.rest();
    let error = r#"{"id":1,"error":{"code":101,"message":"unauthorized"}}"#;
    assert_eq!(scene.hear(), [Told::Text(error.to_owned())]);
    scene.say(rpc);
    assert_eq!(scene.hear(), [close(3501, "bad request")]);
}

#[test]
fn a_client_that_the_server_has_no_time_for_may_come_back() {
    let mut scene = Scene::of(Shard::of(Config::default(), Deciding));
    // The upgrade has taken the first second.
    scene.shard.wait(HANDSHAKE_TIMEOUT - Duration::from_secs(1));
    scene.say(r#"{"id":1,"connect":{"data":null}}"#);
    scene.shard.wait(Duration::from_secs(2));
    assert_eq!(scene.hear(), [close(3004, "internal server error")]);
}
