//! The backplane on Redis: one order of a topic for all servers, set by a script in Redis, and kept
//! in a stream there. What is published reaches each server by its subscriptions; what those lose,
//! the server reads again out of the stream before it passes on what follows.
//!
//! `envelope` and `reader` decide and know no socket; [`RedisBackplane`] is the thread that has the
//! readers, beside one that sends commands and one that reads what is pushed. `docs/CLUSTER.md` has
//! the layout of the keys.

mod commands;
mod engine;
mod envelope;
mod reader;
mod resp;
mod scripts;
mod settings;
mod subscription;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::client::core::backoff;
use crate::client::core::random::Random;
use crate::client::entropy;
pub use crate::redis::engine::RedisBackplane;
pub use crate::redis::settings::RedisSettings;

/// The clock, for the threads of the backplane.
#[expect(
    clippy::disallowed_methods,
    reason = "they wait for sockets, as the shell of a shard does"
)]
fn now() -> Instant {
    Instant::now()
}

/// Random numbers for names and waits.
fn random() -> Random {
    Random::new(entropy::fill)
}

/// How long to wait before the next attempt to connect.
fn wait(random: &mut Random, attempt: u32) -> Duration {
    backoff::delay(WAIT_FIRST, WAIT_MAX, attempt, random.number())
}

const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(5);
