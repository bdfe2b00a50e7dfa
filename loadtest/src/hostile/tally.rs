//! What is counted: by each thread for the report, and by all of them for the series.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64};

use crate::hostile::garbage::Mess;
use crate::record::Recorder;
use crate::report::add_counts;

/// What threads and their leader share.
#[derive(Debug, Default)]
pub(super) struct Meters {
    pub(super) has_begun: AtomicBool,
    /// No more garbage is begun.
    pub(super) is_over: AtomicBool,
    /// Slow heads that are open.
    pub(super) slow_open: AtomicU64,
    /// The most that were.
    pub(super) slow_open_most: AtomicU64,
    /// Slow heads that were opened, each time counted.
    pub(super) slow_opened: AtomicU64,
    /// Connections of garbage that are open.
    pub(super) garbage_open: AtomicU64,
    /// Connections of garbage that are begun and not ended.
    pub(super) garbage_busy: AtomicU64,
    /// Connections of garbage that were made.
    pub(super) garbage_made: AtomicU64,
}

/// What became of the connections of one thread, or of all.
#[derive(Debug)]
pub(super) struct Tally {
    /// How slow heads that the server ended were answered, and how often.
    pub(super) slow_ends: BTreeMap<String, u64>,
    /// From connected to ended by the server.
    pub(super) slow_lived: Recorder,
    /// How connections of garbage ended, by kind.
    pub(super) garbage_ends: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// From connected to ended by the server.
    pub(super) garbage_lived: Recorder,
    /// Ended by the server with the end of the stream.
    pub(super) closed: u64,
    /// Ended by the server with a reset.
    pub(super) reset: u64,
    /// Connections of garbage that the server did not end.
    pub(super) left_open: u64,
    /// Connections of garbage that were due and not begun: too many were still open.
    pub(super) held_back: u64,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            slow_ends: BTreeMap::new(),
            slow_lived: Recorder::new(),
            garbage_ends: BTreeMap::new(),
            garbage_lived: Recorder::new(),
            closed: 0,
            reset: 0,
            left_open: 0,
            held_back: 0,
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        add_counts(&mut self.slow_ends, &other.slow_ends);
        self.slow_lived.merge(&other.slow_lived);
        for (kind, ends) in &other.garbage_ends {
            add_counts(self.garbage_ends.entry(kind).or_default(), ends);
        }
        self.garbage_lived.merge(&other.garbage_lived);
        self.closed += other.closed;
        self.reset += other.reset;
        self.left_open += other.left_open;
        self.held_back += other.held_back;
    }

    /// One connection is over.
    pub(super) fn end(&mut self, mess: Option<Mess>, how: String) {
        let ends = match mess {
            Some(mess) => self.garbage_ends.entry(mess.label()).or_default(),
            None => &mut self.slow_ends,
        };
        *ends.entry(how).or_default() += 1;
    }
}
