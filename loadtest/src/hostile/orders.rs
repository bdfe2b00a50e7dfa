//! What slow heads and garbage are to do, as the flags ask for it.

use std::time::Duration;

use crate::clock::{nanos, seconds};
use crate::hostile::cli::HostileArgs;
use crate::hostile::intruders::THROWS_PER_TURN;
use crate::leader::RunError;
use crate::scene;
use crate::url::Target;

#[derive(Debug)]
pub(super) struct Orders {
    pub(super) targets: Vec<Target>,
    /// Slow heads of all threads.
    pub(super) slow_heads: usize,
    /// Nanoseconds between two bytes of each.
    pub(super) byte_every_ns: u64,
    /// Connections of garbage per second of all threads.
    pub(super) garbage_per_s: f64,
    /// Nanoseconds that the server has to end one.
    pub(super) patience_ns: u64,
    pub(super) seed: u64,
}

/// A byte more often than this is no slow head.
const BYTE_EVERY_S_MIN: f64 = 1e-4;
const PATIENCE_S_MAX: f64 = 60.0;
const DURATION_MAX: Duration = Duration::from_secs(3600);

impl Orders {
    /// What the flags ask for, if it is possible.
    pub(super) fn new(args: &HostileArgs) -> Result<Self, RunError> {
        let wrong = |text: &str| Err(RunError::Usage(text.to_owned()));
        if args.slow_headers == 0 && args.garbage_per_s == 0 && args.attack.is_empty() {
            return wrong(
                "there is nothing to do: ask for --slow-headers, --garbage-per-s or --attack",
            );
        }
        if args.slow_byte_every < BYTE_EVERY_S_MIN {
            return wrong("--slow-byte-every must be at least 0.0001");
        }
        if !(args.patience > 0.0 && args.patience <= PATIENCE_S_MAX) {
            return wrong("--patience must be above 0 and at most 60");
        }
        if args.duration.is_zero() || args.duration > DURATION_MAX {
            return wrong("--duration must be above 0 and at most an hour");
        }
        let topic = scene::topic_of(scene::fresh_run(), args.topic.as_ref());
        Ok(Self {
            targets: scene::targets(&args.url, &topic, args.slow_headers as usize)?,
            slow_heads: args.slow_headers as usize,
            byte_every_ns: nanos(args.slow_byte_every),
            garbage_per_s: f64::from(args.garbage_per_s),
            patience_ns: nanos(args.patience),
            seed: args.seed,
        })
    }

    /// Places for garbage that one of `threads` needs: as many as can be open if all are left open,
    /// and some that take long to connect.
    pub(super) fn places(&self, threads: usize) -> usize {
        let open_s = seconds(0, self.patience_ns) + 1.0;
        let places = self.garbage_per_s * open_s / threads as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "flags are bounded"
        )]
        match places.ceil() as usize {
            0 => 0,
            places => places + THROWS_PER_TURN,
        }
    }
}
