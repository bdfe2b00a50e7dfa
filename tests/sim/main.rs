//! A whole node in one thread: cores, an in-memory mesh, a virtual clock, faults, and a seed.
//!
//! `SIM_SEED=0x... cargo test --test sim` replays one world, `SIM_SEEDS=N` tries that many;
//! `SIM_THEME=Histories` makes them all of that theme.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "test support"
)]

mod checker;
mod client;
mod deflate;
mod faults;
mod handler;
mod histories;
mod ledger;
mod net;
mod order;
mod patterns;
mod profile;
mod room;
mod scenes;
mod shard;
mod tokens;
mod world;

use std::env;
use std::hash::Hasher;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::thread;

use corecast::internals::Rng;

use crate::world::World;

/// Worlds tried if `SIM_SEEDS` is not set.
const SEEDS: u64 = 10_000;

#[test]
fn every_world_comes_to_its_end() {
    if let Some(seed) = env_number("SIM_SEED") {
        return run(seed);
    }
    let mut seeds = Rng::new(env_number("SIM_START").unwrap_or(0));
    let count = env_number("SIM_SEEDS").unwrap_or(SEEDS);
    let seeds: Vec<u64> = (0..count).map(|_| seeds.next_u64()).collect();
    // Worlds share nothing, so each processor tries a part of them.
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for part in 0..threads {
            let seeds = seeds.iter().skip(part).step_by(threads);
            scope.spawn(move || seeds.copied().for_each(run));
        }
    });
}

/// Or a failure could not be looked into.
#[test]
fn a_seed_makes_the_same_world_in_each_process() {
    let digests = || {
        let this = env::current_exe().unwrap();
        let mut worlds = Command::new(this);
        worlds.args(["every_world", "--nocapture"]);
        worlds.env("SIM_SEEDS", "60").env("SIM_DIGESTS", "1");
        worlds.env_remove("SIM_SEED");
        let output = worlds.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let lines = text.lines().filter(|line| line.starts_with("0x"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let (one, other) = (digests(), digests());
    assert_eq!(one.len(), 60);
    assert_eq!(one, other);
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| live(&mut world)));
    if env::var("SIM_DIGESTS").is_ok() {
        eprintln!("{seed:#x} {:#x}", world.digest.finish());
    }
    if let Err(panic) = outcome {
        eprintln!("{}", world.story());
        let theme = env::var("SIM_THEME").map(|theme| format!("SIM_THEME={theme} "));
        let theme = theme.unwrap_or_default();
        eprintln!("replay: {theme}SIM_SEED={seed:#x} cargo test --test sim");
        resume_unwind(panic);
    }
}

/// The life of a world, and what must be true of it.
fn live(world: &mut World) {
    world.live();
    // Clients that do not read hold back no others.
    world.come_to_rest();
    checker::check_at_rest(world);
    if !world.draining
        && let Some(first) = world.probe()
    {
        checker::check_probe(world, first);
    }
    world.wake_all();
    world.come_to_rest();
    checker::check_at_rest(world);
    world.end();
    checker::check_at_end(world);
}

fn env_number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    let number = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    Some(number.expect("a number"))
}
