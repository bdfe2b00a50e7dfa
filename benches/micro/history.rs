//! Histories of as many topics as a shard may be the home of: what a message costs, what a topic
//! takes, and what it is to forget them all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use corecast::config::{Config, HistorySettings, Namespaces, TopicSettings};
use corecast::internals::Rng;
use corecast::internals::driver::{Driver, MeshEnd};
use corecast::payload::Payload;
use corecast::shard::mail::{Origin, Publication, ToHome};
use corecast::time::Now;
use corecast::topic::Topic;
use corecast::{Counters, Kind, Relay, ShardId};
use criterion::{Criterion, Throughput};

use crate::shard::Sockets;

/// Bytes of a message.
const PAYLOAD: usize = 100;
const TTL: Duration = Duration::from_secs(60);
const META_TTL: Duration = Duration::from_secs(120);
/// What of a history is left.
type Left = fn(&Counters) -> u64;
/// Publications of one turn while topics are made.
const PER_TURN: usize = 100;

/// The home of topics that have a history of one message.
struct Home {
    driver: Driver<Relay>,
    now: Now,
}

/// All of this file but the report.
pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("history/publish");
    group.throughput(Throughput::Elements(1));
    for (name, count) in [("1", 1), ("1,000", 1_000), ("1,000,000", 1_000_000)] {
        let topics: Vec<Topic> = (0..count).map(topic).collect();
        let mut home = Home::new();
        home.publish_to_all(topics.iter().cloned());
        let mut rng = Rng::new(1);
        group.bench_function(name, |bencher| {
            bencher.iter(|| home.publish(topics[rng.below(count)].clone()));
        });
    }
}

/// Prints what a million topics take and what it is to forget them.
#[expect(clippy::print_stdout, reason = "a report")]
pub(crate) fn report() {
    const COUNT: usize = 1_000_000;
    let mut home = Home::new();
    let before = crate::resident();
    let (mut longest, mut all) = (Duration::ZERO, Duration::ZERO);
    for number in 0..COUNT {
        if number % PER_TURN == 0 {
            home.turn();
        }
        let topic = topic(number);
        let start = now();
        home.publish(topic);
        let took = start.elapsed();
        (longest, all) = (longest.max(took), all + took);
    }
    home.turn();
    let each = (crate::resident() - before) / COUNT - PAYLOAD;
    println!("history: {COUNT} topics with a message of {PAYLOAD} B: {each} B each beside it");
    let (longest, all) = (longest.as_micros(), all.as_millis());
    println!("history: published in {all} ms, the longest {longest} µs");
    let left: [(&str, Duration, Left); 2] = [
        ("messages", TTL, |counters| counters.history_messages),
        ("positions", META_TTL - TTL, |counters| {
            counters.history_topics
        }),
    ];
    for (what, wait, left) in left {
        home.now = home.now.plus(wait + Duration::from_secs(1));
        let (mut turns, mut longest, mut all) = (0, Duration::ZERO, Duration::ZERO);
        while left(home.driver.core.counters()) != 0 {
            let start = now();
            home.turn();
            let took = start.elapsed();
            (turns, longest, all) = (turns + 1, longest.max(took), all + took);
        }
        let (longest, all) = (longest.as_micros(), all.as_millis());
        println!("history: {what} forgotten in {turns} turns, {all} ms, the longest {longest} µs");
    }
    assert_eq!(home.driver.core.counters().history_bytes, 0);
}

impl Home {
    fn new() -> Self {
        let history = HistorySettings {
            entries_max: 1,
            bytes_max: 1 << 20,
            ttl: TTL,
            meta_ttl: META_TTL,
            is_keyed: false,
        };
        let settings = TopicSettings {
            history: Some(history),
            ..TopicSettings::default()
        };
        let config = Config {
            namespaces: Namespaces::new(settings, Vec::new()),
            memory_bytes_max: Some(8 << 30),
            ..Config::default()
        };
        let now = Now::from_millis(0);
        let end = MeshEnd::alone(ShardId::default(), 1);
        let driver = Driver::new(end, config, now, Relay::default());
        Self { driver, now }
    }

    fn publish_to_all(&mut self, topics: impl Iterator<Item = Topic>) {
        for (number, topic) in topics.enumerate() {
            if number % PER_TURN == 0 {
                self.turn();
            }
            self.publish(topic);
        }
        self.turn();
    }

    fn publish(&mut self, topic: Topic) {
        let payload = Payload {
            kind: Kind::Binary,
            bytes: Arc::from([7; PAYLOAD]),
        };
        let mut mail = ToHome::Publish(Publication::new(topic, payload, Origin::Handle));
        while let Some(back) = self.driver.core.handle_to_home(mail) {
            mail = back;
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.driver.core.begin_turn(self.now);
        self.driver.finish_turn(&mut Sockets::default());
    }
}

fn topic(number: usize) -> Topic {
    Topic::new(format!("device:{number}")).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a bench has no shell")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
