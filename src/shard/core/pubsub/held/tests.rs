use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::*;
use crate::handler::Publish;
use crate::proto::Kind;

fn message(bytes: &[u8]) -> HeldMessage {
    message_with(bytes, Publish::new())
}

fn message_with(bytes: &[u8], publish: Publish<'_>) -> HeldMessage {
    HeldMessage {
        payload: Payload {
            kind: Kind::Binary,
            bytes: Arc::from(bytes),
        },
        extras: publish.into_extras(&Topic::new("a").unwrap()),
        publisher: None,
    }
}

const EVERY: Flush = Flush {
    every: Duration::from_millis(33),
    is_latest: false,
};
const LATEST: Flush = Flush {
    is_latest: true,
    ..EVERY
};

fn drain(held: &mut Held, topic: &Topic) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(message) = held.pop(topic) {
        all.extend_from_slice(&message.payload.bytes);
    }
    all
}

#[test]
fn publications_wait_for_the_tick_and_only_the_newest_where_that_is_wanted() {
    let (a, b) = (Topic::new("a").unwrap(), Topic::new("b").unwrap());
    let mut held = Held::default();
    let now = Now::from_millis(1_000);
    for (topic, flush) in [(&a, EVERY), (&b, LATEST)] {
        for number in 0..3 {
            assert!(held.hold(topic, message(&[number]), flush, now).is_ok());
        }
        assert!(held.has(topic));
    }
    assert_eq!(
        (drain(&mut held, &a), drain(&mut held, &b)),
        (vec![0, 1, 2], vec![2])
    );
    assert!(held.is_empty() && held.deadline().is_none() && held.bytes == 0);
}

#[test]
fn the_newest_of_each_key_is_held_and_what_it_supersedes_gets_no_position() {
    let topic = Topic::new("a").unwrap();
    let mut held = Held::default();
    let (sender, told) = mpsc::channel();
    let keyed = |key| Publish::new().key(key);
    for (byte, publish) in [
        (0, keyed("x")),
        (1, keyed("y")),
        (2, Publish::new()),
        (3, keyed("x").removal()),
        (4, Publish::new().tag("name", "value")),
        (5, Publish::new().skip_history()),
    ] {
        let sender = sender.clone();
        let publish = publish.reply(move |position| sender.send((byte, position)).unwrap());
        let message = message_with(&[byte], publish);
        assert!(held.hold(&topic, message, LATEST, Now::default()).is_ok());
    }
    let all: Vec<_> = told.try_iter().collect();
    assert_eq!(all, [(0, None), (2, None)]);
    assert_eq!(drain(&mut held, &topic), [1, 3, 4, 5]);
    assert!(held.is_empty() && held.bytes == 0);
}

#[test]
fn ticks_are_absolute_and_not_farther_away_than_the_period() {
    for name in ["a", "b", "c"] {
        let topic = Topic::new(name).unwrap();
        let ticks = (0..200).map(|now| {
            let now = Now::from_millis(now);
            let tick = next_tick(EVERY, &topic, now);
            assert!(now < tick && tick <= now.plus(EVERY.every));
            tick.millis()
        });
        let mut ticks: Vec<u64> = ticks.collect();
        ticks.dedup();
        assert!(
            ticks.windows(2).all(|pair| pair[1] - pair[0] == 33),
            "{ticks:?}"
        );
    }
}

#[test]
fn what_is_held_is_bounded_in_number_and_bytes() {
    let (a, b) = (Topic::new("a").unwrap(), Topic::new("b").unwrap());
    let mut held = Held::default();
    let now = Now::default();
    for _ in 0..HELD_PER_TOPIC_MAX {
        assert!(held.hold(&a, message(b"x"), EVERY, now).is_ok());
    }
    assert!(held.hold(&a, message(b"x"), EVERY, now).is_err());
    let is_held = held.hold(&a, message(b"x"), LATEST, now).is_ok();
    assert!(is_held, "in place of all");
    let long = vec![0; HELD_BYTES_MAX];
    assert!(held.hold(&b, message(&long), EVERY, now).is_err());
    assert!(held.hold(&b, message(&long), LATEST, now).is_err());
    assert!(!held.has(&b));
    drain(&mut held, &a);
    assert!(held.is_empty() && held.bytes == 0 && held.deadline().is_none());
}

#[test]
fn a_publication_without_space_supersedes_nothing() {
    let (a, b) = (Topic::new("a").unwrap(), Topic::new("b").unwrap());
    let mut held = Held::default();
    let now = Now::default();
    assert!(held.hold(&a, message(b"1"), LATEST, now).is_ok());
    let long = vec![0; HELD_BYTES_MAX];
    assert!(held.hold(&a, message(&long), LATEST, now).is_err());
    let rest = vec![0; HELD_BYTES_MAX - 2 * OVERHEAD - 1];
    assert!(held.hold(&b, message(&rest), EVERY, now).is_ok());
    assert!(held.hold(&a, message(b"22"), LATEST, now).is_err());
    assert_eq!(drain(&mut held, &a), b"1");
    assert!(held.hold(&a, message(b"3"), LATEST, now).is_ok());
    assert!(held.hold(&a, message(b"4"), LATEST, now).is_ok());
    assert_eq!(drain(&mut held, &a), b"4");
}

#[test]
fn a_topic_that_is_put_off_is_behind_the_others() {
    let (a, b) = (Topic::new("a").unwrap(), Topic::new("b").unwrap());
    let mut held = Held::default();
    for topic in [&a, &b] {
        let message = message(b"x");
        assert!(held.hold(topic, message, EVERY, Now::default()).is_ok());
    }
    let first = held.next().unwrap().clone();
    let later = Now::from_millis(100);
    held.postpone(&first, later);
    assert_ne!(held.next(), Some(&first));
    held.pop(&held.next().unwrap().clone());
    assert_eq!((held.next(), held.deadline()), (Some(&first), Some(later)));
}
