//! A million topics with one subscriber each come and go: the turns that take longest. And what a
//! message costs beside so many.

use std::time::{Duration, Instant};

use corecast::config::Config;
use corecast::internals::driver::{Driver, MeshEnd};
use corecast::time::Now;
use corecast::{ConnId, Relay, ShardId};

use crate::shard::{Shard, Sockets, open};
use criterion::Criterion;

/// Connections that come, or end, in a turn.
const PER_TURN: usize = 16;

/// What many steps took together, and the one that took longest.
#[derive(Default)]
struct Steps {
    count: u32,
    all: Duration,
    longest: Duration,
}

/// A message to a topic with one subscriber, beside others whose subscribers have as many topics
/// as a session may have.
pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("topics");
    for count in [1, 1_000, 1_000_000] {
        let channels: Vec<String> = (0..count).map(|n| format!("device:{n}")).collect();
        let mut shard = Shard::with_channels("device:0", &channels);
        group.bench_function(format!("publish, of {count}"), |bencher| {
            bencher.iter(|| assert_eq!(shard.publish(&[b'7'; 64]), 1));
        });
    }
}

/// Prints what the steps took.
#[expect(clippy::print_stdout, reason = "a report")]
pub(crate) fn report() {
    const COUNT: usize = 1_000_000;
    let start = Now::from_millis(0);
    let end = MeshEnd::alone(ShardId::default(), 1);
    let config = Config::default();
    let mut driver = Driver::new(end, config, start, Relay::default());
    let sockets = &mut Sockets::default();
    let mut conns: Vec<ConnId> = Vec::with_capacity(COUNT);
    let mut opened = Steps::default();
    for turn in 0..COUNT / PER_TURN {
        driver.core.begin_turn(start);
        for number in turn * PER_TURN..(turn + 1) * PER_TURN {
            let path = format!("/sub/device:{number}");
            opened.step(|| conns.push(open(&mut driver, number, &path)));
        }
        opened.step(|| driver.finish_turn(sockets));
    }
    assert_eq!(driver.core.counters().topics, COUNT as u64);
    opened.print("subscribed");
    let mut ended = Steps::default();
    for some in conns.chunks(PER_TURN) {
        ended.step(|| {
            driver.core.begin_turn(start);
            some.iter().for_each(|id| driver.core.handle_reset(*id));
            driver.finish_turn(sockets);
        });
    }
    ended.print("left");
    let over = start.plus(Duration::from_secs(60));
    let mut forgotten = Steps::default();
    while driver.core.counters().topics != 0 || driver.core.has_work() {
        forgotten.step(|| {
            driver.core.begin_turn(over);
            driver.finish_turn(sockets);
        });
    }
    forgotten.print("forgotten");
    println!("topics: entries left: {}", driver.core.table_entries());
}

impl Steps {
    #[expect(clippy::disallowed_methods, reason = "a bench has no shell")]
    fn step<T>(&mut self, step: impl FnOnce() -> T) {
        let start = Instant::now();
        step();
        let took = start.elapsed();
        self.count += 1;
        self.all += took;
        self.longest = self.longest.max(took);
    }

    #[expect(clippy::print_stdout, reason = "a report")]
    fn print(&self, what: &str) {
        let (count, all) = (self.count, self.all.as_millis());
        let longest = self.longest.as_micros();
        println!("topics: {what} in {count} steps, {all} ms, the longest {longest} µs");
    }
}
