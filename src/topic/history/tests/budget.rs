//! The memory of all rings of a shard.

use super::*;
use crate::internals::Rng;
use crate::limits::{HISTORY_ENTRY_BYTES, HISTORY_TOPIC_BYTES};

/// What a topic with one message of this file takes.
const ONE: usize = HISTORY_TOPIC_BYTES + HISTORY_ENTRY_BYTES + size_of::<u64>();

fn topics(count: usize) -> Vec<Topic> {
    (0..count)
        .map(|number| topic(&number.to_string()))
        .collect()
}

#[test]
fn the_topics_written_longest_ago_lose_their_messages_first() {
    let (topics, settings) = (topics(12), settings(3));
    let mut bench = Bench::new(10 * ONE);
    for topic in &topics[..10] {
        bench.publish(topic, &settings);
        bench.wait(Duration::from_millis(100));
    }
    assert_eq!(bench.history.dropped(), 0);
    // The first is written again: the second is the oldest then.
    let second = bench.publish(&topics[0], &settings);
    bench.wait(Duration::from_millis(100));
    bench.publish(&topics[10], &settings);
    let kept = |bench: &mut Bench, topic: &Topic| {
        let (_, entries, _) = bench.read_all(topic, &settings, Since::Last(9));
        entries.len()
    };
    assert_eq!(kept(&mut bench, &topics[0]), 2);
    assert_eq!(second.offset, 2);
    let lost = topics
        .iter()
        .take_while(|topic| kept(&mut bench, topic) != 1)
        .count();
    assert!(1 < lost && lost < 9, "{lost}");
    assert_eq!(bench.history.dropped(), lost as u64 - 1);
    assert!(bench.history.bytes() <= 10 * ONE);
    let top = bench.start(&topics[1], &settings, Since::Default).position;
    assert_eq!(top.offset, 1, "the position stays");
    let before = Since::Position(Position { offset: 0, ..top });
    assert!(bench.start(&topics[1], &settings, before).has_gap);
}

#[test]
fn many_new_names_push_out_positions_and_not_all_messages() {
    let (topics, settings) = (topics(1_000), settings(3));
    let mut bench = Bench::new(10 * ONE);
    let mut positions = Vec::new();
    for topic in &topics {
        positions.push(bench.publish(topic, &settings));
        bench.wait(Duration::from_millis(100));
        assert!(bench.history.bytes() <= 10 * ONE);
    }
    assert!(3 <= bench.history.entries(), "half is for messages");
    let start = bench.start(&topics[0], &settings, Since::Position(positions[0]));
    assert!(start.has_gap && start.position.epoch != positions[0].epoch);
    let newest = bench.start(&topics[999], &settings, Since::Position(positions[999]));
    assert!(!newest.has_gap);
}

#[test]
fn a_message_larger_than_the_budget_is_kept_alone() {
    let (topics, settings) = (topics(2), settings(3));
    let mut bench = Bench::new(1);
    for _ in 0..3 {
        for topic in &topics {
            bench.publish(topic, &settings);
            assert_eq!(bench.history.entries(), 1);
        }
    }
    bench.history.pass_over(&topics[0], &settings, bench.now);
    assert!(bench.history.topics() <= 2);
}

#[test]
fn what_is_counted_is_what_is_there() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let topics = topics(20);
        let mut bench = Bench::new(rng.below(30 * ONE));
        for _ in 0..200 {
            let topic = &topics[rng.below(topics.len())];
            let settings = if topic.name().len() == 1 {
                settings(4)
            } else {
                keyed(3)
            };
            let extra = (rng.below(2) == 0).then(|| of_key(["a", "b"][rng.below(2)]));
            match rng.below(8) {
                0 => bench.history.remove(topic),
                1 => bench.wait(Duration::from_secs(rng.below(100) as u64)),
                2 => {
                    bench.history.pass_over(topic, &settings, bench.now);
                }
                _ => {
                    bench.publish_with(topic, &settings, extra);
                }
            }
            bench.history.audit();
            let history = &bench.history;
            assert!(
                history.bytes() <= history.budget || history.entries() <= 1,
                "{seed}"
            );
        }
        bench.wait(Duration::from_secs(10_000));
        assert_eq!((bench.history.bytes(), bench.history.entries()), (0, 0));
    }
}

#[test]
fn a_topic_with_one_key_takes_little_more_than_with_one_message() {
    let (topic, settings) = (topic("a"), keyed(1_000));
    let mut bench = Bench::new(usize::MAX);
    for _ in 0..10_000 {
        bench.publish_with(&topic, &settings, Some(of_key("state")));
    }
    let took = bench.history.bytes() - ONE - of_key("state").weight();
    assert!(took < 300, "{took}");
}

#[test]
fn a_list_gives_its_memory_back_when_most_messages_are_gone() {
    let (topic, long, short) = (topic("a"), keyed(1_000), keyed(1));
    let mut bench = Bench::new(usize::MAX);
    let publish = |bench: &mut Bench, settings, key: usize| {
        let key = of_key(&key.to_string());
        bench.publish_with(&topic, settings, Some(key));
    };
    for key in 0..1_000 {
        publish(&mut bench, &long, key);
    }
    let full = bench.history.bytes();
    for key in 0..1_000 {
        publish(&mut bench, &short, key);
    }
    assert_eq!(bench.history.entries(), 1);
    let left = bench.history.bytes();
    assert!(left < full / 100, "{left} of {full}");
    bench.history.audit();
}
