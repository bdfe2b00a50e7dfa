//! Recovery under fire: clients that are cut at random while publishers on every shard publish and
//! rings overflow. Each has exactly the messages of the topic in their order, or was told what is
//! missing, at every step.
//!
//! `FIRE_SEED=1234` replays what the clients do, `FIRE_ROUNDS=100` goes on for longer.

use std::collections::HashMap;
use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use corecast::internals::Rng;
use corecast::{Config, First, Kind, Namespaces, Position, Scope, TopicSettings};

use crate::positions::{keeping, with};
use crate::support::positions::{Over, Reader, Told};
use crate::support::server::Running;
use crate::support::socket::{dial, dial_small};
use crate::support::switchboard::{Switchboard, connect_to_each, shard_of};
use crate::support::wait::wait_until;
use crate::support::ws::Ws;

const SHARDS: usize = 3;
/// Messages of each publisher: one on each shard, and the handle.
const MESSAGES: u64 = 400;
const TOTAL: u64 = MESSAGES * (SHARDS as u64 + 1);
/// What the small ring keeps.
const KEPT: u32 = 30;
const TOPICS: [(&str, u32); 2] = [("small", KEPT), ("large", 10_000)];

/// The messages that a client has, by their offsets.
type Messages = HashMap<u64, String>;

/// How far a topic is, by all clients, and how often they were cut and told of gaps.
#[derive(Debug, Default)]
struct Progress {
    /// The greatest offset that a client has seen.
    top: AtomicU64,
    gaps: AtomicU64,
    cuts: AtomicU64,
}

/// A client that is cut at random and comes back.
struct Client<'p> {
    rng: Rng,
    over: Over,
    topic: &'static str,
    may_miss: bool,
    progress: &'p Progress,
    messages: Messages,
    /// All up to here is had, or was told to be missing.
    here: Option<Position>,
}

impl<'p> Client<'p> {
    fn new(seed: u64, over: Over, (topic, kept): (&'static str, u32), on: &'p Progress) -> Self {
        Self {
            rng: Rng::new(seed),
            over,
            topic,
            may_miss: u64::from(kept) < TOTAL,
            progress: on,
            messages: Messages::new(),
            here: None,
        }
    }

    /// Reads on one connection to the end.
    fn stay(mut self, mut reader: Reader) -> Messages {
        while !self.has_all() {
            self.take(reader.next());
        }
        self.messages
    }

    fn has_all(&self) -> bool {
        self.here.is_some_and(|here| here.offset == TOTAL)
    }

    fn run(mut self, server: &Running) -> Messages {
        while !self.has_all() {
            let is_slow = self.rng.below(4) == 0;
            let socket = if is_slow {
                dial_small(server.http())
            } else {
                dial(server.http())
            };
            let mut reader = Reader::over(socket, self.over, self.topic, self.here);
            let count = self.rng.below(120);
            let stops_at = self.rng.below(120);
            for nth in 0..count {
                if self.has_all() {
                    break;
                }
                if is_slow && nth == stops_at {
                    self.wait();
                }
                self.take(reader.next());
            }
            drop(reader);
            self.progress.cuts.fetch_add(1, Ordering::Relaxed);
            if self.rng.below(3) == 0 {
                self.wait();
            }
        }
        self.messages
    }

    /// Until more was published than the small ring keeps, or everything.
    fn wait(&self) {
        let here = self.here.map_or(0, |here| here.offset);
        let target = TOTAL.min(here + 2 * u64::from(KEPT));
        let top = &self.progress.top;
        wait_until("publishing goes on", || {
            target <= top.load(Ordering::Relaxed)
        });
    }

    fn take(&mut self, told: Told) {
        let here = self.here;
        self.here = Some(match told {
            Told::Message(Some(position), text) => {
                if let Some(here) = here {
                    let next = (here.epoch, here.offset + 1);
                    assert_eq!((position.epoch, position.offset), next, "after {here}");
                }
                let top = &self.progress.top;
                top.fetch_max(position.offset, Ordering::Relaxed);
                self.messages.insert(position.offset, text);
                position
            }
            Told::Position(position) => {
                assert!(here.is_none_or(|here| here == position), "{here:?}");
                position
            }
            Told::Gap(Some(position)) => {
                let here = here.expect("nothing is missing to a new client");
                assert!(
                    self.may_miss,
                    "{} keeps all, but {here}, {position}",
                    self.topic
                );
                assert!(here.epoch == position.epoch && here.offset < position.offset);
                self.progress.gaps.fetch_add(1, Ordering::Relaxed);
                position
            }
            other => panic!("{other:?} without a position"),
        });
    }
}

/// Namespaces by the topics' names.
fn config() -> Config {
    let settings = |kept| keeping(kept, First::Nothing).namespaces.of("").clone();
    let scope = |topic| Scope::pattern(topic).unwrap();
    let namespaces = TOPICS.map(|(topic, kept)| (scope(topic), settings(kept)));
    Config {
        namespaces: Namespaces::new(TopicSettings::default(), namespaces.to_vec()),
        // Those that stop to read are behind soon.
        log_bytes_max: 64 << 10,
        ..Config::default()
    }
}

#[expect(clippy::print_stdout, reason = "a failure names its seed")]
fn round(seed: u64) {
    println!("FIRE_SEED={seed}");
    let server = Running::with(with(SHARDS, config()), Switchboard::new);
    let progress = TOPICS.map(|_| Progress::default());
    let publishers = connect_to_each(&server, SHARDS);
    let all = thread::scope(|scope| {
        let mut clients = Vec::new();
        for (at, topic) in TOPICS.into_iter().enumerate() {
            for (number, over) in (0..).zip([Over::EACH, Over::EACH].concat()) {
                let seed = seed + 100 * at as u64 + number;
                let client = Client::new(seed, over, topic, &progress[at]);
                // The first is never cut: it keeps all others going.
                let thread = if number == 0 {
                    let reader = Reader::connect(over, server.http(), topic.0, None);
                    scope.spawn(move || client.stay(reader))
                } else {
                    let server = &server;
                    scope.spawn(move || client.run(server))
                };
                clients.push((at, thread));
            }
        }
        for (shard, publisher) in publishers.into_iter().enumerate() {
            scope.spawn(move || publish(publisher, shard));
        }
        for n in 0..MESSAGES {
            for (topic, _) in TOPICS {
                server.publish(topic, Kind::Text, message(SHARDS, n).as_bytes());
            }
        }
        let ended = clients.into_iter();
        let ended = ended.map(|(at, client)| (at, client.join().unwrap()));
        ended.collect::<Vec<(usize, Messages)>>()
    });
    for (at, ((topic, kept), progress)) in TOPICS.into_iter().zip(&progress).enumerate() {
        let all = all.iter().filter(|(topic, _)| *topic == at);
        let messages = agreed(all.map(|(_, messages)| messages));
        check_order(&messages);
        assert!(u64::from(kept) < TOTAL || messages.len() as u64 == TOTAL);
        println!("{topic}: {progress:?}");
    }
}

fn publish(mut publisher: Ws, shard: usize) {
    for n in 0..MESSAGES {
        for (topic, _) in TOPICS {
            publisher.send_text(&format!("to {topic} {}", message(shard, n)));
        }
        if n % 10 == 0 || n == MESSAGES - 1 {
            // Not faster than the server takes them.
            assert_eq!(shard_of(&mut publisher), shard);
        }
    }
}

/// What all clients have together: what stands at one place is the same for all.
fn agreed<'m>(all: impl Iterator<Item = &'m Messages>) -> Messages {
    let mut agreed = Messages::new();
    for (offset, text) in all.flatten() {
        let known = agreed.entry(*offset).or_insert_with(|| text.clone());
        assert_eq!(known, text, "at {offset}");
    }
    agreed
}

/// Some are compressed, and some fill the log of those that do not read.
fn message(publisher: usize, n: u64) -> String {
    let len = [0, 10, 300, 4000][usize::try_from(n % 4).unwrap()];
    format!("{publisher}:{n}:{}", "some words ".repeat(len / 11))
}

/// The messages of each publisher that any client has are in their order, each once.
fn check_order(messages: &Messages) {
    let mut next = [0; SHARDS + 1];
    let all = (1..=TOTAL).filter_map(|offset| messages.get(&offset));
    for message in all {
        let mut words = message.split(':');
        let publisher: usize = words.next().unwrap().parse().unwrap();
        let n: u64 = words.next().unwrap().parse().unwrap();
        assert!(
            next[publisher] <= n && n < MESSAGES,
            "of publisher {publisher}"
        );
        next[publisher] = n + 1;
    }
}

#[test]
fn clients_that_are_cut_at_random_miss_nothing_that_they_are_not_told() {
    let number = |name| {
        env::var(name)
            .ok()
            .map(|value| value.parse::<u64>().unwrap())
    };
    match number("FIRE_SEED") {
        Some(seed) => round(seed),
        None => (0..number("FIRE_ROUNDS").unwrap_or(2)).for_each(|n| round(1000 * n)),
    }
}
