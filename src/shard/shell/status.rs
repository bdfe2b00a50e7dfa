//! What the threads of a server share beside the mesh: its phase, and copies of the counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crate::address::admission::PerAddress;
use crate::config::Config;
use crate::counters::{Counters, Snapshot};
use crate::id::ShardId;
use crate::throttle::Throttles;

/// How far a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It takes connections.
    Serve,
    /// It closes them.
    Drain,
    /// It is over.
    Stop,
}

/// State of a whole server.
#[derive(Debug)]
pub struct Shared {
    /// The beginning of the time of all shards.
    start: Instant,
    phase: AtomicU8,
    /// A drain is to come.
    leaving: AtomicBool,
    /// Shards that may still have connections.
    undrained: AtomicUsize,
    /// Connections of all shards; those being turned away not among them.
    connections: AtomicUsize,
    connections_max: AtomicUsize,
    /// Those of each address, if there is a limit.
    per_address: Option<Arc<PerAddress>>,
    /// How often clients may open connections.
    throttles: Arc<Throttles>,
    snapshots: Vec<Snapshot>,
    /// Connections of each shard, those on their way to it and those being turned away among them.
    loads: Vec<AtomicUsize>,
    /// Shards that had no descriptor for a connection a moment ago.
    exhausted: Vec<AtomicBool>,
    /// Accepts of the balancer that failed.
    accept_errors: AtomicU64,
}

impl Shared {
    /// The state of a server that starts with so many shards.
    pub fn new(
        shards: u16,
        connections_max: usize,
        per_address: Option<PerAddress>,
        throttles: Throttles,
    ) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the shell is where the clock is read"
        )]
        let start = Instant::now();
        Self {
            start,
            phase: AtomicU8::new(Phase::Serve as u8),
            leaving: AtomicBool::new(false),
            undrained: AtomicUsize::new(shards.into()),
            connections: AtomicUsize::new(0),
            connections_max: AtomicUsize::new(connections_max),
            per_address: per_address.map(Arc::new),
            throttles: Arc::new(throttles),
            snapshots: (0..shards).map(|_| Snapshot::default()).collect(),
            loads: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            exhausted: (0..shards).map(|_| AtomicBool::new(false)).collect(),
            accept_errors: AtomicU64::new(0),
        }
    }

    /// The beginning of the time of all shards.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Goes on to a later phase; the shards see it when they are rung.
    pub fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// A drain is to come.
    pub fn announce_drain(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether the server serves, and no drain is announced.
    pub fn is_ready(&self) -> bool {
        self.is_serving() && !self.leaving.load(Ordering::Relaxed)
    }

    /// The limits of connections are these from now on; connections that there are stay. A limit
    /// of addresses or rates that the server was started without stays off: what it would count
    /// was not counted.
    pub fn set_limits(&self, connections_max: usize, config: &Config) {
        self.connections_max
            .store(connections_max, Ordering::Relaxed);
        if let Some(per_address) = &self.per_address {
            per_address.set_max(config.connections_per_address_max.unwrap_or(u32::MAX));
        }
        let Throttles { addresses, users } = &*self.throttles;
        if let Some(addresses) = addresses {
            addresses.set_rate(config.open_rate_per_address);
        }
        if let Some(users) = users {
            users.set_rate(config.open_rate_per_user);
        }
    }

    /// Counts one more connection, if that is not too many.
    pub fn admit(&self) -> bool {
        let max = self.connections_max.load(Ordering::Relaxed);
        let admitted = self.connections.fetch_add(1, Ordering::Relaxed) < max;
        if !admitted {
            self.leave();
        }
        admitted
    }

    /// What counts the connections of each address.
    pub fn per_address(&self) -> Option<Arc<PerAddress>> {
        self.per_address.clone()
    }

    /// What counts how often clients open connections.
    pub fn throttles(&self) -> Arc<Throttles> {
        Arc::clone(&self.throttles)
    }

    /// Counts one connection less.
    pub fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many connections a shard has.
    pub fn load(&self, shard: ShardId) -> usize {
        let load = self.loads.get(shard.index());
        load.map_or(usize::MAX, |load| load.load(Ordering::Relaxed))
    }

    /// Counts one more connection of a shard.
    pub fn add_load(&self, shard: ShardId) {
        if let Some(load) = self.loads.get(shard.index()) {
            load.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts one connection of a shard less.
    pub fn take_load(&self, shard: ShardId) {
        if let Some(load) = self.loads.get(shard.index()) {
            load.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether a shard had no descriptor for a connection a moment ago.
    pub fn is_exhausted(&self, shard: ShardId) -> bool {
        let exhausted = self.exhausted.get(shard.index());
        exhausted.is_some_and(|exhausted| exhausted.load(Ordering::Relaxed))
    }

    /// A shard has no descriptor for a connection, or has again.
    pub fn set_exhausted(&self, shard: ShardId, is_exhausted: bool) {
        if let Some(exhausted) = self.exhausted.get(shard.index()) {
            exhausted.store(is_exhausted, Ordering::Relaxed);
        }
    }

    /// Counts an accept of the balancer that failed, with those of the first shard.
    pub fn count_accept_error(&self) {
        self.accept_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// The sum of all shards' counters, at most a turn old.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for snapshot in &self.snapshots {
            snapshot.add_to(&mut sum);
        }
        sum.accept_errors += self.accept_errors.load(Ordering::Relaxed);
        sum
    }

    /// The counters of each shard, at most a turn old.
    pub fn shard_counters(&self) -> Vec<Counters> {
        let of_shard = |snapshot: &Snapshot| {
            let mut counters = Counters::default();
            snapshot.add_to(&mut counters);
            counters
        };
        let mut all: Vec<_> = self.snapshots.iter().map(of_shard).collect();
        if let Some(first) = all.first_mut() {
            first.accept_errors += self.accept_errors.load(Ordering::Relaxed);
        }
        all
    }

    /// Whether the server is over, or has failed.
    pub fn is_stopped(&self) -> bool {
        self.phase.load(Ordering::Acquire) == Phase::Stop as u8
    }

    /// Whether the server takes connections: it has not begun to drain or to stop.
    pub fn is_serving(&self) -> bool {
        self.phase.load(Ordering::Acquire) == Phase::Serve as u8
    }
}

/// One shard's view of it.
#[derive(Debug)]
pub struct Control {
    shared: Arc<Shared>,
    shard: ShardId,
    /// This shard has no connections any more and has said so.
    drained: bool,
}

impl Control {
    /// The view of `shard`.
    pub fn new(shared: Arc<Shared>, shard: ShardId) -> Self {
        Self {
            shared,
            shard,
            drained: false,
        }
    }

    /// Whether this shard has nothing more to close.
    pub fn is_drained(&self) -> bool {
        self.drained
    }

    /// What to do next. A drained shard goes on, as others may have topics at home here.
    pub fn phase(&self) -> Phase {
        match self.shared.phase.load(Ordering::Acquire) {
            phase if phase == Phase::Serve as u8 => Phase::Serve,
            phase if phase == Phase::Drain as u8 && 0 < self.undrained() => Phase::Drain,
            _ => Phase::Stop,
        }
    }

    /// Notes that this shard drains and has no connections any more.
    pub fn note_drained(&mut self) {
        if !self.drained {
            self.drained = true;
            self.shared.undrained.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn undrained(&self) -> usize {
        self.shared.undrained.load(Ordering::Acquire)
    }

    /// Which shard it is.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// The state of the whole server.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Renews the copy of the shard's counters.
    pub fn report(&self, counters: &Counters) {
        if let Some(snapshot) = self.shared.snapshots.get(self.shard.index()) {
            snapshot.store(counters);
        }
    }
}
