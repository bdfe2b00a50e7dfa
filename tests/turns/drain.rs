//! A drain of two shards, a lane at a time: what was taken before it is delivered first.

use std::sync::Arc;
use std::time::Duration;

use corecast::limits::{DRAIN_ALL_AT_ONCE, DRAIN_GRACE, DRAIN_STEP, DRAIN_TIMEOUT, DRAIN_WINDOW};
use corecast::payload::Payload;
use corecast::proto::ws::close;
use corecast::shard::mail::{FromHome, Origin, Publication, Space, ToHome};
use corecast::{CloseReason, Config, Kind, Rate, Relay, RelaySettings, Topic};

use crate::frame;
use crate::shard::{Shard, topics_at, upgrade_request};

/// More than the first step of a drain takes.
const MOMENT: Duration = DRAIN_GRACE.saturating_add(DRAIN_STEP);
const GOODBYE: &[u8] = b"\x88\x23\x03\xe9server shuts down; retry-after=1s";

fn shut(count: usize, shard: &mut Shard) -> bool {
    shard.counters().closed[CloseReason::Shutdown.index()] == count as u64
}

/// Two shards, and a topic whose home is the second.
fn two() -> ([Shard; 2], Topic) {
    let shards = [0, 1].map(|at| {
        let relay = Relay::new(RelaySettings::default());
        Shard::one(at, 2, Config::default(), relay)
    });
    (shards, topics_at(1).next().unwrap())
}

/// What one shard has for another, with space for as much again.
fn take(from: &mut Shard, to: usize) -> (Vec<ToHome>, Vec<FromHome>) {
    let room = Space {
        messages: 100,
        bytes: 1 << 20,
    };
    let mail = &mut from.core.mail()[to];
    let asked = std::iter::from_fn(|| mail.to_home.pop()).collect();
    let told = std::iter::from_fn(|| mail.from_home.pop()).collect();
    mail.to_home.set_space(room);
    mail.from_home.set_space(room);
    (asked, told)
}

/// All mail goes over the lanes until there is none.
fn exchange(shards: &mut [Shard; 2]) {
    for _ in 0..20 {
        for (from, to) in [(0, 1), (1, 0)] {
            let (asked, told) = take(&mut shards[from], to);
            for mail in told {
                assert!(shards[to].core.handle_from_home(mail).is_none());
            }
            for mail in asked {
                assert!(shards[to].core.handle_to_home(mail).is_none());
            }
            shards[to].turn();
        }
    }
}

fn publish(topic: &Topic, text: &str) -> ToHome {
    ToHome::Publish(Publication::new(
        topic.clone(),
        Payload {
            kind: Kind::Text,
            bytes: Arc::from(text.as_bytes()),
        },
        Origin::Handle,
    ))
}

#[test]
fn what_lies_in_a_lane_is_delivered_before_the_goodbye() {
    let (mut shards, topic) = two();
    exchange(&mut shards);
    let client = shards[0].connect();
    let request = upgrade_request(&format!("/sub/{topic}"), "");
    shards[0].read(client, request);
    shards[0].turn();
    exchange(&mut shards);
    assert!(shards[0].take(client).starts_with(b"HTTP/1.1 101 "));
    // The home has it, and no lane was emptied since.
    assert!(
        shards[1]
            .core
            .handle_to_home(publish(&topic, "last"))
            .is_none()
    );
    for shard in &mut shards {
        shard.core.begin_drain();
        for _ in 0..10 {
            shard.turn_and_wait(MOMENT);
        }
    }
    assert_eq!(shards[0].take(client), b"", "closed before its message");
    exchange(&mut shards);
    for _ in 0..6 {
        for shard in &mut shards {
            shard.turn_and_wait(MOMENT);
        }
        exchange(&mut shards);
    }
    assert_eq!(shards[0].take(client), [b"\x81\x04last", GOODBYE].concat());
}

#[test]
fn a_peer_that_says_nothing_holds_a_drain_up_to_its_end_only() {
    let (mut shards, _) = two();
    let client = shards[0].upgrade("/pub/a", "");
    shards[0].core.begin_drain();
    shards[0].wait(DRAIN_TIMEOUT - Duration::from_secs(1));
    shards[0].wait(MOMENT);
    assert!(shut(0, &mut shards[0]));
    shards[0].wait(Duration::from_secs(1));
    assert!(shut(1, &mut shards[0]));
    assert!(!shards[0].take(client).ends_with(GOODBYE), "it is cut");
}

#[test]
fn a_message_from_outside_is_waited_for() {
    let mut shard = Shard::new(Config::default());
    let client = shard.upgrade("/sub/a", "");
    shard.core.begin_drain();
    shard.core.note_outside(true);
    for _ in 0..10 {
        shard.wait(MOMENT);
    }
    assert!(shut(0, &mut shard));
    assert!(
        shard
            .core
            .handle_to_home(publish(&Topic::new("a").unwrap(), "from outside"))
            .is_none()
    );
    shard.core.note_outside(false);
    shard.wait(MOMENT);
    shard.wait(MOMENT);
    assert_eq!(
        shard.take(client),
        [b"\x81\x0cfrom outside", GOODBYE].concat()
    );
}

#[test]
fn no_publisher_is_read_between_the_last_message_and_the_goodbye() {
    let mut shard = Shard::new(Config::default());
    let publisher = shard.upgrade("/ws/a", "");
    shard.core.begin_drain();
    shard.core.note_outside(true);
    shard.read(publisher, frame(0x81, b"in time"));
    shard.wait(MOMENT);
    assert!(!shard.core.wants_bytes(publisher), "the drain waits");
    assert_eq!(shard.take(publisher), b"\x81\x07in time");
    shard.core.note_outside(false);
    shard.wait(MOMENT);
    shard.wait(MOMENT);
    assert_eq!(shard.take(publisher), GOODBYE);
    assert!(
        shard.core.wants_bytes(publisher),
        "what it says is discarded"
    );
}

/// Drains a shard with many connections; how many are closed after each tenth of a second, and the
/// seconds after which each is to come back.
fn drain_many(config: Config) -> (Vec<u64>, Vec<u64>) {
    let mut shard = Shard::new(config);
    let clients: Vec<_> = (0..COUNT).map(|_| shard.upgrade("/pub/a", "")).collect();
    shard.core.begin_drain();
    let step = Duration::from_millis(100);
    let mut told = Vec::new();
    let mut passed = Duration::ZERO;
    while passed < 3 * DRAIN_WINDOW {
        shard.wait(step);
        passed += step;
        told.push(shard.counters().closed[CloseReason::Shutdown.index()]);
    }
    assert_eq!(told.last(), Some(&(COUNT as u64)));
    let seconds = clients.into_iter().map(|client| {
        let goodbye = shard.take(client);
        let (_, reason) = close::parse(&goodbye[2..]).unwrap();
        close::retry_after(reason).unwrap().as_secs()
    });
    (told, seconds.collect())
}

const COUNT: usize = 2 * DRAIN_ALL_AT_ONCE;

/// It takes 20 s to open all connections again.
fn slow() -> Config {
    Config {
        accept_rate: Rate::per_second(u32::try_from(COUNT / 20).unwrap()),
        ..Config::default()
    }
}

#[test]
fn a_drain_closes_many_connections_one_after_the_other_within_its_window() {
    let (told, seconds) = drain_many(slow());
    let window = usize::try_from(DRAIN_WINDOW.as_millis() / 100).unwrap();
    assert_eq!(
        told[window - 2],
        COUNT as u64,
        "all are closed before it is over"
    );
    let most = told.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(most < Some(COUNT as u64 / 10), "{most:?} in one step");
    // As fast as they can be accepted again, in 20 s.
    for second in 1..=20 {
        let count = seconds.iter().filter(|asked| **asked == second).count();
        assert!(count < COUNT / 10, "{count} come back after {second} s");
    }
    assert!(seconds.iter().all(|asked| (1..=21).contains(asked)));
}

#[test]
fn a_drain_is_short_where_all_clients_can_come_back_soon() {
    let (told, seconds) = drain_many(Config::default());
    let after_two_seconds = told[20];
    assert_eq!(after_two_seconds, COUNT as u64);
    assert!(seconds.iter().all(|asked| (1..=2).contains(asked)));
}

#[test]
fn a_drain_with_an_early_deadline_tells_all_clients_before_it() {
    let (told, seconds) = drain_many(Config {
        drain_timeout: Duration::from_secs(4),
        ..slow()
    });
    assert_eq!(told[20], COUNT as u64, "two seconds are left to read it");
    assert!(seconds.iter().any(|asked| 15 < *asked));
}

#[test]
fn a_drain_without_a_window_takes_as_long_as_clients_need_to_come_back() {
    let (told, _) = drain_many(Config {
        drain_window: None,
        drain_timeout: Duration::from_secs(60),
        // No frame but the last.
        ping_interval: Duration::from_secs(3_600),
        ..slow()
    });
    // Of 20 s.
    let share = told[50] * 20 / COUNT as u64;
    assert!((4..=6).contains(&share), "{share}");
}

#[test]
fn in_a_drain_no_connection_ends_because_of_its_age() {
    // All lifetimes end while the clients are told, one after the other, to come back.
    let (told, _) = drain_many(Config {
        max_lifetime: Some(DRAIN_WINDOW / 4),
        ..slow()
    });
    assert_eq!(told.last(), Some(&(COUNT as u64)));
}
