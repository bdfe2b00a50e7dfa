//! Subscriptions that a client has not asked for.

use corecast::limits::SUBSCRIPTIONS_MAX;
use corecast::{ConnectCommand, Connected, Cx, Failure, Handler, ServerSubscription};

use super::*;
use crate::shard::Answer;

/// Subscribes each client to so many topics when it connects, and to others when it asks.
pub(super) struct Subscribing(pub(super) usize);

impl Handler for Subscribing {
    opens_sessions!();

    fn on_connect(
        &mut self,
        _: &mut Cx<'_, (), Answer>,
        _: &ConnectCommand<'_>,
    ) -> Result<Connected, Failure> {
        let mut connected = Connected::default();
        let topics = (0..self.0).map(|n| ServerSubscription::new(format!("t{n}")));
        connected.subscriptions.extend(topics);
        Ok(connected)
    }

    fn on_send(&mut self, cx: &mut Cx<'_, (), Answer>, data: &[u8]) -> Result<(), Failure> {
        match data {
            b"1" => cx.subscribe("more")?,
            _ => cx.unsubscribe("more"),
        }
        Ok(())
    }
}

pub(super) fn forced(mut config: Config) -> Config {
    let settings = config.namespaces.of("t0").clone();
    let settings = TopicSettings {
        force_recovery: true,
        ..settings
    };
    config.namespaces = Namespaces::new(settings, Vec::new());
    config
}

#[test]
fn a_client_is_connected_when_all_its_subscriptions_are_live() {
    let mut scene = Scene::of(Shard::of(Config::default(), Subscribing(3)));
    let told = scene.ask(CONNECT);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains(r#""subs":{"t0":{},"t1":{},"t2":{}}"#),
        "{told:?}"
    );
    let publisher = scene.shard.upgrade("/", "");
    scene.say_as(publisher, r#"{"id":1,"connect":{}}"#);
    scene.shard.take(publisher);
    scene.hear();
    scene.say_as(publisher, r#"{"id":2,"publish":{"channel":"t1","data":1}}"#);
    let told = scene.texts();
    assert!(
        told[0].starts_with(r#"{"push":{"channel":"t1","pub":{"data":1"#),
        "{told:?}"
    );
}

#[test]
fn the_answer_to_connect_waits_for_homes_of_other_shards() {
    let mut shard = Shard::among(2, Config::default(), Subscribing(20));
    let client = shard.upgrade(PATH, "");
    let mut scene = Scene { shard, client };
    scene.say(&format!("{CONNECT}\n{{\"id\":2,\"rpc\":{{}}}}"));
    assert_eq!(scene.hear(), []);
    scene
        .shard
        .wait(corecast::limits::HANDSHAKE_TIMEOUT + Duration::from_secs(1));
    assert_eq!(scene.hear(), [close(3004, "internal server error")]);
}

#[test]
fn a_client_that_comes_back_recovers_them_with_its_connect() {
    let mut scene = Scene::of(Shard::of(forced(with_history(3)), Subscribing(2)));
    let told = scene.ask(CONNECT);
    let told: serde_json::Value = serde_json::from_str(&told[0]).unwrap();
    let epoch = told["connect"]["subs"]["t0"]["epoch"]
        .as_str()
        .unwrap()
        .to_owned();
    for n in 1..=5 {
        scene.say(&format!(
            r#"{{"id":2,"publish":{{"channel":"t0","data":{n}}}}}"#
        ));
    }
    scene.hear();
    for (offset, recovered, missed) in [(3, true, 2), (1, false, 0)] {
        let client = scene.shard.upgrade(PATH, "");
        scene.say_as(
            client,
            &format!(
                r#"{{"id":1,"connect":{{"subs":{{"t0":{{"recover":true,"offset":{offset},"epoch":"{epoch}"}}}}}}}}"#
            ),
        );
        let told = scene.hear_as(client);
        let Some((Told::Text(told), pushes)) = told.split_first() else {
            panic!("{told:?}");
        };
        let told: serde_json::Value = serde_json::from_str(told).unwrap();
        let result = &told["connect"]["subs"]["t0"];
        assert_eq!(result["publications"], serde_json::Value::Null);
        assert_eq!(result["recovered"].as_bool().unwrap_or_default(), recovered);
        assert_eq!(result["was_recovering"], true);
        assert_eq!(pushes.len(), missed, "{pushes:?}");
    }
}

#[test]
fn too_many_of_them_have_a_code_of_their_own() {
    let app = Subscribing(SUBSCRIPTIONS_MAX + 1);
    let mut scene = Scene::of(Shard::of(Config::default(), app));
    scene.say(CONNECT);
    assert_eq!(scene.hear(), [close(3505, "channel limit")]);
}

#[test]
fn thousands_of_them_are_live_before_their_client_is_told() {
    const COUNT: usize = 5_000;
    let config = Config {
        subscriptions_max: COUNT,
        ..forced(with_history(3))
    };
    let mut shard = Shard::of(config, Subscribing(COUNT));
    // The second finds all topics live.
    for _ in 0..2 {
        let client = shard.upgrade(PATH, "");
        shard.read(client, text(CONNECT));
        shard.rest();
        let told = heard(shard.take(client));
        let [Told::Text(told)] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(told.matches(r#""recoverable":true"#).count(), COUNT);
        shard.core.audit();
    }
}

#[test]
fn a_client_is_told_of_those_that_begin_and_end_later() {
    let mut scene = Scene::of(Shard::of(Config::default(), Subscribing(0)));
    scene.say(CONNECT);
    scene.hear();
    let told = scene.ask(r#"{"send":{"data":1}}"#);
    assert_eq!(told, [r#"{"push":{"channel":"more","subscribe":{}}}"#]);
    let told = scene.ask(r#"{"send":{"data":0}}"#);
    let push =
        r#"{"push":{"channel":"more","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}"#;
    assert_eq!(told, [push]);
}
