//! One order per topic on every shard, and no message lost after the word that one is subscribed.

use std::thread;
use std::time::Duration;

use corecast::{Config, Kind};
use crossbeam_channel::unbounded;

use crate::support::length_prefix::LengthPrefix;
use crate::support::server::{ANY, Running, builder};
use crate::support::switchboard::{Switchboard, connect_to_each, shard_of};
use crate::support::ws::Ws;

const SHARDS: usize = 4;

/// Gives a subscriber's next message, whatever it speaks.
type Next = Box<dyn FnMut() -> Vec<u8>>;

fn subscribe(server: &Running, over_tcp: bool) -> Next {
    if over_tcp {
        let mut client = LengthPrefix::connect(server.tcp());
        Box::new(move || client.next())
    } else {
        let mut client = Ws::connect(server.http(), "/sub/lobby");
        Box::new(move || client.next_payload())
    }
}

#[test]
fn a_thousand_subscribers_of_four_shards_see_one_order() {
    const SUBSCRIBERS: usize = 1_000;
    const EACH: usize = 100;
    let server = Running::with(builder(SHARDS), Switchboard::new);
    let mut subscribers: Vec<Next> = (0..SUBSCRIBERS)
        .map(|n| subscribe(&server, n % 2 == 0))
        .collect();
    let publishers = connect_to_each(&server, SHARDS);
    thread::scope(|scope| {
        for (shard, mut publisher) in publishers.into_iter().enumerate() {
            scope.spawn(move || {
                for n in 0..EACH {
                    publisher.send_text(&format!("to lobby {shard}:{n}"));
                }
                // Messages that are unread when a connection is closed may be lost.
                assert_eq!(shard_of(&mut publisher), shard);
            });
        }
        scope.spawn(|| {
            for n in 0..EACH {
                let payload = format!("{SHARDS}:{n}");
                server.publish("lobby", Kind::Text, payload.as_bytes());
            }
        });
    });
    let total = EACH * (SHARDS + 1);
    let order: Vec<Vec<u8>> = (0..total).map(|_| subscribers[0]()).collect();
    check_each_publisher(&order);
    for (at, next) in subscribers.iter_mut().enumerate().skip(1) {
        for (place, expected) in order.iter().enumerate() {
            assert_eq!(&next(), expected, "subscriber {at}, place {place}");
        }
    }
}

/// Each publisher's messages stand in their own order.
fn check_each_publisher(order: &[Vec<u8>]) {
    let mut next = [0; SHARDS + 1];
    for message in order {
        let message = std::str::from_utf8(message).unwrap();
        let (publisher, n) = message.split_once(':').unwrap();
        let next = &mut next[publisher.parse::<usize>().unwrap()];
        assert_eq!(n, next.to_string(), "of publisher {publisher}");
        *next += 1;
    }
}

/// Publishes at once on every shard and through the handle, all of which `subscriber` must get.
fn publish_everywhere(server: &Running, publishers: &mut [Ws], topic: &str, round: usize) -> usize {
    for (shard, publisher) in publishers.iter_mut().enumerate() {
        publisher.send_text(&format!("to {topic} {round}:{shard}"));
    }
    let payload = format!("{round}:{}", publishers.len());
    server.publish(topic, Kind::Text, payload.as_bytes());
    publishers.len() + 1
}

fn expect_all(mut next: impl FnMut() -> Vec<u8>, round: usize, count: usize) {
    let mut got: Vec<String> = (0..count)
        .map(|_| String::from_utf8(next()).unwrap())
        .collect();
    got.sort_unstable();
    let expected: Vec<String> = (0..count).map(|n| format!("{round}:{n}")).collect();
    assert_eq!(got, expected);
}

#[test]
fn what_is_published_after_the_101_arrives_from_every_shard() {
    let server = Running::with(builder(SHARDS), Switchboard::new);
    let mut publishers = connect_to_each(&server, SHARDS);
    let mut met = [0; SHARDS];
    for round in 0..300 {
        let topic = format!("fresh-{round}");
        let mut subscriber = Ws::connect(server.http(), &format!("/ws/{topic}"));
        let count = publish_everywhere(&server, &mut publishers, &topic, round);
        expect_all(|| subscriber.next_payload(), round, count);
        met[shard_of(&mut subscriber)] += 1;
    }
    assert!(met.iter().all(|&count| 0 < count), "by shard: {met:?}");
}

#[test]
fn what_is_published_after_the_first_frame_on_tcp_arrives_from_every_shard() {
    let topics: Vec<String> = (0..8).map(|n| format!("tcp-{n}")).collect();
    let config = Config {
        // The topic is forgotten with its last subscriber: each round begins anew.
        interest_linger: Duration::ZERO,
        ..Config::default()
    };
    let listening = topics
        .iter()
        .fold(builder(SHARDS), |server, topic| server.tcp(ANY, topic));
    let server = Running::with(listening.config(config), Switchboard::new);
    let mut publishers = connect_to_each(&server, SHARDS);
    for round in 0..200 {
        let at = round % topics.len();
        let mut subscriber = LengthPrefix::connect(server.tcp_addrs()[1 + at]);
        let count = publish_everywhere(&server, &mut publishers, &topics[at], round);
        expect_all(|| subscriber.next(), round, count);
    }
}

#[test]
fn a_subscriber_that_comes_while_others_publish_sees_their_order_without_a_gap() {
    let server = Running::with(builder(SHARDS), Switchboard::new);
    let publishers = connect_to_each(&server, SHARDS);
    let mut steady = Ws::connect(server.http(), "/sub/busy");
    // The steady subscriber is not read while a guest is: so few are published meanwhile that the
    // server leaves none out for it.
    let (tokens, taken) = unbounded();
    thread::scope(|scope| {
        for (shard, mut publisher) in publishers.into_iter().enumerate() {
            let taken = taken.clone();
            scope.spawn(move || {
                for (n, ()) in taken.iter().enumerate() {
                    publisher.send_text(&format!("to busy {shard}:{n}"));
                    // Not faster than the server takes them.
                    assert_eq!(shard_of(&mut publisher), shard);
                }
            });
        }
        // Dropped in here, it ends the publishers, also of a test that fails.
        let tokens = tokens;
        let publish = || (0..200).for_each(|_| tokens.send(()).unwrap());
        let mut order = Vec::new();
        for _ in 0..40 {
            publish();
            let mut guest = Ws::connect(server.http(), "/sub/busy");
            publish();
            let seen: Vec<String> = (0..50).map(|_| guest.next_text()).collect();
            let mut from = None;
            while from.is_none_or(|from| order.len() < from + seen.len()) {
                order.push(steady.next_text());
                if order.last() == Some(&seen[0]) {
                    from = Some(order.len() - 1);
                }
            }
            let from = from.unwrap();
            assert_eq!(order[from..], seen, "the same messages in the same order");
        }
    });
}
