//! Shared topics at their home, with the backplane in the test's hands.

mod detach;
mod history;

use std::time::Duration;

use corecast::shard::mail::{Arrival, Fill, FromHome, Inward, Outbound, Outward, Space, ToHome};
use corecast::topic::history::Kept;
use corecast::topic::home::Interest;
use corecast::{
    Config, ConnId, First, HistorySettings, Kind, Namespaces, Position, ShardId, Topic,
    TopicSettings,
};

use crate::frame;
use crate::shard::{Shard, topics_at};
use crate::users::{give_space, go_on};

const SPACE: Space = Space {
    messages: 8,
    bytes: 8_000,
};

const LINGER: Duration = Duration::from_secs(5);

fn config(has_history: bool) -> Config {
    let history = HistorySettings {
        entries_max: 100,
        bytes_max: 1 << 20,
        ttl: Duration::from_secs(3600),
        meta_ttl: Duration::from_secs(3600),
        is_keyed: false,
    };
    let settings = TopicSettings {
        history: has_history.then_some(history),
        first: First::Last(10),
        ..TopicSettings::default()
    };
    Config {
        namespaces: Namespaces::new(settings, Vec::new()),
        interest_linger: LINGER,
        ..Config::default()
    }
}

/// The first of two shards, at home with `topic`.
struct Scene {
    shard: Shard,
    topic: Topic,
}

fn at(offset: u64) -> Position {
    let position: Position = "mzxw6ytb:0".parse().unwrap();
    Position { offset, ..position }
}

fn kept(offset: u64, text: &str) -> Kept {
    Kept {
        offset,
        payload: corecast::payload::Payload {
            kind: Kind::Text,
            bytes: text.as_bytes().into(),
        },
        extra: None,
    }
}

impl Scene {
    fn new(has_history: bool) -> Self {
        let relay = corecast::Relay::new(corecast::RelaySettings::default());
        let mut shard = Shard::among(2, config(has_history), relay);
        shard.core.set_backplane();
        give_space(&mut shard);
        let topic = topics_at(0).next().unwrap();
        let mut scene = Self { shard, topic };
        scene.set_space(SPACE);
        scene
    }

    fn set_space(&mut self, space: Space) {
        let mail = self.shard.core.outward().unwrap();
        mail.take_starved();
        mail.set_space(space);
        self.shard.core.note_space();
    }

    /// What the home has for the backplane.
    fn take_outward(&mut self) -> Vec<Outward> {
        go_on(&mut self.shard);
        let mail = self.shard.core.outward().unwrap();
        let taken = std::iter::from_fn(|| mail.pop()).collect();
        self.set_space(SPACE);
        go_on(&mut self.shard);
        taken
    }

    /// The ticket of the only thing that is asked for.
    fn take_attach(&mut self) -> (u32, Option<Position>) {
        match &self.take_outward()[..] {
            [
                Outward::Attach {
                    topic,
                    ticket,
                    since,
                    ..
                },
            ] => {
                assert_eq!(*topic, self.topic);
                (*ticket, *since)
            }
            other => panic!("no attach: {other:?}"),
        }
    }

    fn take_published(&mut self) -> Vec<String> {
        let text =
            |outbound: &Outbound| String::from_utf8(outbound.payload.bytes.to_vec()).unwrap();
        let published = self.take_outward().into_iter().map(|mail| match mail {
            Outward::Publish(outbound) => text(&outbound),
            other => panic!("no message: {other:?}"),
        });
        published.collect()
    }

    /// A subscriber whose greeting may have to wait.
    fn subscribe(&mut self) -> ConnId {
        let path = format!("/ws/{}", self.topic);
        let id = self.shard.connect();
        self.shard
            .read(id, crate::shard::upgrade_request(&path, ""));
        go_on(&mut self.shard);
        id
    }

    fn has_greeting(&mut self, id: ConnId) -> bool {
        self.shard.take(id).starts_with(b"HTTP/1.1 101")
    }

    fn give(&mut self, mail: Inward) -> Option<Inward> {
        let back = self.shard.core.handle_inward(mail);
        go_on(&mut self.shard);
        back
    }

    fn attached(&mut self, ticket: u32, fill: Option<Fill>) {
        let topic = self.topic.clone();
        let attached = Inward::Attached {
            topic,
            ticket,
            fill,
        };
        assert!(self.give(attached).is_none());
    }

    fn arrival(&self, ticket: u32, offset: Option<u64>, text: &str) -> Inward {
        Inward::Message(Box::new(Arrival {
            topic: self.topic.clone(),
            ticket,
            position: offset.map(at),
            message: kept(offset.unwrap_or(0), text),
            skips_history: false,
            excluded: None,
        }))
    }

    fn texts(&mut self, id: ConnId) -> Vec<String> {
        let bytes = self.shard.take(id);
        let mut rest = &bytes[..];
        let mut texts = Vec::new();
        while let [0x81, len, more @ ..] = rest {
            let (text, more) = more.split_at(usize::from(*len));
            texts.push(String::from_utf8(text.to_vec()).unwrap());
            rest = more;
        }
        assert!(rest.is_empty(), "{rest:?}");
        texts
    }

    /// The other shard wants the topic.
    fn want(&mut self) {
        let interest = Interest {
            shard: ShardId::new(1),
            key: corecast::id::TopicKey::default(),
            generation: 1,
            is_pattern: false,
        };
        let topic = self.topic.clone();
        let want = ToHome::Want { topic, interest };
        assert!(self.shard.core.handle_to_home(want).is_none());
    }

    fn take_from_home(&mut self) -> Vec<FromHome> {
        let mail = &mut self.shard.core.mail()[1].from_home;
        let taken = std::iter::from_fn(|| mail.pop()).collect();
        give_space(&mut self.shard);
        taken
    }
}

#[test]
fn a_subscription_is_live_when_its_topic_is_attached() {
    let mut scene = Scene::new(false);
    let id = scene.subscribe();
    assert!(!scene.has_greeting(id));
    let (ticket, since) = scene.take_attach();
    assert_eq!(since, None);
    scene.attached(ticket + 1, None);
    assert!(!scene.has_greeting(id), "that is another attachment");
    scene.attached(ticket, None);
    assert!(scene.has_greeting(id));
    let second = scene.subscribe();
    assert!(scene.has_greeting(second), "it is live");
    assert!(scene.take_outward().is_empty());
}

#[test]
fn another_shard_is_answered_when_the_topic_is_attached() {
    let mut scene = Scene::new(false);
    scene.want();
    let (ticket, _) = scene.take_attach();
    assert!(scene.take_from_home().is_empty());
    scene.attached(ticket, None);
    assert!(matches!(
        scene.take_from_home()[..],
        [FromHome::Live { .. }]
    ));
    // Without space for it, the message stays where it is.
    let none = Space {
        messages: 0,
        bytes: 0,
    };
    scene.shard.core.mail()[1].from_home.set_space(none);
    let message = scene.arrival(ticket, None, "1");
    let back = scene.give(message).expect("there is no space");
    give_space(&mut scene.shard);
    assert!(scene.give(back).is_none());
    assert!(matches!(
        scene.take_from_home()[..],
        [FromHome::Deliver { .. }]
    ));
}

#[test]
fn what_is_published_is_delivered_when_it_comes_back() {
    let mut scene = Scene::new(false);
    let id = scene.subscribe();
    let (ticket, _) = scene.take_attach();
    scene.attached(ticket, None);
    assert!(scene.has_greeting(id));
    scene.shard.read(id, frame(0x81, b"mine"));
    assert_eq!(scene.take_published(), ["mine"]);
    assert!(scene.texts(id).is_empty());
    for text in ["other", "mine"] {
        let arrival = scene.arrival(ticket, None, text);
        assert!(scene.give(arrival).is_none());
    }
    let stale = scene.arrival(ticket + 1, None, "stale");
    assert!(scene.give(stale).is_none());
    assert_eq!(scene.texts(id), ["other", "mine"]);
}

#[test]
fn a_publisher_waits_while_there_is_no_space_to_the_backplane() {
    let mut scene = Scene::new(false);
    let id = scene.subscribe();
    let (ticket, _) = scene.take_attach();
    scene.attached(ticket, None);
    assert!(scene.has_greeting(id));
    scene.set_space(Space {
        messages: 1,
        bytes: 100,
    });
    for text in ["1", "2"] {
        scene.shard.read(id, frame(0x81, text.as_bytes()));
    }
    assert!(!scene.shard.core.wants_bytes(id), "it waits");
    let mail = scene.shard.core.outward().unwrap();
    assert!(mail.pop().is_some() && mail.pop().is_none());
    scene.set_space(SPACE);
    assert_eq!(scene.take_published(), ["2"]);
    assert!(scene.shard.core.wants_bytes(id));
}
