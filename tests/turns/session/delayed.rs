//! `write_delay`: what the topics of a client bring within a moment goes out in one write.

use super::many::{publish, try_to_publish};
use super::*;

const DELAY: Duration = Duration::from_millis(10);

fn delayed() -> Config {
    Config {
        write_delay: DELAY,
        ..Config::default()
    }
}

fn subscribe(scene: &mut Scene, client: ConnId, count: usize) {
    for topic in 0..count {
        let command = format!(r#"{{"id":2,"subscribe":{{"channel":"t{topic}"}}}}"#);
        scene.say_as(client, &command);
    }
    scene.shard.take(client);
    scene.shard.take_writes(client);
}

#[test]
fn what_topics_bring_in_several_turns_makes_one_write() {
    // Few enough that a write looks at all, and more than that.
    for count in [2, 20, 100] {
        let mut scene = Scene::connected(delayed());
        let client = scene.client;
        subscribe(&mut scene, client, count);
        for tick in 0..3 {
            for half in [0..count / 2, count / 2..count] {
                for topic in half.take(30) {
                    publish(&mut scene, &format!("t{topic}"));
                }
                scene.shard.rest();
                assert_eq!(scene.shard.take_writes(client), 0, "{count} topics, {tick}");
                scene.shard.wait(DELAY / 5);
            }
            scene.shard.wait(DELAY);
            let texts = scene.texts().len();
            assert_eq!(texts, count.min(60), "{count} topics, {tick}");
            assert_eq!(scene.shard.take_writes(client), 1, "{count} topics, {tick}");
        }
        assert!(!scene.shard.is_due());
    }
}

#[test]
fn a_client_with_one_topic_does_not_wait_and_a_reply_takes_along_what_waits() {
    let mut scene = Scene::connected(delayed());
    let (client, other) = (scene.client, scene.another());
    subscribe(&mut scene, client, 2);
    subscribe(&mut scene, other, 1);
    publish(&mut scene, "t0");
    scene.shard.rest();
    assert_eq!(scene.texts_as(other).len(), 1);
    assert!(scene.texts().is_empty());
    let texts = scene.ask(r#"{"id":3,"unsubscribe":{"channel":"other"}}"#);
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert_eq!(scene.shard.take_writes(client), 1);
    scene.shard.wait(DELAY);
    assert_eq!(scene.shard.take_writes(client), 0);
}

#[test]
fn a_client_that_leaves_all_but_one_topic_meanwhile_gets_what_waits() {
    let mut scene = Scene::connected(delayed());
    let client = scene.client;
    subscribe(&mut scene, client, 2);
    publish(&mut scene, "t1");
    scene.shard.rest();
    let texts = scene.ask(r#"{"id":3,"unsubscribe":{"channel":"t0"}}"#);
    assert_eq!(texts.len(), 2, "{texts:?}");
    publish(&mut scene, "t1");
    scene.shard.rest();
    assert_eq!(scene.texts().len(), 1);
}

#[test]
fn nothing_waits_where_there_is_no_space_for_the_next_message() {
    let mut scene = Scene::connected(Config {
        log_bytes_max: 1,
        ..delayed()
    });
    let client = scene.client;
    subscribe(&mut scene, client, 2);
    // The second finds none, and goes out as soon as the first has.
    publish(&mut scene, "t0");
    scene.shard.rest();
    assert!(scene.texts().is_empty());
    assert!(!try_to_publish(&mut scene, "t0"));
    scene.shard.rest();
    assert_eq!(scene.texts().len(), 1);
    assert!(try_to_publish(&mut scene, "t0"));
    scene.shard.rest();
    assert!(scene.texts().is_empty());
    scene.shard.wait(DELAY);
    assert_eq!(scene.texts().len(), 1);
}
