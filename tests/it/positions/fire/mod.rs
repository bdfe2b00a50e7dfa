//! Recovery under fire: clients of each protocol that has positions are cut at random while
//! publishers publish and rings overflow. Each has exactly the messages of the topic in their
//! order, or was told what is missing, at every step.
//!
//! `FIRE_SEED=1234` replays what the clients do, `FIRE_ROUNDS=100` goes on for longer.

mod cuts;
mod restarts;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::env;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use corecast::internals::Rng;
use corecast::{Epoch, Position};
use serde_json::json;

use crate::support::positions::{Over, Reader, Told};
use crate::support::wait::wait_until;

/// What the small ring keeps.
const KEPT: u32 = 30;
const TOPICS: [(&str, u32); 2] = [("small", KEPT), ("large", 100_000)];

/// Messages by their epochs and offsets.
type Messages = HashMap<Epoch, BTreeMap<u64, String>>;

/// How far a topic is, for all clients, and how often they were cut and told of gaps.
#[derive(Debug, Default)]
struct Progress {
    /// The server is drained and started again.
    restarts: bool,
    /// It is about to go, or not back yet.
    is_away: AtomicBool,
    /// Messages that a client has which is never cut.
    heard: AtomicU64,
    /// The position of the last message.
    end: OnceLock<Position>,
    gaps: AtomicU64,
    cuts: AtomicU64,
}

/// A client of a topic, which comes back whenever its connection ends.
struct Client<'p> {
    rng: Rng,
    over: Over,
    topic: &'static str,
    kept: u32,
    /// It is cut at random. The others are an orderly audience.
    is_cut: bool,
    progress: &'p Progress,
    addr: SocketAddr,
    /// Its first connection.
    reader: Option<Reader>,
    messages: Messages,
    /// All up to here is had, or was told to be missing.
    here: Option<Position>,
}

impl Progress {
    fn of(restarts: bool) -> Self {
        Self {
            restarts,
            ..Self::default()
        }
    }

    /// Publishes the last two messages, when no other is under way: all have all then.
    fn end(&self, mut publish: impl FnMut(&str) -> Position) {
        let last = publish("[1]");
        let offset = last.offset + 1;
        let end = *self.end.get_or_init(|| Position { offset, ..last });
        assert_eq!(publish("[2]"), end);
    }
}

impl<'p> Client<'p> {
    /// One for each protocol and topic, connected.
    fn each(seed: u64, addr: SocketAddr, all: &'p [Progress; 2], is_cut: bool) -> Vec<Self> {
        let mut clients = Vec::new();
        for ((topic, kept), progress) in TOPICS.into_iter().zip(all) {
            for over in Over::ALL {
                let mut client = Self {
                    rng: Rng::new(seed + clients.len() as u64),
                    over,
                    topic,
                    kept,
                    is_cut,
                    progress,
                    addr,
                    reader: None,
                    messages: Messages::new(),
                    here: None,
                };
                client.reader = Some(client.connect(false));
                clients.push(client);
            }
        }
        clients
    }

    fn connect(&self, is_slow: bool) -> Reader {
        let mut reader = None;
        wait_until("the server is there", || {
            let tried = Reader::try_connect(self.over, self.addr, self.topic, self.here, is_slow);
            assert!(tried.is_ok() || self.progress.restarts, "{tried:?}");
            reader = tried.ok();
            reader.is_some()
        });
        reader.expect("just connected")
    }

    fn has_all(&self) -> bool {
        self.here.is_some() && self.here.as_ref() == self.progress.end.get()
    }

    /// Until it has all; returns what it has got.
    fn run(mut self) -> Messages {
        while !self.has_all() {
            let is_slow = self.is_cut && self.rng.below(4) == 0;
            let reader = self.reader.take();
            let mut reader = reader.unwrap_or_else(|| self.connect(is_slow));
            let count = if self.is_cut {
                self.rng.below(120)
            } else {
                usize::MAX
            };
            let stops_at = self.rng.below(120);
            for nth in 0..count {
                if self.has_all() {
                    break;
                }
                if is_slow && nth == stops_at {
                    self.wait();
                }
                let Some(told) = reader.next_or_end() else {
                    // A session that would miss something is ended, and told when it comes back.
                    let may_miss = self.kept == KEPT && self.over.is_session();
                    let may_end = self.progress.restarts || may_miss;
                    assert!(may_end, "the server has closed over {:?}", self.over);
                    break;
                };
                self.take(told);
            }
            drop(reader);
            self.progress.cuts.fetch_add(1, Ordering::Relaxed);
            if self.is_cut && self.rng.below(3) == 0 {
                self.wait();
            }
        }
        self.messages
    }

    /// Until more was published than the small ring keeps, everything, or the server goes.
    fn wait(&self) {
        let progress = self.progress;
        let target = progress.heard.load(Ordering::Relaxed) + 2 * u64::from(KEPT);
        wait_until("publishing goes on", || {
            let is_over = progress.end.get().is_some() || progress.is_away.load(Ordering::Relaxed);
            is_over || target <= progress.heard.load(Ordering::Relaxed)
        });
    }

    fn take(&mut self, told: Told) {
        let position = match told {
            Told::Message(Some(position), text) => {
                if let Some(here) = self.here {
                    let next = (here.epoch, here.offset + 1);
                    assert_eq!((position.epoch, position.offset), next, "after {here}");
                }
                if !self.is_cut && self.over == Over::Events {
                    self.progress.heard.fetch_add(1, Ordering::Relaxed);
                }
                let epoch = self.messages.entry(position.epoch).or_default();
                epoch.insert(position.offset, text);
                position
            }
            Told::Position(position) => {
                let here = self.here;
                assert!(here.is_none_or(|here| here == position), "{here:?}");
                position
            }
            Told::Gap(Some(position)) => {
                let here = self.here.expect("nothing is missing to a new client");
                let is_lawful = if here.epoch == position.epoch {
                    here.offset + u64::from(self.kept) < position.offset
                } else {
                    self.progress.restarts && !self.messages.contains_key(&position.epoch)
                };
                assert!(
                    is_lawful,
                    "{} keeps {}: {here}, {position}",
                    self.topic, self.kept
                );
                self.progress.gaps.fetch_add(1, Ordering::Relaxed);
                position
            }
            other => panic!("{other:?} without a position"),
        };
        self.here = Some(position);
    }
}

/// What several have together: what stands at one place is the same for all.
fn agreed<'m>(all: impl IntoIterator<Item = &'m Messages>) -> Messages {
    let mut agreed = Messages::new();
    for (epoch, messages) in all.into_iter().flatten() {
        let known = agreed.entry(*epoch).or_default();
        for (offset, text) in messages {
            let known = known.entry(*offset).or_insert_with(|| text.clone());
            assert_eq!(known, text, "at {epoch}:{offset}");
        }
    }
    agreed
}

/// Some are compressed, and some fill the log of those that do not read. It is JSON, which the
/// structured protocol embeds.
fn message(publisher: usize, n: u64) -> String {
    let len = [0, 10, 300, 4000][usize::try_from(n % 4).unwrap()];
    json!([publisher, n, "some words ".repeat(len / 11)]).to_string()
}

/// The messages of each publisher are in their order, each once.
fn check_order(messages: &Messages) {
    let mut all = HashSet::new();
    for epoch in messages.values() {
        let mut next = HashMap::new();
        for text in epoch.values().filter(|text| text.len() > "[1]".len()) {
            let (publisher, n, _): (usize, u64, String) = serde_json::from_str(text).unwrap();
            let before = next.insert(publisher, n);
            assert!(
                before < Some(n),
                "{before:?} before {n} of publisher {publisher}"
            );
            assert!(all.insert((publisher, n)), "{text} twice");
        }
    }
}

/// Plays one round, or as many as are asked for, each with a seed of its own.
#[expect(clippy::print_stdout, reason = "a failure names its seed")]
fn rounds(round: impl Fn(u64)) {
    let number = |name| {
        let value = env::var(name).ok();
        value.map(|value| value.parse::<u64>().unwrap())
    };
    let seeds = match number("FIRE_SEED") {
        Some(seed) => vec![seed],
        None => {
            let count = number("FIRE_ROUNDS").unwrap_or(1);
            (0..count).map(|n| 1000 * n).collect()
        }
    };
    for seed in seeds {
        println!("FIRE_SEED={seed}");
        round(seed);
    }
}
