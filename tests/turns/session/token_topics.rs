//! The topics that a token names: its client is subscribed to them without asking.

use super::identity::{connect, scene_of, token};
use super::tokens::{error, scene, subscribe};
use super::*;
use corecast::limits::SUBSCRIPTIONS_MAX;

#[test]
fn a_token_subscribes_its_client_and_another_with_more_topics_has_it_connect_again() {
    let subs = r#""subs":{"b":{"data":{"x":1}}}"#;
    let mut scene = scene();
    let told = scene.ask(&connect(&token(&format!(
        r#"{{"sub":"ann","channels":["a"],{subs}}}"#
    ))));
    let expected = r#""subs":{"a":{},"b":{"data":{"x":1}}}"#;
    assert!(told[0].contains(expected), "{told:?}");
    let refresh = |token: &str| format!(r#"{{"id":3,"refresh":{{"token":"{token}"}}}}"#);
    let same = token(r#"{"sub":"ann","channels":["b","a"]}"#);
    assert_eq!(scene.ask(&refresh(&same)).len(), 1);
    scene.say(&refresh(&token(r#"{"sub":"ann","channels":["a","c"]}"#)));
    assert_eq!(scene.hear(), [close(3010, "insufficient state")]);
}

#[test]
fn a_new_token_with_fewer_topics_ends_what_it_does_not_name() {
    let mut scene = scene();
    let told = scene.ask(&connect(&token(r#"{"sub":"ann","channels":["a","b"]}"#)));
    assert!(told[0].contains(r#""subs":{"a":{},"b":{}}"#), "{told:?}");
    // What the client has asked for itself stays.
    assert_eq!(subscribe(&mut scene, "room", "").len(), 1);
    let refresh = |token: &str| format!(r#"{{"id":3,"refresh":{{"token":"{token}"}}}}"#);
    let told = scene.ask(&refresh(&token(r#"{"sub":"ann","channels":["b"]}"#)));
    let push =
        r#"{"push":{"channel":"a","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}"#;
    assert_eq!(told[0], push);
    assert!(told[1].starts_with(r#"{"id":3,"refresh""#), "{told:?}");
    assert_eq!(told.len(), 2);
    let again = error(2, 105, "already subscribed");
    for channel in ["b", "room"] {
        let told = subscribe(&mut scene, channel, "");
        assert_eq!(told, std::slice::from_ref(&again), "{channel}");
    }
}

#[test]
fn a_topic_that_had_no_space_for_a_client_is_no_reason_to_connect_again() {
    let settings = TopicSettings {
        subscribers_max: Some(1),
        ..TopicSettings::default()
    };
    let mut scene = scene_of(of_all(settings), &["users subscribe #"], false);
    let both = token(r#"{"sub":"ann","channels":["a","b"]}"#);
    let first = scene.shard.upgrade(PATH, "");
    scene.say_as(first, &connect(&token(r#"{"sub":"bob","channels":["a"]}"#)));
    let told = scene.ask(&connect(&both));
    assert!(told[0].contains(r#""subs":{"b":{}}"#), "{told:?}");
    let told = scene.ask(&format!(r#"{{"id":3,"refresh":{{"token":"{both}"}}}}"#));
    assert!(told[0].starts_with(r#"{"id":3,"refresh""#), "{told:?}");
}

#[test]
fn a_client_is_connected_without_the_patterns_that_are_too_many() {
    let config = Config {
        patterns_max: 1,
        ..Config::default()
    };
    let mut scene = scene_of(config, &["users subscribe #"], false);
    let both = token(r#"{"sub":"ann","channels":["a/+","b"]}"#);
    let first = scene.shard.upgrade(PATH, "");
    let named = token(r#"{"sub":"bob","channels":["c/+"]}"#);
    scene.say_as(first, &connect(&named));
    let told = scene.ask(&connect(&both));
    assert!(told[0].contains(r#""subs":{"b":{}}"#), "{told:?}");
    let told = scene.ask(&format!(r#"{{"id":3,"refresh":{{"token":"{both}"}}}}"#));
    assert!(told[0].starts_with(r#"{"id":3,"refresh""#), "{told:?}");
}

#[test]
fn a_token_names_as_many_topics_as_a_client_may_have() {
    let names: Vec<String> = (0..=SUBSCRIPTIONS_MAX).map(|n| format!("t{n}")).collect();
    let names = serde_json::to_string(&names).unwrap();
    let connect = connect(&token(&format!(r#"{{"sub":"ann","channels":{names}}}"#)));
    let of = |subscriptions_max| {
        let config = Config {
            subscriptions_max,
            ..Config::default()
        };
        scene_of(config, &[], false)
    };
    let told = of(SUBSCRIPTIONS_MAX + 1).ask(&connect);
    assert_eq!(
        told[0].matches(r#":{}"#).count(),
        SUBSCRIPTIONS_MAX + 1,
        "{told:?}"
    );
    let mut scene = of(SUBSCRIPTIONS_MAX);
    scene.say(&connect);
    assert_eq!(scene.hear(), [close(3505, "channel limit")]);
}
