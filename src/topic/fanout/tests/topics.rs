//! Topics by name and by handle, and the table of their keys.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::id::{ConnKey, ShardId};
use crate::limits::TABLE_ENTRIES_KEPT;
use crate::payload::{ClientEvent, Entry, Extra, Form, Payload};
use crate::proto::Kind;
use crate::proto::centrifuge::Wire;
use crate::proto::ws::deflate::Compression;
use crate::time::{Micros, Now};
use crate::topic::fanout::{Fanout, Member, Place};
use crate::topic::sink::Sock;
use crate::topic::{Hashed, Topic};

/// Topics with these numbers as names, and one subscriber each.
fn fanout_of(numbers: std::ops::Range<usize>) -> (Fanout, Vec<Topic>) {
    let mut fanout = Fanout::new(Compression::default());
    let topics = numbers.map(|number| Topic::new(number.to_string()).unwrap());
    let topics: Vec<Topic> = topics.collect();
    for topic in &topics {
        let key = fanout.add(topic, ShardId::default());
        fanout.subscribe(key, ConnKey(0));
    }
    (fanout, topics)
}

#[test]
fn a_topic_with_subscribers_is_found_by_its_name() {
    let (fanout, topics) = fanout_of(0..3);
    let of_name = |name| fanout.of_name(Hashed::of(name).unwrap());
    assert!(std::ptr::eq(of_name("1").unwrap().name(), topics[1].name()));
    assert_eq!(of_name("3"), None);
}

#[test]
fn topics_are_found_when_the_table_of_their_keys_has_become_smaller() {
    let (mut fanout, topics) = fanout_of(0..100 * TABLE_ENTRIES_KEPT);
    let (gone, left) = topics.split_at(topics.len() - 10);
    let now = Now::default();
    for topic in gone {
        let key = fanout.find(topic).unwrap();
        fanout.unsubscribe(key, now);
    }
    let mut budget = usize::MAX;
    while fanout
        .forget_next(now, Duration::ZERO, &mut budget)
        .is_some()
    {}
    let mut entries = Vec::new();
    fanout.each_table(|table| {
        table.give_back();
        entries.push(table.entries());
    });
    assert!(entries[0] <= TABLE_ENTRIES_KEPT, "{entries:?}");
    assert!(gone.iter().all(|topic| fanout.find(topic).is_none()));
    for topic in left {
        let key = fanout.find(topic).unwrap();
        assert_eq!(fanout.topic(key).unwrap().topic, *topic);
    }
}

#[test]
fn events_of_a_topic_have_subscribers_and_a_log_of_their_own() {
    let (mut fanout, topics) = fanout_of(0..1);
    let (topic, now) = (&topics[0], Now::default());
    assert!(fanout.topics.of_events() == 0 && fanout.find_events(topic).is_none());
    let messages = fanout.find(topic).unwrap();
    let events = fanout.events(topic, ShardId::default());
    assert_eq!(fanout.events(topic, ShardId::default()), events);
    assert_eq!(fanout.find(topic), Some(messages));
    assert_eq!(fanout.topics(), 1, "it is no topic of messages");
    assert!(fanout.subscribe(events, ConnKey(0)), "live without a home");
    let form = Form::WebSocket.structured(Wire::Json);
    let places = [messages, events].map(|topic| {
        let index = fanout.join(topic, form, Member::new(Sock(0), ConnKey(0)));
        let index = index.unwrap();
        Place { topic, form, index }
    });
    let extra = Extra {
        info: Some(Arc::default()),
        event: Some(ClientEvent::Left),
        ..Extra::default()
    };
    let payload = Payload {
        kind: Kind::Text,
        bytes: &b""[..],
    };
    let entry = Entry::new(None, payload, Some(&extra));
    let config = Config::default();
    assert!(fanout.make_space(events, entry, &config).is_ok());
    assert_eq!(
        fanout
            .append(events, entry, now, Micros::default(), None)
            .members,
        1
    );
    assert_eq!(fanout.tail(places[0]), b"");
    let expected = br#"{"push":{"channel":"0","leave":{"info":{"user":"","client":""}}}}"#;
    assert!(fanout.tail(places[1]).ends_with(expected));
    for place in places {
        fanout.leave(place);
        fanout.unsubscribe(place.topic, now);
    }
    let mut budget = usize::MAX;
    let mut forget = || fanout.forget_next(now, Duration::ZERO, &mut budget);
    let forgotten = [forget(), forget()].map(|forgotten| forgotten.unwrap());
    let are_of_events = forgotten.map(|(_, local)| local.is_of_events);
    assert_eq!(are_of_events, [false, true]);
    assert_eq!(fanout.topics.of_events(), 0);
}
