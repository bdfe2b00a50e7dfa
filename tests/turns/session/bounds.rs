//! The most that a client of the structured protocol can have the server do and hold.

use std::num::NonZeroU32;

use corecast::limits::{OUTBOX_BYTES_HIGH, SUBSCRIPTIONS_MAX};
use corecast::{BeyondRate, Rate};

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

#[test]
fn thousands_of_subscriptions_are_made_and_ended_where_the_limit_allows_them() {
    const COUNT: usize = 5_000;
    let mut scene = Scene::connected(Config {
        subscriptions_max: COUNT,
        ..with_history(1)
    });
    let other = scene.another();
    let commands = |name: &str| {
        let command = |n| format!(r#"{{"id":{},"{name}":{{"channel":"t{n}"}}}}"#, n + 2);
        let all: Vec<String> = (0..COUNT).map(command).collect();
        all.join("\n")
    };
    let told = scene.ask(&commands("subscribe"));
    assert_eq!(told.len(), COUNT);
    scene.shard.core.audit();
    let one_more = r#"{"id":1,"subscribe":{"channel":"more"}}"#;
    let error = r#"{"id":1,"error":{"code":106,"message":"limit exceeded"}}"#;
    assert_eq!(scene.ask(one_more), [error]);
    for n in [0, 7, COUNT / 2, COUNT - 1] {
        let publish = format!(r#"{{"id":2,"publish":{{"channel":"t{n}","data":{n}}}}}"#);
        scene.say_as(other, &publish);
        let told = scene.texts();
        let push = format!(r#"{{"push":{{"channel":"t{n}","pub":{{"data":{n},"#);
        assert!(told.len() == 1 && told[0].starts_with(&push), "{told:?}");
    }
    let told = scene.ask(&commands("unsubscribe"));
    assert_eq!(told.len(), COUNT);
    scene.shard.core.audit();
    assert_eq!(scene.ask(one_more).len(), 1);
}

/// Two commands at once, and then one each second.
fn slowly(beyond_rate: BeyondRate) -> Scene {
    let burst = NonZeroU32::new(2).unwrap();
    let rate = Rate::per_second(1).map(|rate| Rate { burst, ..rate });
    let mut scene = Scene::connected(Config {
        message_rate: rate,
        beyond_rate,
        ..Config::default()
    });
    scene.shard.wait(Duration::from_secs(2));
    scene
}

/// Five commands in one message.
fn five() -> String {
    let unsubscribe = |id| format!(r#"{{"id":{id},"unsubscribe":{{"channel":"a"}}}}"#);
    [2, 3, 4, 5, 6].map(unsubscribe).join("\n")
}

fn unsubscribed(id: u32) -> String {
    format!(r#"{{"id":{id},"unsubscribe":{{}}}}"#)
}

#[test]
fn commands_of_one_message_beyond_the_rate_wait_each_for_its_moment() {
    let mut scene = slowly(BeyondRate::Wait);
    assert_eq!(scene.ask(&five()), [2, 3].map(unsubscribed));
    for id in [4, 5, 6] {
        scene.shard.wait(Duration::from_millis(1_200));
        assert_eq!(scene.texts(), [unsubscribed(id)]);
    }
    scene.shard.wait(Duration::from_secs(5));
    assert_eq!(scene.hear(), []);
}

#[test]
fn commands_beyond_a_rate_that_drops_are_answered_so() {
    let mut scene = slowly(BeyondRate::Drop);
    let refused = |id: u32| {
        format!(
            r#"{{"id":{id},"error":{{"code":111,"message":"too many requests","temporary":true}}}}"#
        )
    };
    let [two, three] = [2, 3].map(unsubscribed);
    let [four, five_, six] = [4, 5, 6].map(refused);
    assert_eq!(scene.ask(&five()), [two, three, four, five_, six]);
    // So is a whole message.
    assert_eq!(scene.ask(&five()), [2, 3, 4, 5, 6].map(refused));
}

#[test]
fn a_client_that_reads_nothing_is_told_no_more_of_what_is_dropped_than_fits() {
    let mut scene = slowly(BeyondRate::Drop);
    let (client, five) = (scene.client, five());
    scene.shard.block(true, &[]);
    for _ in 0..OUTBOX_BYTES_HIGH {
        scene.shard.read(client, text(&five));
    }
    scene.shard.rest();
    scene.shard.block(false, &[client]);
    scene.shard.rest();
    let told: usize = scene.texts().iter().map(String::len).sum();
    assert!(
        OUTBOX_BYTES_HIGH / 2 < told && told < 2 * OUTBOX_BYTES_HIGH,
        "{told}"
    );
}

#[test]
fn a_message_with_more_commands_than_the_rate_ends_the_session_where_that_is_wished() {
    let mut scene = slowly(BeyondRate::Close);
    scene.say(&five());
    let told = scene.hear();
    assert_eq!(told.last(), Some(&close(3013, "too many requests")));
    assert_eq!(told.len(), 3, "{told:?}");
}
