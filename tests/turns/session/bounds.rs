//! The most that a client of the structured protocol can have the server do and hold.

use corecast::limits::{OUTBOX_BYTES_HIGH, SUBSCRIPTIONS_MAX};

use super::*;

#[test]
fn a_client_has_so_many_subscriptions_and_not_one_more() {
    let mut scene = Scene::connected(Config::default());
    let subscribe = |n| format!(r#"{{"id":2,"subscribe":{{"channel":"t{n}"}}}}"#);
    let all: Vec<String> = (0..SUBSCRIPTIONS_MAX).map(subscribe).collect();
    let told = scene.ask(&all.join("\n"));
    assert_eq!(told.len(), SUBSCRIPTIONS_MAX);
    let error = r#"{"id":2,"error":{"code":106,"message":"limit exceeded"}}"#;
    assert_eq!(scene.ask(&subscribe(SUBSCRIPTIONS_MAX)), [error]);
    scene.say(r#"{"id":2,"unsubscribe":{"channel":"t7"}}"#);
    scene.hear();
    let done = r#"{"id":2,"subscribe":{}}"#;
    assert_eq!(scene.ask(&subscribe(SUBSCRIPTIONS_MAX)), [done]);
}

#[test]
fn commands_of_a_client_that_does_not_read_wait() {
    let mut scene = Scene::connected(Config::default());
    let rpc = r#"{"id":2,"rpc":{"method":"m"}}"#;
    let commands = 5 * OUTBOX_BYTES_HIGH / 50;
    scene.shard.block(true, &[]);
    scene
        .shard
        .read(scene.client, text(&vec![rpc; commands].join("\n")));
    scene.shard.rest();
    assert_eq!(scene.shard.counters().paused, 1);
    let client = scene.client;
    scene.shard.block(false, &[client]);
    scene.shard.rest();
    assert_eq!(scene.texts().len(), commands, "each once");
    assert_eq!(scene.shard.counters().paused, 0);
}

#[test]
fn many_commands_of_one_message_take_several_turns() {
    let mut scene = Scene::connected(Config::default());
    scene.shard.core.limit_work(20_000, 5_000);
    let unsubscribe = r#"{"id":2,"unsubscribe":{"channel":"a"}}"#;
    scene
        .shard
        .read(scene.client, text(&vec![unsubscribe; 1000].join("\n")));
    assert!(10 < scene.shard.rest());
    assert_eq!(scene.texts().len(), 1000);
}

#[test]
fn what_is_malformed_behind_good_commands_ends_the_session_after_them() {
    let mut scene = Scene::connected(Config::default());
    let good = r#"{"id":2,"unsubscribe":{"channel":"a"}}"#;
    scene.say(&format!("{good}\n{{\"id\":"));
    let done = r#"{"id":2,"unsubscribe":{}}"#;
    let told = [Told::Text(done.to_owned()), close(3501, "bad request")];
    assert_eq!(scene.hear(), told);
}
