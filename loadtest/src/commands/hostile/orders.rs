//! What slow heads, garbage and attackers are to do, and what is counted of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use crate::clock::seconds;
use crate::commands::hostile::attack::Attack;
use crate::commands::hostile::script::Script;
use crate::report::{Counts, add_counts};
use crate::run::record::Recorder;
use crate::url::Target;

/// What the connections of a crew are to do.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) targets: Vec<Target>,
    /// Slow heads of all threads, and nanoseconds between two bytes of each.
    pub(super) slow_heads: usize,
    pub(super) byte_every_ns: u64,
    /// Attackers of all threads.
    pub(super) scripts: Vec<(Attack, Arc<Script>)>,
    /// Connections of garbage per second of all threads, and nanoseconds that the server has to
    /// end one.
    pub(super) garbage_per_s: f64,
    pub(super) patience_ns: u64,
    pub(super) seed: u64,
}

/// What threads and their leader share.
#[derive(Debug, Default)]
pub(super) struct Meters {
    pub(super) has_begun: AtomicBool,
    /// No more garbage is begun.
    pub(super) is_over: AtomicBool,
    /// Slow heads that are open, the most that were, and those that were opened, each time counted.
    pub(super) slow_open: AtomicU64,
    pub(super) slow_open_most: AtomicU64,
    pub(super) slow_opened: AtomicU64,
    /// Connections of garbage that are open, those that are begun and not ended, and those made.
    pub(super) garbage_open: AtomicU64,
    pub(super) garbage_busy: AtomicU64,
    pub(super) garbage_made: AtomicU64,
}

/// What became of the connections of one thread, or of all.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How slow heads that the server ended were answered.
    pub(super) slow_ends: Counts,
    /// From connected to ended by the server.
    pub(super) slow_lived: Recorder,
    /// How connections of garbage ended, by kind.
    pub(super) garbage_ends: BTreeMap<&'static str, Counts>,
    pub(super) garbage_lived: Recorder,
    pub(super) attacks: BTreeMap<Attack, Losses>,
    /// Slow heads and garbage that the server ended with the end of the stream, and with a reset.
    pub(super) closed: u64,
    pub(super) reset: u64,
    /// Connections of garbage that the server did not end.
    pub(super) left_open: u64,
    /// Connections of garbage that were due and not begun: too many were still open.
    pub(super) held_back: u64,
}

/// What the connections of one attack have done and met.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    /// Connections that went through, each time counted.
    pub(super) opened: u64,
    /// Bytes that the kernel took.
    pub(super) sent: u64,
    /// How connections ended.
    pub(super) ends: Counts,
}

impl Tally {
    pub(super) fn merge(&mut self, other: &Self) {
        add_counts(&mut self.slow_ends, &other.slow_ends);
        self.slow_lived.merge(&other.slow_lived);
        for (kind, ends) in &other.garbage_ends {
            add_counts(self.garbage_ends.entry(kind).or_default(), ends);
        }
        self.garbage_lived.merge(&other.garbage_lived);
        for (attack, losses) in &other.attacks {
            let all = self.attacks.entry(*attack).or_default();
            all.opened += losses.opened;
            all.sent += losses.sent;
            add_counts(&mut all.ends, &losses.ends);
        }
        self.closed += other.closed;
        self.reset += other.reset;
        self.left_open += other.left_open;
        self.held_back += other.held_back;
    }
}

/// Connections of garbage begun in one turn at the most: what a thread has slept through is not
/// made up for at once.
pub(super) const THROWS_PER_TURN: usize = 256;

impl Orders {
    /// Places for garbage that one of `threads` needs: as many as can be open if all are left open,
    /// and some that take long to connect.
    fn places(&self, threads: usize) -> usize {
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

    /// Connections of all `threads`.
    pub(super) fn conns(&self, threads: usize) -> usize {
        self.slow_heads + self.scripts.len() + self.places(threads) * threads
    }
}
