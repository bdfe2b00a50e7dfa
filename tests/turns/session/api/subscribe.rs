//! What a backend says of the subscriptions that it makes.

use super::*;

#[test]
fn a_subscription_goes_on_where_the_backend_says_that_its_client_was() {
    let mut shard = shard_with(with_history(10), &["users all #"], false);
    let live = both(&mut shard, "ann");
    (1..=3).for_each(|data| publish(&mut shard, data));
    let top = ask(&mut shard, "history", r#"{"channel":"news"}"#);
    let (_, epoch) = top.split_once(r#""epoch":""#).unwrap();
    let epoch = &epoch[..8];
    let [ours, any, foreign, newest] = [
        format!(r#","recover_since":{{"offset":1,"epoch":"{epoch}"}}"#),
        r#","recover_since":{"offset":2}"#.to_owned(),
        r#","recover_since":{"offset":1,"epoch":"other"}"#.to_owned(),
        String::new(),
    ];
    let recovers = r#","override":{"force_recovery":{"value":true}}"#;
    let positions = r#","override":{"force_positioning":{"value":true}}"#;
    for (since, own, said, missed) in [
        (
            &ours,
            recovers,
            r#""recoverable":true,"epoch":"E","offset":1,"positioned":true"#,
            &[2, 3][..],
        ),
        (
            &any,
            recovers,
            r#""recoverable":true,"epoch":"E","offset":2,"positioned":true"#,
            &[3],
        ),
        (
            &foreign,
            recovers,
            r#""recoverable":true,"epoch":"E","offset":3,"positioned":true"#,
            &[],
        ),
        (
            &newest,
            positions,
            r#""epoch":"E","offset":3,"positioned":true"#,
            &[],
        ),
        (&ours, "", "", &[]),
    ] {
        let body = format!(r#"{{"user":"ann","channel":"news"{since}{own}}}"#);
        have(&mut shard, "subscribe", &body);
        let said = said.replace('E', epoch);
        let subscribed = format!(r#"{{"push":{{"channel":"news","subscribe":{{{said}}}}}}}"#);
        let pushes = missed.iter().map(|data| {
            format!(r#"{{"push":{{"channel":"news","pub":{{"data":{data},"offset":{data}}}}}}}"#)
        });
        let expected: Vec<_> = [subscribed].into_iter().chain(pushes).collect();
        for client in &live {
            assert_eq!(client.hear(&mut shard), expected, "{body}");
        }
        have(
            &mut shard,
            "unsubscribe",
            r#"{"user":"ann","channel":"news"}"#,
        );
        live.iter().for_each(|live| drop(live.hear(&mut shard)));
    }
}

#[test]
fn what_is_said_of_a_subscription_is_told_to_its_client_and_to_others() {
    let settings = TopicSettings {
        presence: true,
        join_leave: true,
        ..TopicSettings::default()
    };
    let config = of_all(settings);
    let mut shard = shard_with(config, &["users all #"], false);
    let [socket, _] = both(&mut shard, "ann");
    let id = socket.id();
    let body = format!(
        r#"{{"user":"ann","client":"0.{id}","channel":"news","info":{{"a":1}},"b64data":"eyJiIjoyfQ==",
        "override":{{"presence":{{"value":true}},"force_push_join_leave":{{"value":true}}}}}}"#
    );
    have(&mut shard, "subscribe", &body);
    let info = format!(r#"{{"user":"ann","client":"0.{id}","chan_info":{{"a":1}}}}"#);
    let subscribed = r#"{"push":{"channel":"news","subscribe":{"data":{"b":2}}}}"#;
    let join = format!(r#"{{"push":{{"channel":"news","join":{{"info":{info}}}}}}}"#);
    assert_eq!(socket.hear(&mut shard), [subscribed, &join]);
    let presence = ask(&mut shard, "presence", r#"{"channel":"news"}"#);
    assert!(presence.contains(r#""chan_info":{"a":1}"#), "{presence}");
    let other = r#"{"user":"ann","channel":"news","override":{"presence":{"value":false}}}"#;
    let other = ask(&mut shard, "subscribe", other);
    assert!(other.contains(r#""code":108"#), "{other}");
}

#[test]
fn a_subscription_of_a_backend_ends_when_that_says() {
    let mut shard = shard();
    let [socket, _] = both(&mut shard, "ann");
    let body = format!(
        r#"{{"user":"ann","channel":"news","expire_at":{}}}"#,
        NOW + 1
    );
    have(&mut shard, "subscribe", &body);
    assert_eq!(socket.hear(&mut shard), [SUBSCRIBED]);
    for _ in 0..2 {
        shard.wait(Duration::from_secs(14));
        let told = socket.hear(&mut shard);
        if told.contains(&"{}".to_owned()) {
            socket.say(&mut shard, "{}");
        } else if !told.is_empty() {
            assert_eq!(told, [ended(3006, "subscription expired")]);
            return;
        }
    }
    panic!("it is still there");
}

#[test]
fn a_client_with_too_many_subscriptions_is_disconnected() {
    let mut shard = shard();
    let live = both(&mut shard, "ann");
    for number in 0..=corecast::limits::SUBSCRIPTIONS_MAX {
        let body = format!(r#"{{"user":"ann","channel":"{number}"}}"#);
        have(&mut shard, "subscribe", &body);
    }
    for client in &live {
        let told = client.hear(&mut shard);
        assert_eq!(told.last(), Some(&ended(3505, "channel limit")));
    }
}

#[test]
fn a_token_says_the_same_of_the_subscriptions_that_it_names() {
    let mut shard = shard_with(with_history(10), &["users all #"], false);
    for (own, expected) in [
        ("", "{}"),
        (
            "force_recovery",
            r#"{"positioned":true,"recoverable":true}"#,
        ),
        ("force_positioning", r#"{"positioned":true}"#),
    ] {
        let own = format!(r#"{{"{own}":{{"value":true}}}}"#);
        let claims = format!(r#"{{"sub":"ann","subs":{{"news":{{"override":{own}}}}}}}"#);
        let client = shard.upgrade(PATH, "");
        shard.read(client, text(&connect(&token(&claims))));
        shard.rest();
        let [Told::Text(told)] = &heard(shard.take(client))[..] else {
            panic!("it is connected");
        };
        let told: serde_json::Value = serde_json::from_str(told).unwrap();
        let mut said = told["connect"]["subs"]["news"].clone();
        said.as_object_mut().unwrap().remove("epoch");
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(said, expected);
    }
}

#[test]
fn what_a_client_is_told_is_no_longer_than_a_message() {
    let config = Config {
        message_bytes_max: 10,
        ..Config::default()
    };
    let mut shard = shard_with(config, &["users all #"], false);
    for (data, info, is_refused) in [
        (10, 1, false),
        (11, 1, true),
        (1, 8 << 10, false),
        (1, (8 << 10) + 1, true),
    ] {
        let [data, info] = [data, info].map(|len| format!("\"{}\"", "x".repeat(len - 2.min(len))));
        let body = format!(r#"{{"user":"ann","channel":"news","data":{data},"info":{info}}}"#);
        let answer = ask(&mut shard, "subscribe", &body);
        assert_eq!(answer.contains(r#""code":107"#), is_refused, "{answer}");
    }
}

/// Some turns, in which none of its mail is passed on.
fn turn(shard: &mut Shard) {
    for _ in 0..8 {
        shard.turn();
    }
}

#[test]
fn a_client_that_is_about_to_be_connected_waits_for_a_subscription_of_a_backend_as_well() {
    let settings = TopicSettings {
        presence: true,
        ..TopicSettings::default()
    };
    let config = of_all(settings);
    let [near, far] = [0, 1].map(|home| crate::shard::topics_at(home).next().unwrap());
    // Some of them have their home here.
    for user in ["a", "b", "c", "d", "e", "f"] {
        let mut shards = shards_with(&config);
        let open = |shards: &mut [Shard; 2], channels: &str| {
            let claims = format!(r#"{{"sub":"{user}","channels":[{channels}]}}"#);
            let client = shards[0].upgrade(PATH, "");
            shards[0].read(client, text(&connect(&token(&claims))));
            client
        };
        open(&mut shards, &format!("{:?},{:?}", near.name(), far.name()));
        exchange(&mut shards);
        // The topics are live, and are asked at once to count this one as well.
        let client = open(&mut shards, &format!("{:?}", far.name()));
        turn(&mut shards[0]);
        assert_eq!(shards[0].take(client), b"");
        let api = shards[0].connect();
        let body = format!(r#"{{"user":"{user}","channel":"{near}"}}"#);
        shards[0].read(api, request(KEY, "subscribe", &body));
        turn(&mut shards[0]);
        exchange(&mut shards);
        let told: Vec<_> = heard(shards[0].take(client))
            .into_iter()
            .map(as_push)
            .collect();
        let is_connect = |told: &String| told.starts_with(r#"{"id":1,"connect""#);
        assert!(told.first().is_some_and(is_connect), "{user}: {told:?}");
        let name = format!("{:?}", near.name());
        assert!(
            told.iter().any(|told| told.contains(&name)),
            "{user}: {told:?}"
        );
    }
}
