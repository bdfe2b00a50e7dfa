//! A whole node in one thread: cores, an in-memory mesh, a virtual clock, faults, and a seed.
//!
//! `SIM_SEED=0x... cargo test --test sim` replays one world, `SIM_SEEDS=N` tries that many.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "test support"
)]

mod checker;
mod client;
mod deflate;
mod handler;
mod ledger;
mod net;
mod profile;
mod room;
mod scenes;
mod shard;
mod tokens;
mod world;

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
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

fn run(seed: u64) {
    let mut world = World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        world.live();
        // Clients that do not read hold back no others.
        world.come_to_rest();
        checker::check_at_rest(&mut world);
        if !world.draining
            && let Some(first) = world.probe()
        {
            checker::check_probe(&world, first);
        }
        world.wake_all();
        world.come_to_rest();
        checker::check_at_rest(&mut world);
        world.end();
        checker::check_at_end(&mut world);
    }));
    if let Err(panic) = outcome {
        eprintln!("{}", world.story());
        eprintln!("replay: SIM_SEED={seed:#x} cargo test --test sim");
        resume_unwind(panic);
    }
}

fn env_number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    Some(number.expect("a number"))
}
