//! Clients with many subscriptions: one write for all that has changed, and no turn that is long
//! because of them.

use std::collections::HashMap;
use std::sync::Arc;

use corecast::internals::Rng;
use corecast::limits::{
    EXPIRIES_PER_STEP, SESSION_GRACE, SUBSCRIPTIONS_CEILING, WORK_OF_SUBSCRIBING, WORK_PER_SHARE,
};
use corecast::payload::Payload;
use corecast::shard::mail::{Origin, Publication, ToHome};
use corecast::{Cx, Failure, Handler, Kind, SubscribeCommand, Subscribed, Topic};

use super::*;
use crate::shard::Answer;

/// Slices of one write.
const SLICES: usize = 64;

pub(super) fn publish(scene: &mut Scene, channel: &str) {
    publish_number(scene, channel, 1);
}

fn publish_number(scene: &mut Scene, channel: &str, number: u32) {
    assert!(try_to_publish_number(scene, channel, number));
}

/// Publishes if there is space; whether there was.
pub(super) fn try_to_publish(scene: &mut Scene, channel: &str) -> bool {
    try_to_publish_number(scene, channel, 1)
}

fn try_to_publish_number(scene: &mut Scene, channel: &str, number: u32) -> bool {
    let payload = Payload {
        kind: Kind::Text,
        bytes: Arc::from(number.to_string().as_bytes()),
    };
    let topic = Topic::new(channel).unwrap();
    let publication = Publication::new(topic, payload, Origin::Handle);
    let core = &mut scene.shard.core;
    core.handle_to_home(ToHome::Publish(publication)).is_none()
}

#[test]
fn a_topic_has_its_turn_while_all_others_have_messages_in_every_turn() {
    let mut scene = Scene::connected(Config::default());
    let channels: Vec<String> = (0..=SLICES).map(|n| format!("t{n}")).collect();
    for channel in &channels {
        scene.ask(&format!(
            r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#
        ));
    }
    // Whichever of them is written last.
    for quiet in &channels {
        publish(&mut scene, quiet);
        let push = format!(r#"{{"push":{{"channel":"{quiet}","#);
        let turns = (0..3).filter(|_| {
            for busy in channels.iter().filter(|channel| *channel != quiet) {
                publish(&mut scene, busy);
            }
            scene.shard.turn();
            scene.texts().iter().any(|text| text.starts_with(&push))
        });
        assert_eq!(turns.count(), 1, "{quiet}");
        scene.shard.rest();
        scene.hear();
    }
}

/// Commands of this kind for so many channels.
fn commands(what: &str, channels: std::ops::Range<usize>) -> String {
    let command = |n| format!(r#"{{"id":2,"{what}":{{"channel":"t{n}"}}}}"#);
    channels.map(command).collect::<Vec<_>>().join("\n")
}

fn thousands() -> Config {
    Config {
        subscriptions_max: SUBSCRIPTIONS_CEILING,
        ..Config::default()
    }
}

#[test]
fn topics_that_all_change_in_a_turn_make_one_write_for_each_connection() {
    let mut scene = Scene::connected(thousands());
    let clients = [scene.client, scene.another(), scene.another()];
    for (client, count) in clients.into_iter().zip([20, 20, 200]) {
        scene.say_as(client, &commands("subscribe", 0..count));
    }
    for tick in 0..5 {
        for client in clients {
            scene.shard.take(client);
            scene.shard.take_writes(client);
        }
        for topic in 0..20 {
            publish(&mut scene, &format!("t{topic}"));
        }
        scene.shard.turn();
        for client in clients {
            assert_eq!(scene.texts_as(client).len(), 20, "tick {tick}");
            assert_eq!(scene.shard.take_writes(client), 1, "tick {tick}");
        }
        scene.shard.rest();
        assert_eq!(
            clients.map(|client| scene.shard.take_writes(client)),
            [0; 3]
        );
    }
}

#[test]
fn a_client_with_many_topics_gets_each_message_once_whatever_it_does() {
    const TOPICS: usize = 2 * SLICES;
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut scene = Scene::connected(thousands());
        scene.ask(&commands("subscribe", 0..TOPICS));
        let mut subscribed = [true; TOPICS];
        let mut due: HashMap<String, Vec<u32>> = HashMap::new();
        let mut got: HashMap<String, Vec<u32>> = HashMap::new();
        for number in 0..1_500 {
            let topic = rng.below(TOPICS);
            let channel = format!("t{topic}");
            match rng.below(40) {
                0 => {
                    // What was not sent of it is not, so all is taken first.
                    scene.shard.block(false, &[scene.client]);
                    scene.shard.rest();
                    let what = if subscribed[topic] {
                        "unsubscribe"
                    } else {
                        "subscribe"
                    };
                    scene.say(&commands(what, topic..topic + 1));
                    subscribed[topic] = !subscribed[topic];
                }
                1 => scene.shard.take_at_most(rng.below(400)),
                2 => scene.shard.block(false, &[scene.client]),
                3..10 => drop(scene.shard.turn()),
                _ => {
                    publish_number(&mut scene, &channel, number);
                    if subscribed[topic] {
                        due.entry(channel).or_default().push(number);
                    }
                }
            }
        }
        scene.shard.block(false, &[scene.client]);
        scene.shard.rest();
        for text in scene.texts() {
            let told: serde_json::Value = serde_json::from_str(&text).unwrap();
            if let Some(channel) = told["push"]["channel"].as_str() {
                let number = told["push"]["pub"]["data"].as_u64().unwrap();
                let got = got.entry(channel.to_owned()).or_default();
                got.push(u32::try_from(number).unwrap());
            }
        }
        assert_eq!(got, due, "seed {seed}");
    }
}

#[test]
fn a_storm_of_subscribing_goes_on_turn_by_turn_beside_another_client() {
    let mut scene = Scene::connected(thousands());
    let other = scene.another();
    let share = usize::try_from(WORK_PER_SHARE).unwrap();
    scene.shard.core.limit_work(share, share);
    let all = 1_500;
    scene
        .shard
        .read(scene.client, text(&commands("subscribe", 0..all)));
    scene.shard.turn();
    let first = scene.texts().len();
    let most = 2 * share / WORK_OF_SUBSCRIBING + 1;
    assert!(0 < first && first <= most, "{first} in a turn");
    scene
        .shard
        .read(other, text(r#"{"id":2,"subscribe":{"channel":"other"}}"#));
    scene.shard.turn();
    assert_eq!(scene.texts_as(other).len(), 1);
    scene.shard.rest();
    let told = scene.texts();
    let answers = told
        .iter()
        .filter(|text| text.contains(r#""subscribe":{}"#));
    assert_eq!(first + answers.count(), all);
}

/// Subscriptions that end at once but for the grace.
struct Brief;

impl Handler for Brief {
    opens_sessions!();

    fn on_subscribe(
        &mut self,
        _: &mut Cx<'_, (), Answer>,
        _: &SubscribeCommand<'_>,
    ) -> Result<Subscribed, Failure> {
        let mut subscribed = Subscribed::default();
        subscribed.expires_at = Some(1);
        Ok(subscribed)
    }
}

#[test]
fn subscriptions_that_end_together_go_on_turn_by_turn_beside_another_client() {
    let mut scene = Scene::of(Shard::of(thousands(), Brief));
    scene.ask(CONNECT);
    let other = scene.another();
    let all = 1_000;
    scene.ask(&commands("subscribe", 0..all));
    scene.shard.pass(SESSION_GRACE + Duration::from_secs(1));
    scene.shard.turn();
    let mut ended = ends(&scene.texts());
    assert!(0 < ended && ended <= EXPIRIES_PER_STEP, "{ended} in a turn");
    scene
        .shard
        .read(other, text(r#"{"id":2,"subscribe":{"channel":"other"}}"#));
    scene.shard.turn();
    let told = scene.texts_as(other);
    assert!(
        told.iter().any(|text| text.contains("subscribe")),
        "{told:?}"
    );
    for _ in 0..all {
        scene.shard.turn_and_wait(Duration::from_millis(1));
    }
    ended += ends(&scene.texts());
    assert_eq!(ended, all);
}

/// How many subscriptions have ended, as a client is told.
fn ends(told: &[String]) -> usize {
    told.iter()
        .filter(|text| text.contains(r#""unsubscribe":{"code":2501"#))
        .count()
}
