//! Topics of namespaces that are not configured, where they must be: commands, paths and backends
//! are refused.

use corecast::{Namespaces, Scope};

use super::*;

fn scene() -> Scene {
    let named = (Scope::name("chat").unwrap(), TopicSettings::default());
    let namespaces = Namespaces::new(TopicSettings::default(), vec![named]);
    let mut shard = Shard::new(Config {
        namespaces: namespaces.closed(true),
        ..Config::default()
    });
    ask_identity(&mut shard, &["users all #"], false);
    Scene::of(shard)
}

const UNKNOWN: &str = r#""error":{"code":102,"message":"unknown channel"}"#;

#[test]
fn each_command_about_an_unknown_channel_is_answered_with_102() {
    let mut scene = scene();
    scene.ask(&connect(&token_of("ann")));
    for (channel, is_unknown) in [
        ("chat:1", false),
        ("chta:1", true),
        ("chat:+", false),
        ("chta:+", true),
        ("lobby", false),
    ] {
        let is_pattern = channel.contains('+');
        for (command, fields) in [
            ("subscribe", ""),
            ("unsubscribe", ""),
            ("publish", r#","data":1"#),
            ("history", ""),
            ("presence", ""),
            ("presence_stats", ""),
        ] {
            let told = scene.ask(&format!(
                r#"{{"id":2,"{command}":{{"channel":"{channel}"{fields}}}}}"#
            ));
            let ends = command == "unsubscribe";
            let expected = is_unknown && !ends && (!is_pattern || command == "subscribe");
            let is_refused = told.iter().any(|told| told.contains(UNKNOWN));
            assert_eq!(is_refused, expected, "{command} {channel}: {told:?}");
        }
    }
}

#[test]
fn a_client_whose_token_names_one_is_told_so_and_one_of_one_way_stays_away() {
    let mut scene = scene();
    let told = scene.ask(&connect(&token(r#"{"sub":"ann","channels":["chta:1"]}"#)));
    assert_eq!(told, [format!("{{\"id\":1,{UNKNOWN}}}")]);
    let client = scene.shard.upgrade("/connection/uni_websocket", "");
    let token = token_of("ann");
    let wish = format!(r#"{{"token":"{token}","subs":{{"chta:1":{{}}}}}}"#);
    scene.say_as(client, &wish);
    assert_eq!(scene.hear_as(client), [close(3501, "bad request")]);
}

#[test]
fn a_token_may_name_a_pattern_of_topics_that_are_configured() {
    let scope = Scope::pattern("sensor:{id}/temp").unwrap();
    let namespaces = vec![(scope, TopicSettings::default())];
    let namespaces = Namespaces::new(TopicSettings::default(), namespaces);
    let mut shard = Shard::new(Config {
        namespaces: namespaces.closed(true),
        ..Config::default()
    });
    ask_identity(&mut shard, &["users all #"], false);
    let mut scene = Scene::of(shard);
    let claims = r#"{"sub":"ann","channels":["sensor:#"]}"#;
    let told = scene.ask(&connect(&token(claims)));
    assert!(!told[0].contains(UNKNOWN), "{told:?}");
    assert!(told[0].contains(r#""sensor:#""#), "{told:?}");
}

#[test]
fn a_path_with_one_is_not_found() {
    let mut scene = scene();
    let fields = format!("Authorization: Bearer {}\r\n", token_of("ann"));
    for place in ["ws", "sub", "pub"] {
        for (topic, status) in [("chat:1", "101"), ("chta:1", "404"), ("lobby", "101")] {
            let path = format!("/{place}/{topic}");
            let (_, answer) = scene.shard.ask_to_upgrade(&path, &fields);
            let answer = String::from_utf8(answer).unwrap();
            assert_eq!(answer.split(' ').nth(1), Some(status), "{path}: {answer}");
        }
    }
    for method in ["GET", "HEAD"] {
        for (topic, status) in [("chat:1", "200"), ("chta:1", "404")] {
            let request = format!("{method} /sse/{topic} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            let (_, answer) = open(&mut scene.shard, &request);
            assert_eq!(answer.split(' ').nth(1), Some(status), "{request}{answer}");
        }
    }
}

#[test]
fn backends_are_told_that_there_is_no_such_channel() {
    let mut scene = scene();
    for (method, fields) in [
        ("publish", r#""data":1"#),
        ("subscribe", r#""user":"ann""#),
        ("history", r#""limit":1"#),
        ("history_remove", r#""limit":1"#),
        ("presence", r#""limit":1"#),
        ("presence_stats", r#""limit":1"#),
    ] {
        for (channel, is_unknown) in [("chat:1", false), ("chta:1", true)] {
            let body = format!(r#"{{"channel":"{channel}",{fields}}}"#);
            let answer = ask(&mut scene.shard, method, &body);
            let is_told = answer.starts_with(r#"{"error":{"code":102,"#);
            assert_eq!(is_told, is_unknown, "{method} {channel}: {answer}");
        }
    }
    let both = r#"{"channels":["chat:1","chta:1"],"data":1}"#;
    let answer = ask(&mut scene.shard, "broadcast", both);
    let expected = r#"{"result":{"responses":[{"result":{}},{"error":{"code":102,"#;
    assert!(answer.starts_with(expected), "{answer}");
    let pattern = r#"{"channel":"chta:#","user":"ann"}"#;
    let answer = ask(&mut scene.shard, "subscribe", pattern);
    assert!(answer.starts_with(r#"{"error":{"code":102,"#), "{answer}");
}
