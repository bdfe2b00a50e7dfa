//! Positions of what is published, and the history of a topic.

use std::time::Duration;

use corecast::{Config, HistorySettings, Kind, Namespaces, Scope, TopicSettings};

use super::Scene;

pub(in crate::http) const HISTORY: HistorySettings = HistorySettings {
    entries_max: 5,
    bytes_max: 1 << 20,
    ttl: Duration::from_secs(3600),
    meta_ttl: Duration::from_secs(3600),
    is_keyed: false,
};

/// Channels `kept:…` have a history of five messages.
fn scene() -> Scene {
    scene_with(Config::default())
}

fn scene_with(config: Config) -> Scene {
    let kept = TopicSettings {
        history: Some(HISTORY),
        ..TopicSettings::default()
    };
    let scopes = vec![(Scope::name("kept").unwrap(), kept)];
    Scene::with(Config {
        namespaces: Namespaces::new(TopicSettings::default(), scopes),
        ..config
    })
}

/// The epoch in an answer.
pub(super) fn epoch(answer: &str) -> String {
    let (_, rest) = answer.split_once("\"epoch\":\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[test]
fn a_publish_is_answered_with_its_position_where_there_is_a_history() {
    let mut scene = scene();
    let first = scene.ask("publish", r#"{"channel":"kept:a","data":1}"#);
    let epoch = epoch(&first);
    let expected = |offset| format!(r#"{{"result":{{"offset":{offset},"epoch":"{epoch}"}}}}"#);
    assert_eq!(first, expected(1));
    let second = scene.ask("publish", r#"{"channel":"kept:a","data":2}"#);
    assert_eq!(second, expected(2));
    let other = scene.ask("publish", r#"{"channel":"news","data":1}"#);
    assert_eq!(other, r#"{"result":{}}"#);
    let once = r#"{"channel":"kept:a","data":3,"idempotency_key":"k"}"#;
    assert_eq!(scene.ask("publish", once), expected(3));
    scene.ask("publish", r#"{"channel":"kept:a","data":4}"#);
    assert_eq!(scene.ask("publish", once), expected(3), "as the first time");
}

#[test]
fn a_history_is_read_as_it_was_published() {
    let mut scene = scene();
    for data in [
        r#""data":{"a": [1]}"#,
        r#""data":"text""#,
        r#""b64data":"AP8=""#,
    ] {
        scene.ask("publish", &format!(r#"{{"channel":"kept:a",{data}}}"#));
    }
    scene.server.publish("kept:a", Kind::Text, b"no \"JSON\"");
    let all = scene.ask("history", r#"{"channel":"kept:a","limit":-1}"#);
    let epoch = epoch(&all);
    let expected = format!(
        concat!(
            r#"{{"result":{{"publications":[{{"data":{{"a": [1]}},"offset":1}},"#,
            r#"{{"data":"text","offset":2}},{{"data":null,"b64data":"AP8=","offset":3}},"#,
            r#"{{"data":"no \"JSON\"","offset":4}}],"offset":4,"epoch":"{}"}}}}"#
        ),
        epoch
    );
    assert_eq!(all, expected);
    let body = format!(
        r#"{{"channel":"kept:a","limit":2,"reverse":true,"since":{{"offset":4,"epoch":"{epoch}"}}}}"#
    );
    let newest = scene.ask("history", &body);
    let expected = format!(
        concat!(
            r#"{{"result":{{"publications":[{{"data":null,"b64data":"AP8=","offset":3}},"#,
            r#"{{"data":"text","offset":2}}],"offset":4,"epoch":"{}"}}}}"#
        ),
        epoch
    );
    assert_eq!(newest, expected);
    let none = scene.ask("history", r#"{"channel":"kept:a"}"#);
    let expected = format!(r#"{{"result":{{"publications":[],"offset":4,"epoch":"{epoch}"}}}}"#);
    assert_eq!(none, expected, "the position alone");
}

#[test]
fn a_removed_history_keeps_its_position() {
    let mut scene = scene();
    scene.ask("publish", r#"{"channel":"kept:a","data":1}"#);
    let removed = scene.ask("history_remove", r#"{"channel":"kept:a"}"#);
    assert_eq!(removed, r#"{"result":{}}"#);
    let all = scene.ask("history", r#"{"channel":"kept:a","limit":-1}"#);
    let expected = format!(
        r#"{{"result":{{"publications":[],"offset":1,"epoch":"{}"}}}}"#,
        epoch(&all)
    );
    assert_eq!(all, expected);
}

#[test]
fn what_cannot_be_read_has_the_codes_of_centrifugo() {
    let mut scene = scene();
    let mut code = |method, body: &str| {
        let answer = scene.ask(method, body);
        let (_, rest) = answer.split_once("\"code\":").unwrap();
        rest.split_once(',').unwrap().0.to_owned()
    };
    for method in ["history", "history_remove"] {
        assert_eq!(code(method, r#"{"channel":"news"}"#), "108");
        assert_eq!(code(method, "{}"), "107");
        assert_eq!(code(method, r#"{"channel":".."}"#), "107");
    }
    let since = |epoch: &str| {
        format!(r#"{{"channel":"kept:a","since":{{"offset":1,"epoch":"{epoch}"}},"limit":1}}"#)
    };
    assert_eq!(code("history", &since("aaaaaaab")), "112", "another epoch");
    assert_eq!(code("history", &since("not one")), "112");
    let reverse = r#"{"channel":"kept:a","since":{"offset":0,"epoch":"aaaaaaab"},"reverse":true}"#;
    assert_eq!(code("history", reverse), "107");
    let keyless = r#"{"channel":"kept:a","data":1,"removed":true}"#;
    assert_eq!(code("publish", keyless), "107");
    let tags = r#"{"channel":"kept:a","data":1,"tags":[1]}"#;
    assert_eq!(code("publish", tags), "107");
    for count in [33, 10_000] {
        let tags: Vec<String> = (0..count).map(|n| format!(r#""{n}":"""#)).collect();
        let tags = tags.join(",");
        let body = format!(r#"{{"channel":"kept:a","data":1,"tags":{{{tags}}}}}"#);
        assert_eq!(code("publish", &body), "107", "{count}");
    }
}

#[test]
fn a_batch_and_a_broadcast_wait_for_all_of_their_answers() {
    let mut scene = scene();
    let body = r#"{"commands":[{"publish":{"channel":"kept:a","data":1}},
        {"publish":{"channel":"news","data":1}},
        {"broadcast":{"channels":["kept:a","news","kept:b"],"data":2}},
        {"history":{"channel":"kept:a","limit":1,"reverse":true}},
        {"history_remove":{"channel":"kept:a"}},{"history":{"channel":"kept:a","limit":1}},
        {"history":{"channel":"news"}}]}"#;
    let answer = scene.ask("batch", body);
    let mut epochs = answer.split("\"epoch\":\"").skip(1).map(|rest| &rest[..8]);
    let a = epochs.next().unwrap();
    let b = epochs.nth(1).unwrap();
    let expected = format!(
        concat!(
            r#"{{"replies":[{{"publish":{{"offset":1,"epoch":"{a}"}}}},{{"publish":{{}}}},"#,
            r#"{{"broadcast":{{"responses":[{{"result":{{"offset":2,"epoch":"{a}"}}}},"#,
            r#"{{"result":{{}}}},{{"result":{{"offset":1,"epoch":"{b}"}}}}]}}}},"#,
            r#"{{"history":{{"publications":[{{"data":2,"offset":2}}],"offset":2,"epoch":"{a}"}}}},"#,
            r#"{{"history_remove":{{}}}},"#,
            r#"{{"history":{{"publications":[],"offset":2,"epoch":"{a}"}}}},"#,
            r#"{{"error":{{"code":108,"message":"not available: the channel has no history"}}}}]}}"#
        ),
        a = a,
        b = b
    );
    assert_eq!(answer, expected);
    assert_eq!(scene.got(), "data: 1\n\ndata: 2\n\n");
}

#[test]
fn a_request_without_space_has_the_position_of_each_message_once() {
    let mut scene = scene_with(Config {
        log_bytes_max: 64,
        ..Config::default()
    });
    let channels = vec!["\"kept:a\""; 700].join(",");
    let body = format!("{{\"channels\":[{channels},\"news\"],\"data\":1}}");
    let answer = scene.ask("broadcast", &body);
    let offsets: Vec<u32> = answer
        .split("\"offset\":")
        .skip(1)
        .map(|rest| rest.split_once(',').unwrap().0.parse().unwrap())
        .collect();
    assert_eq!(offsets, (1..=700).collect::<Vec<_>>());
    assert_eq!(scene.got(), "data: 1\n\n");
}

#[test]
fn a_batch_reads_so_many_histories_and_no_more() {
    let mut scene = scene();
    let read = r#"{"history":{"channel":"kept:a","limit":-1}}"#;
    let body = format!("{{\"commands\":[{}]}}", [read; 17].join(","));
    let answer = scene.ask("batch", &body);
    assert_eq!(answer.matches("\"publications\":[]").count(), 16);
    assert_eq!(answer.matches("\"code\":106").count(), 1);
}

#[test]
fn an_offset_without_an_epoch_is_of_any() {
    let mut scene = scene();
    for data in 1..=3 {
        let body = format!(r#"{{"channel":"kept:a","data":{data}}}"#);
        scene.ask("publish", &body);
    }
    let [all, rest, before] = [
        r#""since":{}"#,
        r#""since":{"offset":1,"epoch":""}"#,
        r#""since":{"offset":2},"reverse":true"#,
    ]
    .map(|filter| {
        let body = format!(r#"{{"channel":"kept:a","limit":-1,{filter}}}"#);
        let answer = scene.ask("history", &body);
        let data = answer.split("\"data\":").skip(1);
        data.map(|rest| rest[..1].to_owned()).collect::<String>()
    });
    assert_eq!([all, rest, before], ["123", "23", "1"]);
}

#[test]
fn what_is_said_of_a_message_is_told_with_it() {
    let mut scene = scene();
    let body = r#"{"channel":"kept:a","data":1,"key":"lamp","tags":{"b":"2","a":"1"}}"#;
    scene.ask("publish", body);
    let skipped = r#"{"channel":"kept:a","data":2,"skip_history":true}"#;
    assert!(scene.ask("publish", skipped).contains("\"offset\":2,"));
    scene.ask(
        "publish",
        r#"{"channel":"kept:a","data":3,"key":"lamp","removed":true}"#,
    );
    let newest = r#"{"channel":"kept:a","limit":-1,"reverse":true}"#;
    let all = scene.ask("history", newest);
    let gone = r#"{"data":3,"offset":3,"key":"lamp","removed":true}"#;
    let value = r#"{"data":1,"offset":1,"tags":{"a":"1","b":"2"},"key":"lamp"}"#;
    let expected = format!(r#"[{gone},{value}],"offset":3"#);
    assert!(all.contains(&expected), "{all}");
    let since = format!(
        r#"{{"channel":"kept:a","limit":-1,"since":{{"offset":2,"epoch":"{}"}}}}"#,
        epoch(&all)
    );
    let gone = scene.ask("history", &since);
    let expected = r#"[{"data":3,"offset":3,"key":"lamp","removed":true}],"offset":3"#;
    assert!(gone.contains(expected), "{gone}");
}

#[test]
fn a_batch_reads_no_more_histories_when_it_has_a_megabyte() {
    let mut scene = scene();
    let long = "a".repeat(400 << 10);
    for _ in 0..2 {
        scene.server.publish("kept:a", Kind::Text, long.as_bytes());
    }
    let read = r#"{"history":{"channel":"kept:a","limit":-1}}"#;
    let remove = r#"{"history_remove":{"channel":"kept:a"}}"#;
    let answer = scene.ask(
        "batch",
        &format!(r#"{{"commands":[{read},{read},{read},{remove}]}}"#),
    );
    assert_eq!(answer.matches(&long).count(), 4);
    let (_, rest) = answer.rsplit_once(&long).unwrap();
    let refused =
        r#"{"error":{"code":106,"message":"limit exceeded: too many histories in one batch"}}"#;
    assert!(
        rest.ends_with(&format!(r#",{refused},{{"history_remove":{{}}}}]}}"#)),
        "{rest}"
    );
}
