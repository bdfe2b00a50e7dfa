//! Subscriptions to patterns: what their clients are told, and what is not offered.

use corecast::counters::Limit;

use super::*;

fn subscribe(channel: &str) -> String {
    format!(r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#)
}

fn publish(channel: &str, data: u32) -> String {
    format!(r#"{{"id":3,"publish":{{"channel":"{channel}","data":{data}}}}}"#)
}

const SUBSCRIBED: &str = r#"{"id":2,"subscribe":{}}"#;

/// A push to subscribers of a pattern, or of the topic itself.
fn push(channel: &str, data: u32, source: &str) -> String {
    let source = match source {
        "" => String::new(),
        source => format!(r#","channel":"{source}""#),
    };
    let info = r#""info":{"user":"","client":"0.1.2"}"#;
    format!(r#"{{"push":{{"channel":"{channel}","pub":{{"data":{data},{info}{source}}}}}}}"#)
}

#[test]
fn subscribers_of_a_pattern_are_told_the_topic_of_each_message() {
    let mut scene = Scene::connected(Config::default());
    let other = scene.another();
    for pattern in ["sensor:+/temp", "sensor:#"] {
        assert_eq!(scene.ask(&subscribe(pattern)), [SUBSCRIBED]);
    }
    scene.say_as(other, &publish("sensor:7/temp", 1));
    scene.say_as(other, &publish("sensor:7/wind", 2));
    scene.say_as(other, &publish("other:7/temp", 3));
    let mut told = scene.texts();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            push("sensor:#", 1, "sensor:7/temp"),
            push("sensor:#", 2, "sensor:7/wind"),
            push("sensor:+/temp", 1, "sensor:7/temp"),
        ]
    );
}

#[test]
fn a_message_comes_once_for_the_topic_and_once_for_the_pattern() {
    let mut scene = Scene::connected(with_history(5));
    let other = scene.another();
    scene.ask(&subscribe("a/+"));
    scene.ask(&subscribe("a/b"));
    for data in 1..=3 {
        scene.say_as(other, &publish("a/b", data));
    }
    let told = scene.texts();
    for (channel, field) in [("a/b", r#""offset":"#), ("a/+", r#""channel":"a/b""#)] {
        let prefix = format!(r#"{{"push":{{"channel":"{channel}","#);
        let of_channel = told.iter().filter(|text| text.starts_with(&prefix));
        let of_channel: Vec<&String> = of_channel.collect();
        assert_eq!(of_channel.len(), 3, "{told:?}");
        for (data, text) in (1..).zip(of_channel) {
            assert!(text.contains(&format!(r#""data":{data},"#)), "{text}");
            assert!(text.contains(field), "{text}");
            assert_eq!(text.contains(r#""offset":"#), channel == "a/b", "{text}");
        }
    }
}

#[test]
fn a_pattern_has_no_history_no_presence_and_no_messages_of_its_own() {
    let mut scene = Scene::connected(with_history(5));
    for (command, channel) in [
        ("history", "a/+"),
        ("presence", "a/#"),
        ("presence_stats", "+"),
    ] {
        let told = scene.ask(&format!(
            r#"{{"id":2,"{command}":{{"channel":"{channel}"}}}}"#
        ));
        assert!(told[0].contains(r#""code":108"#), "{command}: {told:?}");
    }
    let told = scene.ask(&publish("a/+", 1));
    assert!(told[0].contains(r#""code":108"#), "{told:?}");
    let told = scene.ask(
        r#"{"id":2,"subscribe":{"channel":"a/+","positioned":true,"recoverable":true,"join_leave":true}}"#,
    );
    assert_eq!(told, [SUBSCRIBED]);
}

#[test]
fn a_pattern_with_too_many_levels_is_refused_and_other_uses_of_its_characters_are_names() {
    let mut scene = Scene::connected(Config::default());
    for (channel, is_taken) in [
        ("a/b/c/d/e/f/g/h/i/j/k/#", true),
        ("a/b/c/d/e/f/g/h/i/j/k/l/+", false),
        ("+/+/+/+/+", false),
        ("a/{x}/+", false),
        ("a+b", true),
        ("#/a", true),
    ] {
        let told = scene.ask(&subscribe(channel));
        let refused = r#"{"id":2,"error":{"code":107,"message":"bad request"}}"#;
        let expected = if is_taken { SUBSCRIBED } else { refused };
        assert_eq!(told, [expected], "{channel}");
    }
}

#[test]
fn one_that_comes_back_to_a_pattern_is_told_that_nothing_was_recovered() {
    let mut scene = Scene::connected(with_history(5));
    let told = scene
        .ask(r#"{"id":2,"subscribe":{"channel":"a/+","recover":true,"epoch":"abcd","offset":3}}"#);
    assert_eq!(told, [r#"{"id":2,"subscribe":{"was_recovering":true}}"#]);
}

#[test]
fn a_pattern_is_subscribed_to_once_and_ended_by_its_text() {
    let mut scene = Scene::connected(Config::default());
    let other = scene.another();
    scene.ask(&subscribe("a/+"));
    let told = scene.ask(&subscribe("a/+"));
    assert!(told[0].contains(r#""code":105"#), "{told:?}");
    let ended = r#"{"id":4,"unsubscribe":{}}"#;
    assert_eq!(
        scene.ask(r#"{"id":4,"unsubscribe":{"channel":"a/+"}}"#),
        [ended]
    );
    scene.say_as(other, &publish("a/b", 1));
    assert_eq!(scene.hear(), []);
    scene.ask(&subscribe("a/+"));
    scene.say_as(other, &publish("a/b", 2));
    assert_eq!(scene.texts(), [push("a/+", 2, "a/b")]);
}

#[test]
fn the_path_of_a_topic_that_looks_like_a_pattern_names_the_topic() {
    let mut scene = Scene::connected(Config::default());
    let exact = scene.shard.upgrade("/ws/a/+", "");
    let other = scene.another();
    scene.ask(&subscribe("a/+"));
    scene.say_as(other, &publish("a/b", 1));
    assert_eq!(scene.hear_as(exact), []);
    assert_eq!(scene.texts().len(), 1);
    scene.shard.read(exact, frame(0x81, b"7"));
    scene.shard.rest();
    assert_eq!(scene.hear_as(exact), [Told::Text("7".to_owned())]);
    let told = scene.texts();
    assert!(told[0].contains(r#""channel":"a/+"}"#), "{told:?}");
}

#[test]
fn a_topic_that_lists_users_is_told_to_no_subscriber_of_a_pattern() {
    let mut scene = Scene::connected(Config::default());
    let other = scene.another();
    for pattern in ["#", "dialog/+"] {
        assert_eq!(scene.ask(&subscribe(pattern)), [SUBSCRIBED]);
    }
    for topic in ["dialog/#ann", "#ann", "$private/a"] {
        scene.say_as(other, &publish(topic, 1));
    }
    assert_eq!(scene.hear(), []);
}

#[test]
fn one_pattern_too_many_is_refused_until_another_has_gone() {
    let config = Config {
        patterns_max: 2,
        ..Config::default()
    };
    let mut scene = Scene::connected(config);
    for pattern in ["a/+", "b/+"] {
        assert_eq!(scene.ask(&subscribe(pattern)), [SUBSCRIBED]);
    }
    let told = scene.ask(&subscribe("c/+"));
    let refused = r#"{"id":2,"error":{"code":106,"message":"limit exceeded"}}"#;
    assert_eq!(told, [refused]);
    let counters = scene.shard.core.counters();
    let limits = counters.limited[Limit::Patterns.index()];
    assert_eq!((limits, counters.patterns, counters.topics), (1, 2, 0));
    let other = scene.another();
    scene.say_as(other, &subscribe("a/+"));
    let told = scene.hear_as(other);
    assert_eq!(told, [Told::Text(SUBSCRIBED.to_owned())], "it is there");
    scene.ask(r#"{"id":4,"unsubscribe":{"channel":"b/+"}}"#);
    assert_eq!(scene.ask(&subscribe("c/+")), [SUBSCRIBED], "at once");
}

#[test]
fn one_client_that_comes_and_goes_does_not_use_up_the_patterns() {
    let config = Config {
        patterns_max: 4,
        ..Config::default()
    };
    let mut scene = Scene::connected(config);
    for n in 0..10 {
        let pattern = format!("a{n}/+");
        assert_eq!(scene.ask(&subscribe(&pattern)), [SUBSCRIBED]);
        scene.ask(&format!(
            r#"{{"id":4,"unsubscribe":{{"channel":"{pattern}"}}}}"#
        ));
    }
}

#[test]
fn a_publisher_does_not_get_its_own_messages_if_their_topic_says_so() {
    let settings = TopicSettings {
        excludes_publisher: true,
        ..TopicSettings::default()
    };
    let mut scene = Scene::connected(of_all(settings));
    let other = scene.another();
    scene.ask(&subscribe("a/+"));
    scene.say_as(other, &subscribe("a/+"));
    scene.hear_as(other);
    scene.say_as(other, &publish("a/b", 1));
    assert_eq!(scene.texts(), [push("a/+", 1, "a/b")]);
    let published = r#"{"id":3,"publish":{}}"#;
    assert_eq!(scene.hear_as(other), [Told::Text(published.to_owned())]);
}

#[cfg(feature = "auth")]
mod rules {
    use super::super::identity::{connect, scene_of, token};
    use super::*;

    const RULES: [&str; 4] = [
        "users publish #",
        "deny users subscribe sensor:secret/#",
        "users subscribe sensor:+/temp",
        "users subscribe open/#",
    ];

    fn check(scene: &mut Scene, channel: &str, token: &str, is_allowed: bool) {
        scene.say(&format!(
            r#"{{"id":2,"subscribe":{{"channel":"{channel}","token":"{token}"}}}}"#
        ));
        scene.shard.answer();
        scene.shard.rest();
        let told = scene.texts();
        let expected = if is_allowed {
            r#"{"id":2,"subscribe":{"#
        } else {
            r#"{"id":2,"error":{"code":103"#
        };
        assert!(told[0].starts_with(expected), "{channel}: {told:?}");
        scene.ask(&format!(
            r#"{{"id":4,"unsubscribe":{{"channel":"{channel}"}}}}"#
        ));
    }

    #[test]
    fn a_client_may_subscribe_to_a_pattern_if_it_may_to_each_topic() {
        let mut scene = scene_of(Config::default(), &RULES, false);
        scene.ask(&connect(&token(r#"{"sub":"ann"}"#)));
        for (channel, is_allowed) in [
            ("sensor:+/temp", false),
            ("sensor:#", false),
            ("#", false),
            ("open/+", true),
            ("open/#", true),
            ("open/a/+", true),
            ("+", false),
            ("$open/+", false),
        ] {
            check(&mut scene, channel, "", is_allowed);
        }
    }

    #[test]
    fn a_private_pattern_needs_a_token_for_it() {
        let mut scene = scene_of(Config::default(), &["users all #"], false);
        scene.ask(&connect(&token(r#"{"sub":"ann"}"#)));
        check(&mut scene, "$a/+", "", false);
        let grant = token(r#"{"sub":"ann","channel":"$a/+"}"#);
        check(&mut scene, "$a/+", &grant, true);
        check(&mut scene, "#", "", true);
    }

    #[test]
    fn the_claims_of_a_token_name_patterns() {
        let claims = r#"{"sub":"ann","channels":["a/+"],"caps":[
            {"channels":["b/*"],"match":"wildcard","allow":["sub"]}]}"#;
        let mut scene = scene_of(Config::default(), &["users publish #"], false);
        let told = scene.ask(&connect(&token(claims)));
        assert!(told[0].contains(r#""subs":{"a/+":{}}"#), "{told:?}");
        check(&mut scene, "b/+/c", "", true);
        check(&mut scene, "+/c", "", false);
        let told = scene.ask(&publish("a/x", 1));
        assert!(told[1].contains(r#""channel":"a/x""#), "{told:?}");
    }
}
