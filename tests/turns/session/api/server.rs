//! What the whole server has, with sessions that have many topics.

use corecast::limits::{CENSUS_TOPICS_MAX, SUBSCRIPTIONS_MAX};

use super::*;

#[test]
fn the_server_counts_no_topic_of_events() {
    let settings = TopicSettings {
        join_leave: true,
        force_push_join_leave: true,
        ..TopicSettings::default()
    };
    let config = of_all(settings);
    let mut shard = shard_with(config, &["users all #"], false);
    for client in both(&mut shard, "ann") {
        client.say(&mut shard, r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    }
    let channels = ask(&mut shard, "channels", "{}");
    let expected = r#"{"result":{"channels":{"news":{"num_clients":2}}}}"#;
    assert_eq!(channels, expected);
    let info = ask(&mut shard, "info", "{}");
    let counts = r#""num_users":1,"num_subs":2,"num_channels":1"#;
    assert!(info.contains(counts), "{info}");
}

/// The commands that subscribe to these topics.
fn subscribes(topics: impl Iterator<Item = usize>) -> Vec<u8> {
    let commands = topics.enumerate().map(|(n, topic)| {
        let id = n + 2;
        format!(r#"{{"id":{id},"subscribe":{{"channel":"t:{topic}"}}}}"#)
    });
    text(&commands.collect::<Vec<_>>().join("\n"))
}

fn subscribe(shard: &mut Shard, topics: impl Iterator<Item = usize>) {
    let client = shard.upgrade(PATH, "");
    for message in [text(&connect(&token_of("ann"))), subscribes(topics)] {
        shard.read(client, message);
        shard.rest();
    }
}

#[test]
fn topics_are_listed_up_to_a_number() {
    let mut shard = shard();
    let clients = CENSUS_TOPICS_MAX.div_ceil(SUBSCRIPTIONS_MAX);
    for client in 0..clients {
        let first = client * SUBSCRIPTIONS_MAX;
        let last = CENSUS_TOPICS_MAX.min(first + SUBSCRIPTIONS_MAX);
        subscribe(&mut shard, first..last);
    }
    let all = ask(&mut shard, "channels", "{}");
    assert_eq!(all.matches("num_clients").count(), CENSUS_TOPICS_MAX);
    subscribe(&mut shard, [CENSUS_TOPICS_MAX].into_iter());
    let all = ask(&mut shard, "channels", "{}");
    assert!(all.starts_with(r#"{"error":{"code":106,"#), "{all}");
    let some = ask(&mut shard, "channels", r#"{"pattern":"t:1?"}"#);
    assert_eq!(some.matches("num_clients").count(), 10);
}

#[test]
fn what_shards_have_is_added_up() {
    let mut shards = shards();
    for at in [0, 1] {
        let client = shards[at].upgrade(PATH, "");
        for message in [text(&connect(&token_of("ann"))), subscribes(0..20)] {
            shards[at].read(client, message);
            exchange(&mut shards);
        }
    }
    let api = shards[1].connect();
    let body = r#"{"commands":[{"info":{}},{"channels":{"pattern":"t:*"}}]}"#;
    shards[1].read(api, request(KEY, "batch", body));
    exchange(&mut shards);
    shards[1].answer();
    exchange(&mut shards);
    let answer = String::from_utf8(shards[1].take(api)).unwrap();
    let counts = r#""num_clients":3,"num_users":1,"num_subs":40,"num_channels":20,"#;
    assert!(answer.contains(counts), "{answer}");
    assert_eq!(
        answer.matches(r#"{"num_clients":2}"#).count(),
        20,
        "{answer}"
    );
}
