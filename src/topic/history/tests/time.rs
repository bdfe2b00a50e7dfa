//! What time does to a history: messages first, then positions, so many in each turn.

use super::*;
use crate::time::TICK_MS;

#[test]
fn messages_go_before_their_position() {
    let (topic, settings) = (topic("a"), settings(3));
    let mut bench = Bench::new(usize::MAX);
    let position = bench.publish(&topic, &settings);
    bench.wait(Duration::from_secs(60));
    let start = bench.start(&topic, &settings, Since::Last(1));
    assert!(start.page.is_some(), "a tick is not over yet");
    bench.wait(Duration::from_millis(TICK_MS));
    let start = bench.start(&topic, &settings, Since::Last(1));
    assert!(start.page.is_none() && start.position == position);
    assert!(
        !bench
            .start(&topic, &settings, Since::Position(position))
            .has_gap
    );
    assert_eq!((bench.history.entries(), bench.history.topics()), (0, 1));
    bench.wait(Duration::from_secs(3600 - 60));
    let gone = bench.start(&topic, &settings, Since::Position(position));
    assert!(gone.has_gap && gone.position.offset == 0);
    assert_ne!(
        gone.position.epoch, position.epoch,
        "what follows is another order"
    );
    assert_eq!((bench.history.bytes(), bench.history.deadline()), (0, None));
}

#[test]
fn a_message_whose_time_is_over_is_not_shown_although_it_was_not_taken_away() {
    let (topic, settings) = (topic("a"), settings(3));
    let mut bench = Bench::new(usize::MAX);
    let first = bench.publish(&topic, &settings);
    bench.wait(Duration::from_secs(50));
    let second = bench.publish(&topic, &settings);
    bench.now = bench.now.plus(Duration::from_secs(20));
    let start = bench.start(&topic, &settings, Since::Position(first));
    assert_eq!(start.page.unwrap().entries.len(), 1);
    let (has_gap, entries, _) = bench.read_all(&topic, &settings, Since::Last(5));
    assert_eq!((has_gap, offsets(&entries)), (false, vec![2]));
    let before = Position { offset: 0, ..first };
    assert!(
        bench
            .start(&topic, &settings, Since::Position(before))
            .has_gap
    );
    bench.now = bench.now.plus(Duration::from_secs(50));
    let start = bench.start(&topic, &settings, Since::Position(second));
    assert!(!start.has_gap && start.page.is_none());
    assert!(
        bench
            .start(&topic, &settings, Since::Position(first))
            .has_gap
    );
    assert_eq!(bench.history.entries(), 2);
}

#[test]
fn a_turn_takes_away_no_more_than_its_budget_and_the_next_comes_at_once() {
    let settings = settings(100);
    let mut bench = Bench::new(usize::MAX);
    for number in 0..50 {
        let topic = topic(&number.to_string());
        for _ in 0..10 {
            bench.publish(&topic, &settings);
        }
    }
    bench.now = bench.history.deadline().unwrap();
    for left in (0..50).rev() {
        assert!(bench.history.deadline().unwrap() <= bench.now);
        bench.history.pass_time(bench.now, 10);
        assert_eq!(bench.history.entries(), 10 * left);
    }
    bench.history.pass_time(bench.now, 10);
    assert!(bench.now < bench.history.deadline().unwrap());
    assert_eq!(bench.history.topics(), 50);
    bench.now = bench.history.deadline().unwrap();
    for left in [40, 30, 20, 10, 0] {
        bench.history.pass_time(bench.now, 10);
        assert_eq!(bench.history.topics(), left);
    }
    bench.history.pass_time(bench.now, 1);
    assert_eq!((bench.history.deadline(), bench.history.bytes()), (None, 0));
}

#[test]
fn topics_of_different_times_go_each_at_its_own() {
    let mut bench = Bench::new(usize::MAX);
    let mut topics = Vec::new();
    for seconds in [5, 1, 9, 3, 7] {
        let mut settings = settings(1);
        let history = settings.history.as_mut().unwrap();
        history.ttl = Duration::from_secs(seconds);
        history.meta_ttl = Duration::from_secs(2 * seconds);
        let topic = topic(&seconds.to_string());
        bench.publish(&topic, &settings);
        topics.push(topic);
    }
    bench.wait(Duration::from_millis(TICK_MS));
    for second in 1..=20 {
        bench.wait(Duration::from_secs(1));
        let times = [1, 3, 5, 7, 9];
        let left = |factor| times.iter().filter(|time| second < factor * **time).count();
        assert_eq!(bench.history.entries(), left(1), "{second}");
        assert_eq!(bench.history.topics(), left(2), "{second}");
    }
}

#[test]
fn a_topic_whose_settings_change_has_the_new_time_from_its_next_message() {
    let (topic, mut settings) = (topic("a"), settings(5));
    let mut bench = Bench::new(usize::MAX);
    bench.publish(&topic, &settings);
    settings.history.as_mut().unwrap().ttl = Duration::from_secs(5);
    bench.publish(&topic, &settings);
    bench.wait(Duration::from_secs(6));
    assert_eq!(bench.history.entries(), 0);
    settings.history.as_mut().unwrap().is_keyed = true;
    bench.publish_with(&topic, &settings, Some(of_key("k")));
    assert_eq!(bench.history.entries(), 1);
}

#[test]
fn memory_of_topics_that_are_gone_is_given_back() {
    let settings = settings(2);
    let mut bench = Bench::new(usize::MAX);
    for number in 0..20_000 {
        let topic = topic(&number.to_string());
        bench.publish(&topic, &settings);
    }
    let of = |bench: &mut Bench| {
        let mut entries = 0;
        bench.history.each_table(|table| {
            table.give_back();
            entries += table.entries();
        });
        entries
    };
    assert!(20_000 <= of(&mut bench));
    bench.wait(Duration::from_secs(4000));
    let left = topic("left");
    bench.publish(&left, &settings);
    assert!(of(&mut bench) < 2 * 1_024);
    let (_, entries, _) = bench.read_all(&left, &settings, Since::Last(2));
    assert_eq!(entries.len(), 1);
}
