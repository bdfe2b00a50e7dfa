//! Messages that a session counts on and that are no longer kept: its client is told.

use super::server_side::{Subscribing, forced};
use super::*;

/// The client reads nothing, while more is published than the log and the history keep.
fn lose<C>(scene: &mut Scene<C>, channel: &str) {
    let client = scene.client;
    let publisher = scene.another();
    scene.shard.block(true, &[]);
    let data = "x".repeat(1000);
    for n in 0..60 {
        let publish = format!(
            r#"{{"id":{},"publish":{{"channel":"{channel}","data":"{data}"}}}}"#,
            n + 2
        );
        scene.shard.read(publisher, text(&publish));
        scene.shard.rest();
    }
    scene.shard.block(false, &[client, publisher]);
    scene.shard.rest();
    scene.shard.wait(Duration::from_secs(1));
}

/// A log has space for some messages, and a history for fewer.
fn narrow() -> Config {
    Config {
        log_bytes_max: 16 << 10,
        ..with_history(3)
    }
}

#[test]
fn a_positioned_subscription_ends_with_a_code_to_subscribe_again() {
    let mut scene = Scene::connected(narrow());
    scene.say(r#"{"id":2,"subscribe":{"channel":"news","positioned":true}}"#);
    scene.hear();
    lose(&mut scene, "news");
    let told = scene.texts();
    let push =
        r#"{"push":{"channel":"news","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#;
    assert_eq!(told.last().map(String::as_str), Some(push));
    // It may subscribe again at once.
    let told = scene.ask(r#"{"id":3,"subscribe":{"channel":"news","positioned":true}}"#);
    assert!(told[0].starts_with(r#"{"id":3,"subscribe":"#), "{told:?}");
}

#[test]
fn a_session_ends_whose_server_has_subscribed_it() {
    let mut scene = Scene::of(Shard::of(forced(narrow()), Subscribing(1)));
    scene.say(CONNECT);
    assert_eq!(scene.hear().len(), 1);
    lose(&mut scene, "t0");
    let told = scene.hear();
    assert_eq!(told.last(), Some(&close(3010, "insufficient state")));
}

#[test]
fn one_that_was_promised_nothing_goes_on_with_what_there_is() {
    let mut scene = Scene::connected(narrow());
    scene.say(r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    scene.hear();
    lose(&mut scene, "news");
    let told = scene.texts();
    assert!(
        told.iter().all(|told| told.contains(r#""pub""#)),
        "{told:?}"
    );
    assert!(
        told.last()
            .is_some_and(|last| last.contains(r#""offset":60"#))
    );
}
