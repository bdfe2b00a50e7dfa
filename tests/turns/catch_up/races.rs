//! Races of publishing, subscribing, reading and going away, by a seed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use corecast::config::{First, HistorySettings, Namespaces, TopicSettings};
use corecast::internals::Rng;
use corecast::{Config, Position, Publisher, Room, RoomCx, Scope, Since, SlowConsumer};

use crate::catch_up::client::Client;
use crate::catch_up::world::{MakeRoom, World};

/// A topic that keeps so many messages.
pub(crate) fn history(entries_max: u32) -> TopicSettings {
    TopicSettings {
        history: Some(HistorySettings {
            entries_max,
            bytes_max: 1 << 20,
            ttl: Duration::from_secs(3_600),
            meta_ttl: Duration::from_secs(7_200),
            is_keyed: false,
        }),
        ..TopicSettings::default()
    }
}

/// Topics of the world with these settings, and others without history.
pub(crate) fn config(topic: TopicSettings, policy: SlowConsumer) -> Config {
    let named = vec![(Scope::name("game").unwrap(), topic)];
    Config {
        namespaces: Namespaces::new(TopicSettings::default(), named),
        slow_consumer: policy,
        // A few frames: each client that is blocked falls behind.
        log_bytes_max: 400,
        // Time passes, and no shard has a turn.
        handshake_timeout: Duration::from_secs(3_600),
        stall_timeout: Duration::from_secs(3_600),
        ..Config::default()
    }
}

const POLICIES: [SlowConsumer; 3] = [
    SlowConsumer::DropOldest,
    SlowConsumer::DropNewest,
    SlowConsumer::Latest,
];

/// Is told of each join and of each leave once.
#[derive(Default)]
struct Guests(HashSet<Publisher>);

impl Room for Guests {
    fn wants_joins(&self) -> bool {
        true
    }

    fn on_join(&mut self, _: &mut RoomCx<'_>, joiner: Publisher, tag: &[u8]) {
        assert_eq!(tag, b"tag");
        assert!(self.0.insert(joiner), "{joiner:?} joins twice");
    }

    fn on_leave(&mut self, _: &mut RoomCx<'_>, leaver: Publisher) {
        assert!(self.0.remove(&leaver), "{leaver:?} has not joined");
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        assert!(std::thread::panicking() || self.0.is_empty(), "some stay");
    }
}

struct Race {
    rng: Rng,
    world: World,
    entries_max: u64,
    /// Positions that clients have known, to come back to.
    known: Vec<Position>,
    gone: Vec<Client>,
}

impl Race {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let entries_max = [3, 20, 400, 2_000][rng.below(4)];
        let mut settings = history(entries_max);
        if rng.below(3) == 0 {
            settings.first = First::Last(2);
        }
        let forgets = rng.below(3) == 0;
        if let Some(history) = settings.history.as_mut().filter(|_| forgets) {
            history.ttl = Duration::from_secs(1);
            history.meta_ttl = Duration::from_secs(2);
        }
        let config = config(settings, POLICIES[rng.below(3)]);
        let shards = [1, 2, 3][rng.below(3)];
        let lane = [1, 1, 4, 100][rng.below(4)];
        let room: MakeRoom = if rng.below(3) == 0 {
            || Some(Box::new(Guests::default()))
        } else {
            || None
        };
        let mut world = World::new(shards, lane, &config, room);
        for (driver, _) in &mut world.shards {
            driver.core.limit_work(1 << 30, 1 << 30);
        }
        // It reads all, and so knows the order.
        world.connect(0, Some(true), Since::Default);
        world.rest();
        Self {
            rng,
            world,
            // Messages that are too old may be a gap as well.
            entries_max: if forgets { 0 } else { entries_max.into() },
            known: Vec::new(),
            gone: Vec::new(),
        }
    }

    fn step(&mut self) {
        let shards = self.world.shards.len();
        let shard = self.rng.below(shards);
        let clients = self.world.clients.len();
        match self.rng.below(16) {
            0..6 => self.world.turn(shard),
            6..9 => drop(self.world.publish(shard)),
            9 => {
                for _ in 0..self.rng.below(400) {
                    self.world.publish(shard);
                }
            }
            10..12 if clients < 12 => self.connect(shard),
            12 if 1 < clients => {
                let client = 1 + self.rng.below(clients - 1);
                let client = self.world.cut(client);
                self.known.extend(client.at);
                self.gone.push(client);
            }
            13 | 14 if 1 < clients => {
                let client = 1 + self.rng.below(clients - 1);
                if self.world.clients[client].events.is_some() {
                    let bytes = self.rng.below(3_000);
                    self.world.let_read(client, Some(bytes));
                }
            }
            15 => {
                let time = self.rng.below(700) as u64;
                self.world.wait(Duration::from_millis(time));
            }
            _ => self.world.turn(shard),
        }
    }

    fn connect(&mut self, shard: usize) {
        let rng = &mut self.rng;
        let since = match rng.below(8) {
            0 => Since::Default,
            1 => Since::Foreign,
            2 => Since::Last([0, 1, 2, 4][rng.below(4)]),
            3 => Since::Last(1_000),
            _ => match self.known.len() {
                0 => Since::Default,
                len => Since::Position(self.known[rng.below(len)]),
            },
        };
        let events = [Some(false), Some(true), None][rng.below(3)];
        let client = self.world.connect(shard, events, since);
        if events.is_some() && rng.below(2) == 0 {
            let bytes = rng.below(2_000);
            self.world.let_read(client, Some(bytes));
        }
    }

    /// All read on: each client that is there has everything.
    fn finish(mut self) {
        self.world.read_all();
        // Of an order that all see: it may have been forgotten.
        while !self.world.publish(0) {
            self.world.rest();
        }
        self.world.rest();
        let mut numbers = HashMap::new();
        let clients = self.world.clients.iter();
        for client in clients.clone().chain(&self.gone) {
            self.check(client, &mut numbers);
        }
        let order = self.world.clients[0].got.iter().map(|got| got.1);
        let places: HashMap<u64, usize> = order.zip(0..).collect();
        for client in clients.clone() {
            assert!(client.is_open(), "{client:?}");
            self.check_order(client, &places);
        }
        let events = clients.filter(|client| client.events.is_some());
        let tops: Vec<Option<Position>> = events.map(|client| client.at).collect();
        for (client, top) in tops.iter().enumerate() {
            assert_eq!(*top, tops[0], "client {client} has not everything");
            assert!(top.is_some_and(|top| 0 < top.offset));
        }
        self.world.end();
    }

    /// Messages without positions are those of the order, up to its end; between them may miss what
    /// the history has no more.
    fn check_order(&self, client: &Client, places: &HashMap<u64, usize>) {
        let got = client.got.iter().map(|(_, number)| places[number]);
        let end = (client.events.is_none() && got.len() != 0).then_some(places.len());
        let got: Vec<usize> = got.chain(end).collect();
        for pair in got.windows(2) {
            let step = pair[1].saturating_sub(pair[0]);
            let is_gap = self.entries_max < step as u64 || client.events.is_some();
            assert!(step == 1 || is_gap && 1 < step, "{pair:?} of {got:?}");
        }
    }

    fn check(&self, client: &Client, numbers: &mut HashMap<Position, u64>) {
        for (position, number) in &client.got {
            if let Some(position) = position {
                let known = *numbers.entry(*position).or_insert(*number);
                assert_eq!(known, *number, "{position}");
            }
        }
        let is_told = client.events.is_none() || client.at.is_none() || !client.gaps.is_empty();
        assert!(client.since != Since::Foreign || is_told, "no gap");
        for (before, after) in &client.gaps {
            let before = before.filter(|before| before.epoch == after.epoch);
            let missing = before.map(|before| after.offset - before.offset);
            assert!(
                missing.is_none_or(|missing| self.entries_max < missing),
                "no gap: {before:?} to {after}"
            );
        }
    }
}

#[test]
fn clients_that_come_go_and_read_slowly_miss_nothing_in_silence() {
    let seeds = std::env::var("CORECAST_SEEDS").ok();
    let seeds = seeds.and_then(|seeds| seeds.parse().ok()).unwrap_or(300);
    let first = std::env::var("CORECAST_SEED").ok();
    let first = first.and_then(|seed| seed.parse().ok()).unwrap_or(0);
    for seed in first..first + seeds {
        let run = std::panic::catch_unwind(|| {
            let mut race = Race::new(seed);
            for _ in 0..race.rng.below(400) {
                race.step();
            }
            race.finish();
        });
        assert!(run.is_ok(), "seed {seed}");
    }
}
