//! Positions on the wire: clients that come back to where they were, and are told what they cannot
//! have.

mod fire;
mod requests;

use std::ops::RangeInclusive;
use std::time::Duration;

use corecast::{Config, First, Framing, HistorySettings, Kind, Listener, Namespaces, Position};
use corecast::{ServerBuilder, TopicSettings};

use crate::support::framed::Framed;
use crate::support::positions::{Over, Reader, Told};
use crate::support::server::{ANY, Running, builder};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

/// How much every topic of a server keeps, and what a new subscriber gets first.
pub(crate) fn keeping(entries_max: u32, first: First) -> Config {
    let history = HistorySettings {
        entries_max,
        bytes_max: 16 << 20,
        ttl: Duration::from_secs(600),
        meta_ttl: Duration::from_secs(600),
        is_keyed: false,
    };
    let settings = TopicSettings {
        history: Some(history),
        first,
        ..TopicSettings::default()
    };
    Config {
        namespaces: Namespaces::new(settings, Vec::new()),
        ..Config::default()
    }
}

pub(crate) fn with(shards: usize, config: Config) -> ServerBuilder {
    builder(shards).config(config)
}

/// Publishes the numbers of a range as texts, and waits until they have their places. Long ones are
/// compressed for those that can read it.
pub(crate) fn publish(server: &Running, topic: &str, numbers: RangeInclusive<u64>) {
    let mut publisher = Ws::connect(server.http(), &format!("/ws/{topic}?last=0"));
    for number in numbers {
        publisher.send_text(&text(number));
        assert_eq!(publisher.next_text(), text(number));
    }
}

fn text(number: u64) -> String {
    match number % 3 {
        0 => format!("{number}\n{}", "the same again and again ".repeat(40)),
        _ => number.to_string(),
    }
}

/// The next messages are these, one after the other after `here`; returns where that ends.
pub(crate) fn expect(
    reader: &mut Reader,
    here: Position,
    numbers: RangeInclusive<u64>,
) -> Position {
    let mut here = here;
    for number in numbers {
        here.offset += 1;
        let (position, payload) = reader.next_message();
        assert_eq!((position, payload), (Some(here), text(number)));
    }
    here
}

/// Runs a test with one shard and with several, over each protocol that carries positions.
fn each(test: impl Fn(usize, Over)) {
    for shards in [1, 3] {
        for over in Over::EACH {
            test(shards, over);
        }
    }
}

#[test]
fn a_client_that_comes_back_gets_what_it_missed_and_then_what_is_new() {
    each(|shards, over| {
        let server = Running::start(with(shards, keeping(100, First::Nothing)));
        for topic in ["a", "b", "c"] {
            let mut reader = Reader::connect(over, server.http(), topic, None);
            let start = reader.next_position();
            publish(&server, topic, 1..=5);
            let here = expect(&mut reader, start, 1..=5);
            drop(reader);
            publish(&server, topic, 6..=20);
            for _ in 0..2 {
                let mut reader = Reader::connect(over, server.http(), topic, Some(here));
                expect(&mut reader, here, 6..=20);
            }
            let mut reader = Reader::connect(over, server.http(), topic, Some(here));
            publish(&server, topic, 21..=22);
            expect(&mut reader, here, 6..=22);
        }
    });
}

#[test]
fn a_client_without_a_message_comes_back_to_where_it_stood() {
    each(|shards, over| {
        let server = Running::start(with(shards, keeping(100, First::Nothing)));
        publish(&server, "a", 1..=3);
        let here = Reader::connect(over, server.http(), "a", None).next_position();
        assert_eq!(here.offset, 3);
        let mut reader = Reader::connect(over, server.http(), "a", Some(here));
        assert_eq!(reader.next_position(), here, "nothing is missing");
        publish(&server, "a", 4..=6);
        expect(&mut reader, here, 4..=6);
        let mut late = Reader::connect(over, server.http(), "a", Some(here));
        expect(&mut late, here, 4..=6);
    });
}

#[test]
fn what_is_not_kept_any_more_is_a_gap_and_then_it_goes_on() {
    each(|shards, over| {
        let server = Running::start(with(shards, keeping(10, First::Nothing)));
        let here = Reader::connect(over, server.http(), "a", None).next_position();
        publish(&server, "a", 1..=10);
        let mut reader = Reader::connect(over, server.http(), "a", Some(here));
        let top = expect(&mut reader, here, 1..=10);
        publish(&server, "a", 11..=11);
        let mut late = Reader::connect(over, server.http(), "a", Some(here));
        let top = expect(&mut reader, top, 11..=11);
        assert_eq!(late.next(), Told::Gap(Some(top)));
        publish(&server, "a", 12..=13);
        expect(&mut late, top, 12..=13);
        expect(&mut reader, top, 12..=13);
        let mut ahead = top;
        ahead.offset += 1000;
        let mut odd = Reader::connect(over, server.http(), "a", Some(ahead));
        assert!(matches!(odd.next(), Told::Gap(Some(_))), "beyond the top");
    });
}

#[test]
fn after_a_restart_everything_before_it_is_a_gap() {
    each(|shards, over| {
        let config = keeping(10, First::Last(3));
        let server = Running::start(with(shards, config.clone()));
        publish(&server, "a", 1..=5);
        let mut reader = Reader::connect(over, server.http(), "a", None);
        let (position, payload) = reader.next_message();
        assert_eq!(payload, text(3), "the newest three come first");
        let here = expect(&mut reader, position.unwrap(), 4..=5);
        drop(reader);
        drop(server);
        let server = Running::start(with(shards, config));
        publish(&server, "a", 1..=9);
        let mut reader = Reader::connect(over, server.http(), "a", Some(here));
        let Told::Gap(Some(gap)) = reader.next() else {
            panic!("no gap");
        };
        assert!(gap.epoch != here.epoch && gap.offset == 9);
        publish(&server, "a", 10..=10);
        expect(&mut reader, gap, 10..=10);
    });
}

#[test]
fn the_newest_come_first_to_those_that_ask_for_them() {
    each(|shards, over| {
        let server = Running::start(with(shards, keeping(10, First::Last(2))));
        publish(&server, "a", 1..=20);
        let asked = |last: &str| {
            let path = format!("{}{last}", over.path("a"));
            Reader::asking(server.http(), over, &path, "")
        };
        let first = |last: &str| asked(last).next_message().1;
        assert_eq!(first(""), text(19));
        assert_eq!(first("?last=1"), text(20));
        assert_eq!(first("?last=5"), text(16));
        assert_eq!(first("?last=10"), text(11));
        assert_eq!(first("?last=1000"), text(11), "as far as they are there");
        assert_eq!(asked("?last=0").next_position().offset, 20);
    });
}

#[test]
fn a_tcp_listener_says_how_many_of_the_newest_come_first() {
    for shards in [1, 3] {
        let framings = [Framing::LengthPrefix, Framing::Line, Framing::Varint];
        let listener = |framing| Listener::tcp(ANY, "a").framing(framing);
        let server = with(shards, keeping(10, First::Nothing));
        let server = framings.into_iter().fold(server, |server, framing| {
            server
                .listen(listener(framing))
                .listen(listener(framing).last(4))
        });
        let server = Running::start(server);
        // The first is that of every server here.
        for (pair, framing) in server.tcp_addrs()[1..].chunks(2).zip(framings) {
            let mut publisher = Ws::connect(server.http(), "/ws/a?last=0");
            for number in 1..=20 {
                publisher.send_text(&number.to_string());
                assert_eq!(publisher.next_text(), number.to_string());
            }
            let mut without = Framed::connect(pair[0], framing);
            let mut with = Framed::connect(pair[1], framing);
            for number in 17..=20 {
                assert_eq!(with.next(), format!("{number}").into_bytes());
            }
            server.publish("a", Kind::Text, b"new");
            assert_eq!(
                (with.next(), without.next()),
                (b"new".to_vec(), b"new".to_vec())
            );
        }
    }
}

#[test]
fn a_topic_that_is_forgotten_begins_a_new_epoch() {
    each(|shards, over| {
        let mut config = keeping(10, First::Nothing);
        let mut settings = config.namespaces.of("a").clone();
        let history = settings.history.as_mut().unwrap();
        (history.ttl, history.meta_ttl) = (Duration::from_millis(1), Duration::from_millis(1));
        config.namespaces = Namespaces::new(settings, Vec::new());
        config.interest_linger = Duration::ZERO;
        let server = Running::start(with(shards, config));
        let here = Reader::connect(over, server.http(), "a", None).next_position();
        publish(&server, "a", 1..=1);
        wait_until("a new epoch", || {
            let mut reader = Reader::connect(over, server.http(), "a", Some(here));
            match reader.next() {
                Told::Gap(Some(gap)) => gap.epoch != here.epoch,
                _ => false,
            }
        });
    });
}
