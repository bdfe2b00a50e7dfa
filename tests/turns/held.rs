//! Topics whose messages wait for a tick: they go out together, and what was taken is not lost.

use std::sync::Arc;
use std::time::Duration;

use corecast::limits::HELD_PER_TOPIC_MAX;
use corecast::payload::Payload;
use corecast::shard::mail::{Origin, Publication, ToHome};
use corecast::{Config, ConnId, Flush, Kind, Namespaces, Topic, TopicSettings};

use crate::shard::Shard;

const TICK: Duration = Duration::from_millis(33);

fn namespaces(is_latest: Option<bool>) -> Namespaces {
    let settings = TopicSettings {
        flush: is_latest.map(|is_latest| Flush {
            every: TICK,
            is_latest,
        }),
        ..TopicSettings::default()
    };
    Namespaces::new(settings, Vec::new())
}

/// A shard with ticks, and a subscriber.
fn scene(is_latest: bool) -> (Shard, ConnId) {
    let mut shard = Shard::new(Config {
        namespaces: namespaces(Some(is_latest)),
        ..Config::default()
    });
    let client = shard.upgrade("/sub/a", "");
    (shard, client)
}

fn publish(shard: &mut Shard, text: &str) {
    let publication = Publication::new(
        Topic::new("a").unwrap(),
        Payload {
            kind: Kind::Text,
            bytes: Arc::from(text.as_bytes()),
        },
        Origin::Handle,
    );
    let back = shard.core.handle_to_home(ToHome::Publish(publication));
    assert!(back.is_none());
    shard.rest();
}

fn frames(texts: &[&str]) -> Vec<u8> {
    let frames = texts.iter().map(|text| {
        let len = u8::try_from(text.len()).unwrap();
        [&[0x81, len], text.as_bytes()].concat()
    });
    frames.collect::<Vec<_>>().concat()
}

#[test]
fn messages_go_out_together_at_the_tick() {
    let (mut shard, client) = scene(false);
    for text in ["1", "2", "3"] {
        publish(&mut shard, text);
    }
    assert_eq!(shard.take(client), b"");
    shard.wait(TICK);
    assert_eq!(shard.take(client), frames(&["1", "2", "3"]));
    shard.wait(TICK);
    publish(&mut shard, "4");
    assert_eq!(shard.take(client), b"");
    shard.wait(TICK);
    assert_eq!(shard.take(client), frames(&["4"]));
}

#[test]
fn only_the_newest_message_of_a_tick_goes_out_where_that_is_wanted() {
    let (mut shard, client) = scene(true);
    for text in ["1", "2", "3"] {
        publish(&mut shard, text);
    }
    shard.wait(TICK);
    assert_eq!(shard.take(client), frames(&["3"]));
}

#[test]
fn more_messages_than_may_wait_go_out_at_once() {
    let (mut shard, client) = scene(false);
    let texts = vec!["x"; HELD_PER_TOPIC_MAX + 1];
    for text in &texts {
        publish(&mut shard, text);
    }
    assert_eq!(shard.take(client), frames(&texts));
}

#[test]
fn a_drain_sends_what_waits_before_it_closes() {
    let (mut shard, client) = scene(false);
    publish(&mut shard, "last");
    shard.core.begin_drain();
    publish(&mut shard, "later");
    for _ in 0..20 {
        shard.wait(TICK);
    }
    let sent = shard.take(client);
    assert!(sent.starts_with(&frames(&["last", "later"])), "{sent:?}");
    let goodbye = b"server shuts down; retry-after=1s";
    assert!(sent.ends_with(goodbye), "{sent:?}");
}

#[test]
fn messages_of_a_topic_without_ticks_any_more_go_behind_those_that_wait() {
    let (mut shard, client) = scene(false);
    publish(&mut shard, "1");
    shard.core.set_namespaces(namespaces(None));
    publish(&mut shard, "2");
    assert_eq!(shard.take(client), frames(&["1", "2"]));
}
