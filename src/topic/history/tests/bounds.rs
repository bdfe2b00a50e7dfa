//! What a ring keeps, and its edges.

use super::super::Filter;
use super::super::ring::DROPPED_PER_MESSAGE;
use super::*;
use crate::config::{Namespaces, Scope};
use crate::limits::PAGE_BYTES_MAX;
use crate::position::Epoch;

#[test]
fn positions_at_the_edges_of_a_ring() {
    let (topic, settings) = (topic("a"), settings(3));
    let mut bench = Bench::new(usize::MAX);
    for _ in 0..5 {
        bench.publish(&topic, &settings);
    }
    let top = bench.start(&topic, &settings, Since::Default).position;
    for (offset, has_gap, expected) in [
        (0, true, vec![]),
        (1, true, vec![]),
        (2, false, vec![3, 4, 5]),
        (3, false, vec![4, 5]),
        (5, false, vec![]),
        (6, true, vec![]),
        (u64::MAX, true, vec![]),
    ] {
        let since = Since::Position(Position { offset, ..top });
        let (told, entries, end) = bench.read_all(&topic, &settings, since);
        assert_eq!((told, offsets(&entries)), (has_gap, expected), "{offset}");
        assert_eq!(end, top);
    }
    let epoch = Epoch::new(7);
    for since in [Since::Foreign, Since::Position(Position { epoch, ..top })] {
        let start = bench.start(&topic, &settings, since);
        assert!(start.has_gap && start.page.is_none() && start.position == top);
    }
}

#[test]
fn a_topic_that_was_never_written_has_a_position_without_memory() {
    let (topic, settings) = (topic("a"), settings(3));
    let mut bench = Bench::new(usize::MAX);
    let start = bench.start(&topic, &settings, Since::Default);
    assert!(!start.has_gap && start.page.is_none() && start.position.offset == 0);
    let again = bench.start(&topic, &settings, Since::Position(start.position));
    assert!(!again.has_gap && again.position == start.position);
    assert!(bench.start(&topic, &settings, Since::Foreign).has_gap);
    assert_eq!(bench.history.bytes(), 0);
    let first = bench.publish(&topic, &settings);
    assert_eq!((first.epoch, first.offset), (start.position.epoch, 1));
    let (has_gap, entries, _) = bench.read_all(&topic, &settings, Since::Position(start.position));
    assert_eq!((has_gap, offsets(&entries)), (false, vec![1]));
}

#[test]
fn a_topic_without_a_history_has_no_position() {
    let (topic, settings) = (topic("a"), TopicSettings::default());
    let mut history = History::new(usize::MAX);
    let now = Now::default();
    let never = || unreachable!("nothing is kept");
    assert_eq!(history.place(&topic, &settings, never, None, now), None);
    assert_eq!(history.pass_over(&topic, &settings, now), None);
    assert!(
        history
            .start(&topic, &settings, Since::Default, now)
            .is_none()
    );
    assert_eq!((history.topics(), history.deadline()), (0, None));
}

#[test]
fn topics_whose_history_is_switched_off_are_forgotten() {
    let with = settings(3);
    let mut bench = Bench::new(usize::MAX);
    let topics = ["on:1", "off:1", "on:2", "off:2", "off:3"].map(topic);
    let positions = topics.each_ref().map(|topic| bench.publish(topic, &with));
    // What was published to it while it had no history would be missed.
    let unwritten = topic("unwritten");
    let before = bench.start(&unwritten, &with, Since::Default).position;
    let on = vec![(Scope::name("on").unwrap(), with.clone())];
    let namespaces = Namespaces::new(TopicSettings::default(), on);
    bench.history.forget_without(&namespaces);
    bench.history.audit();
    assert_eq!((bench.history.topics(), bench.history.entries()), (2, 2));
    for (topic, position) in topics.iter().zip(positions) {
        let start = bench.start(topic, &with, Since::Position(position));
        assert_eq!(start.has_gap, topic.name().starts_with("off"), "{topic}");
    }
    let start = bench.start(&unwritten, &with, Since::Position(before));
    assert!(start.has_gap);
}

#[test]
fn the_newest_message_is_kept_however_long_it_is() {
    let (topic, mut settings) = (topic("a"), settings(10));
    settings.history.as_mut().unwrap().bytes_max = 1;
    let mut bench = Bench::new(usize::MAX);
    for _ in 0..3 {
        bench.publish(&topic, &settings);
        bench.history.pass_over(&topic, &settings, bench.now);
    }
    let (_, entries, _) = bench.read_all(&topic, &settings, Since::Last(9));
    assert_eq!(offsets(&entries), [5]);
}

#[test]
fn what_is_not_kept_is_no_gap() {
    let (topic, settings) = (topic("a"), settings(1));
    let mut bench = Bench::new(usize::MAX);
    let first = bench.publish(&topic, &settings);
    bench.history.pass_over(&topic, &settings, bench.now);
    let start = bench.start(&topic, &settings, Since::Position(first));
    assert!(!start.has_gap && start.page.is_none());
    assert_eq!(start.position.offset, 2);
    bench.publish(&topic, &settings);
    let (has_gap, entries, _) = bench.read_all(&topic, &settings, Since::Position(first));
    assert_eq!((has_gap, offsets(&entries)), (false, vec![3]));
}

#[test]
fn a_page_is_cut_by_its_bytes() {
    let (topic, settings) = (topic("a"), settings(10));
    let mut history = History::new(usize::MAX);
    let now = Now::default();
    let long: Arc<[u8]> = vec![0; PAGE_BYTES_MAX].into();
    for bytes in [long.clone(), Arc::from([0]), long.clone(), long] {
        let kind = Kind::Binary;
        history.place(&topic, &settings, || Payload { kind, bytes }, None, now);
    }
    let mut since = Since::Last(4);
    for (expected, has_more) in [(1, true), (1, true), (1, true), (1, false)] {
        let start = history.start(&topic, &settings, since, now).unwrap();
        let page = start.page.unwrap();
        assert_eq!((page.entries.len(), start.has_more), (expected, has_more));
        since = Since::Position(start.position);
    }
}

#[test]
fn those_that_ask_for_the_same_share_a_page() {
    let (topic, settings) = (topic("a"), settings(10));
    let mut bench = Bench::new(usize::MAX);
    for _ in 0..4 {
        bench.publish(&topic, &settings);
    }
    let page = |bench: &mut Bench, last| {
        let start = bench.start(&topic, &settings, Since::Last(last));
        start.page.unwrap()
    };
    let first = page(&mut bench, 3);
    assert!(Arc::ptr_eq(&first, &page(&mut bench, 3)));
    assert!(!Arc::ptr_eq(&first, &page(&mut bench, 2)));
    bench.publish(&topic, &settings);
    let second = page(&mut bench, 3);
    assert_eq!(offsets(&second.entries), [3, 4, 5]);
    assert!(!Arc::ptr_eq(&first, &second));
}

#[test]
fn a_new_subscriber_gets_the_newest_of_every_key() {
    let (topic, settings) = (topic("a"), keyed(100));
    let mut bench = Bench::new(usize::MAX);
    let mut publish = |extra| bench.publish_with(&topic, &settings, extra);
    publish(Some(of_key("a")));
    publish(Some(of_key("b")));
    publish(None);
    let seen = publish(Some(of_key("c")));
    publish(Some(of_key("a")));
    publish(Some(removal_of("b")));
    publish(None);
    let (_, entries, _) = bench.read_all(&topic, &settings, Since::Default);
    assert_eq!(offsets(&entries), [4, 5, 7]);
    let (has_gap, entries, _) = bench.read_all(&topic, &settings, Since::Position(seen));
    assert_eq!(
        (has_gap, offsets(&entries)),
        (false, vec![5, 6, 7]),
        "with what is gone"
    );
    let (topics, messages) = (bench.history.topics(), bench.history.entries());
    assert_eq!((topics, messages), (1, 4));
}

#[test]
fn what_says_that_a_key_is_gone_is_a_message_as_all_where_keys_do_not_count() {
    let (topic, settings) = (topic("a"), settings(10));
    let mut bench = Bench::new(usize::MAX);
    bench.publish_with(&topic, &settings, Some(of_key("a")));
    bench.publish_with(&topic, &settings, Some(removal_of("a")));
    bench.publish(&topic, &settings);
    let (_, entries, _) = bench.read_all(&topic, &settings, Since::Last(10));
    assert_eq!(offsets(&entries), [1, 2, 3]);
    let history = &mut bench.history;
    let answer = history.read(&topic, &settings, Filter::default(), bench.now);
    assert_eq!(offsets(&answer.unwrap().entries), [1, 2, 3]);
}

#[test]
fn one_key_that_changes_all_the_time_takes_no_more_memory() {
    let (topic, settings) = (topic("a"), keyed(100));
    let mut bench = Bench::new(usize::MAX);
    bench.publish_with(&topic, &settings, Some(of_key("still")));
    for _ in 0..10_000 {
        bench.publish_with(&topic, &settings, Some(of_key("restless")));
    }
    assert_eq!(bench.history.entries(), 2);
    let (_, entries, _) = bench.read_all(&topic, &settings, Since::Last(1));
    assert_eq!(offsets(&entries), [1, 10_001]);
}

#[test]
fn a_history_that_is_made_smaller_loses_a_few_messages_with_each_new_one() {
    let (topic, long, short) = (topic("a"), settings(1_000), settings(1));
    let mut bench = Bench::new(usize::MAX);
    for _ in 0..1_000 {
        bench.publish(&topic, &long);
    }
    while 1 < bench.history.entries() {
        let before = bench.history.entries();
        bench.publish(&topic, &short);
        let lost = before + 1 - bench.history.entries();
        assert!((2..=DROPPED_PER_MESSAGE).contains(&lost), "{lost}");
    }
}

#[test]
fn a_long_message_makes_its_space_in_a_history_that_is_too_large() {
    let (topic, mut settings) = (topic("a"), settings(1_000));
    let mut bench = Bench::new(usize::MAX);
    for _ in 0..1_000 {
        bench.publish(&topic, &settings);
    }
    settings.history.as_mut().unwrap().bytes_max = 1_000;
    let (kind, bytes) = (Kind::Binary, Arc::from([0; 800]));
    let payload = || Payload { kind, bytes };
    bench
        .history
        .place(&topic, &settings, payload, None, bench.now);
    assert_eq!(bench.history.entries(), 1_000 - 100 + 1);
}

#[test]
fn what_a_new_subscriber_passes_over_is_counted() {
    let (topic, settings) = (topic("a"), keyed(10_000));
    let mut bench = Bench::new(usize::MAX);
    bench.publish_with(&topic, &settings, Some(of_key("first")));
    for number in 0..1_000 {
        let removal = removal_of(&number.to_string());
        bench.publish_with(&topic, &settings, Some(removal));
    }
    bench.publish_with(&topic, &settings, Some(of_key("last")));
    assert_eq!(bench.history.take_passed(), 0);
    let start = bench.start(&topic, &settings, Since::Default);
    assert_eq!(offsets(&start.page.unwrap().entries), [1, 1_002]);
    assert_eq!(bench.history.take_passed(), 1_000);
    let filter = Filter::default();
    let history = &mut bench.history;
    let answer = history.read(&topic, &settings, filter, bench.now).unwrap();
    assert_eq!(offsets(&answer.entries), [1, 1_002]);
    assert_eq!((history.take_passed(), history.take_passed()), (1_000, 0));
}
