//! Answers to what is published to topics with ticks.

use std::time::Duration;

use corecast::{Config, Flush, Namespaces, TopicSettings};

use super::Scene;
use super::history::{HISTORY, epoch};

/// All channels have a history and ticks; the reader of `news` is told what goes out.
fn scene_with_ticks(is_latest: bool) -> Scene {
    let settings = TopicSettings {
        flush: Some(Flush {
            every: TICK,
            is_latest,
        }),
        history: Some(HISTORY),
        ..TopicSettings::default()
    };
    Scene::with(Config {
        namespaces: Namespaces::new(settings, Vec::new()),
        ..Config::default()
    })
}

const TICK: Duration = Duration::from_millis(33);

#[test]
fn a_publish_to_a_topic_with_ticks_is_answered_with_its_position_at_the_tick() {
    let mut scene = scene_with_ticks(false);
    scene.got();
    let batch = concat!(
        r#"{"commands":[{"publish":{"channel":"news","data":1,"key":"a","tags":{"x":"y"}}},"#,
        r#"{"publish":{"channel":"news","data":2,"key":"a"}}]}"#
    );
    scene.send("batch", batch);
    assert_eq!(scene.server.take(scene.api), "");
    assert_eq!(scene.got(), "");
    scene.server.wait(TICK);
    let answer = scene.server.take(scene.api);
    let epoch = epoch(&answer);
    let expected = format!(
        concat!(
            r#"{{"replies":[{{"publish":{{"offset":1,"epoch":"{e}"}}}},"#,
            r#"{{"publish":{{"offset":2,"epoch":"{e}"}}}}]}}"#
        ),
        e = epoch
    );
    assert!(answer.ends_with(&expected), "{answer}");
    let got = format!("id: {epoch}:1\ndata: 1\n\nid: {epoch}:2\ndata: 2\n\n");
    assert_eq!(scene.got(), got);
    let all = scene.ask("history", r#"{"channel":"news","limit":1}"#);
    assert!(
        all.contains(r#"{"data":1,"offset":1,"tags":{"x":"y"},"key":"a"}"#),
        "{all}"
    );
}

#[test]
fn what_a_newer_message_supersedes_is_answered_without_a_position() {
    let mut scene = scene_with_ticks(true);
    scene.got();
    let batch = concat!(
        r#"{"commands":[{"publish":{"channel":"news","data":1,"key":"a"}},"#,
        r#"{"publish":{"channel":"news","data":2,"key":"b"}},"#,
        r#"{"publish":{"channel":"news","data":3,"key":"a"}}]}"#
    );
    scene.send("batch", batch);
    scene.server.wait(TICK);
    let answer = scene.server.take(scene.api);
    let epoch = epoch(&answer);
    let expected = format!(
        concat!(
            r#"{{"replies":[{{"publish":{{}}}},"#,
            r#"{{"publish":{{"offset":1,"epoch":"{e}"}}}},"#,
            r#"{{"publish":{{"offset":2,"epoch":"{e}"}}}}]}}"#
        ),
        e = epoch
    );
    assert!(answer.ends_with(&expected), "{answer}");
    let got = format!("id: {epoch}:1\ndata: 2\n\nid: {epoch}:2\ndata: 3\n\n");
    assert_eq!(scene.got(), got);
}
