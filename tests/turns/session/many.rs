//! Clients with more subscriptions than one write has slices for.

use std::sync::Arc;

use corecast::payload::Payload;
use corecast::shard::mail::{Origin, Publication, ToHome};
use corecast::{Kind, Topic};

use super::*;

/// Slices of one write.
const SLICES: usize = 64;

fn publish(scene: &mut Scene, channel: &str) {
    let payload = Payload {
        kind: Kind::Text,
        bytes: Arc::from(&b"1"[..]),
    };
    let topic = Topic::new(channel).unwrap();
    let publication = Publication::new(topic, payload, Origin::Handle);
    let back = scene
        .shard
        .core
        .handle_to_home(ToHome::Publish(publication));
    assert!(back.is_none());
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
