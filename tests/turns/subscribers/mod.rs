//! Topics that may have only so many subscribers.

mod pair;

use std::time::Duration;

use corecast::auth::Denial;
use corecast::counters::Limit;

use crate::frame;
use crate::shard::topics_at;
use crate::subscribers::pair::{Pair, UPGRADE};
use crate::users::closes_with;

const REASON: &str = "the topic has too many subscribers";

#[test]
fn a_topic_has_no_more_subscribers_than_it_may_have_on_all_shards_together() {
    for order in [[0, 0, 0], [0, 1, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]] {
        let mut pair = Pair::new(Some(2), false);
        let [first, second, third] = order;
        let client = pair.open(first);
        pair.open(second);
        let answer = pair.is_refused(third);
        assert!(answer.trim_end().ends_with(REASON), "{order:?}: {answer}");
        let denied = pair.shards[third].counters().denied;
        assert_eq!(denied[Denial::SubscriberLimit.index()], 1, "{order:?}");
        let limits = pair.shards[1].counters().limited;
        assert_eq!(limits[Limit::Subscribers.index()], 1, "{order:?}");
        assert_eq!(pair.told.take(), ["refused"]);
        pair.end(first, client);
        pair.open(third);
        assert_eq!(pair.counted(), 2, "{order:?}");
    }
}

#[test]
fn each_protocol_says_that_a_topic_is_full() {
    for at in [0, 1] {
        let mut pair = Pair::new(Some(1), false);
        pair.open(at);
        let events = pair.ask(at, "Accept: text/event-stream\r\nOrigin: http://a\r\n");
        pair.settle();
        let answer = pair.take(at, events);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let page = "Access-Control-Allow-Origin: http://a\r\n";
        assert!(answer.contains(page), "a page may read it: {answer}");
        assert!(answer.contains("retry: "), "{answer}");
        assert!(answer.contains(&format!(": 503 {REASON}")), "{answer}");
        let topic = pair.topic.clone();
        pair.shards[at].connect_tcp(&topic);
        pair.settle();
        assert_eq!(pair.told.take(), ["refused", "refused"]);
        assert_eq!(pair.counted(), 1);
    }
}

#[test]
fn a_connection_that_is_open_closes_when_the_topic_it_names_is_full() {
    let mut pair = Pair::new(Some(1), false);
    let topic = pair.topic.clone();
    for (at, other) in topics_at(1).skip(1).take(2).enumerate() {
        pair.topic = other.to_string();
        let client = pair.open(at);
        pair.shards[at].read(client, frame(0x81, topic.as_bytes()));
        pair.settle();
        let word = pair.shards[at].take(client);
        assert_eq!(closes_with(&word, 1013, REASON), at == 1, "{at}");
    }
    assert_eq!(pair.told.take(), ["subscriber_limit"]);
}

#[test]
fn a_subscriber_that_goes_while_the_home_answers_leaves_the_count_as_it_was() {
    for (others, told) in [(0, false), (0, true), (1, false), (1, true)] {
        let mut pair = Pair::new(Some(1), false);
        let others: Vec<_> = (0..others).map(|_| pair.open(1)).collect();
        let client = pair.ask(0, UPGRADE);
        pair.tell_home();
        pair.hear_home();
        if told {
            pair.tell_home();
        }
        pair.end(0, client);
        assert_eq!(pair.counted(), others.len(), "{told}");
        pair.is_refused_if(!others.is_empty());
    }
}

#[test]
fn a_room_is_told_of_no_subscriber_that_is_refused() {
    for at in [0, 1] {
        let mut pair = Pair::new(Some(1), true);
        let client = pair.open(at);
        pair.is_refused(at);
        assert_eq!(pair.told.take(), ["join", "refused"]);
        // It goes before it hears that it is refused.
        let late = pair.ask(at, UPGRADE);
        pair.end(at, late);
        let told = pair.told.take();
        assert!(
            !told.iter().any(|told| told == "join" || told == "leave"),
            "{told:?}"
        );
        pair.end(at, client);
        assert!(pair.told.take().contains(&"leave".to_owned()));
    }
}

#[test]
fn a_limit_changes_at_once_and_a_first_one_holds_when_all_have_left() {
    let mut pair = Pair::new(Some(1), false);
    pair.open(1);
    pair.is_refused(0);
    pair.set_limit(Some(2));
    pair.open(0);
    pair.is_refused(1);
    pair.set_limit(None);
    pair.open(0);
    pair.set_limit(Some(2));
    pair.is_refused(0);
    let mut pair = Pair::new(None, false);
    let clients = [1, 1].map(|at| (at, pair.open(at)));
    pair.set_limit(Some(1));
    let third = pair.open(1);
    for (at, client) in clients.into_iter().chain([(1, third)]) {
        pair.end(at, client);
    }
    // Until the shard has forgotten the topic, it is as it was.
    pair.shards[1].wait(Duration::from_secs(3));
    pair.open(1);
    pair.is_refused(1);
}
