//! Topics by name and by handle, and the table of their keys.

use std::time::Duration;

use crate::id::{ConnKey, ShardId};
use crate::limits::TABLE_ENTRIES_KEPT;
use crate::proto::ws::deflate::Compression;
use crate::time::Now;
use crate::topic::fanout::Fanout;
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
