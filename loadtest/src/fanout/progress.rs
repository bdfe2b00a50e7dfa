//! How far each publisher's messages have got, counted by all client threads together.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::control::Control;

/// Shared by subscribers, who count, and publishers, who wait.
#[derive(Debug)]
pub(super) struct Progress {
    slots: Vec<Slot>,
    /// Copies of the warm-up message.
    warmed: AtomicU64,
    /// The crew of the publishers, of one thread.
    publishers: Arc<Control>,
}

/// One publisher's; a cache line of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Slot {
    /// Deliveries, each (subscriber, message) once.
    delivered: AtomicU64,
    /// Deliveries at which the publisher's thread is woken.
    target: AtomicU64,
    /// When the first and the last subscriber got the message under way (closed loop).
    first_ns: AtomicU64,
    last_ns: AtomicU64,
}

/// What a thread counted since it last told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) delivered: u64,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
}

impl Tally {
    /// Nothing counted.
    pub(super) const NONE: Self = Self {
        delivered: 0,
        first_ns: u64::MAX,
        last_ns: 0,
    };

    /// One more delivery.
    #[inline]
    pub(super) fn add(&mut self, now: u64) {
        self.delivered += 1;
        self.first_ns = self.first_ns.min(now);
        self.last_ns = now;
    }
}

impl Progress {
    /// For this many publishers, all run by the one thread of `crew`.
    pub(super) fn new(publishers: usize, crew: Arc<Control>) -> Self {
        let slot = || Slot {
            delivered: AtomicU64::new(0),
            target: AtomicU64::new(u64::MAX),
            first_ns: AtomicU64::new(u64::MAX),
            last_ns: AtomicU64::new(0),
        };
        Self {
            slots: (0..publishers).map(|_| slot()).collect(),
            warmed: AtomicU64::new(0),
            publishers: crew,
        }
    }

    /// Descriptors a thread needs to be able to tell.
    pub(super) fn descriptors(&self) -> Vec<RawFd> {
        self.publishers.descriptors().collect()
    }

    /// Adds what a thread counted and wakes the publisher whose target was reached by it.
    pub(super) fn tell(&self, publisher: usize, tally: Tally) {
        let slot = &self.slots[publisher];
        slot.first_ns.fetch_min(tally.first_ns, Ordering::Relaxed);
        slot.last_ns.fetch_max(tally.last_ns, Ordering::Relaxed);
        let before = slot.delivered.fetch_add(tally.delivered, Ordering::AcqRel);
        let target = slot.target.load(Ordering::Acquire);
        if before < target && before + tally.delivered >= target {
            self.publishers.ring_all();
        }
    }

    /// Adds copies of the warm-up message that a thread got.
    pub(super) fn tell_warmed(&self, copies: u64) {
        self.warmed.fetch_add(copies, Ordering::AcqRel);
    }

    /// Copies of the warm-up message.
    pub(super) fn warmed(&self) -> u64 {
        self.warmed.load(Ordering::Acquire)
    }

    /// Before a message goes out: its publisher is to be woken at this many deliveries.
    pub(super) fn expect(&self, publisher: usize, target: u64) {
        let slot = &self.slots[publisher];
        slot.first_ns.store(u64::MAX, Ordering::Relaxed);
        slot.last_ns.store(0, Ordering::Relaxed);
        slot.target.store(target, Ordering::Release);
    }

    /// Whether the target was reached.
    pub(super) fn is_reached(&self, publisher: usize) -> bool {
        let slot = &self.slots[publisher];
        slot.delivered.load(Ordering::Acquire) >= slot.target.load(Ordering::Relaxed)
    }

    /// When the first and the last subscriber got the message under way.
    pub(super) fn first_and_last(&self, publisher: usize) -> (u64, u64) {
        let slot = &self.slots[publisher];
        (
            slot.first_ns.load(Ordering::Relaxed),
            slot.last_ns.load(Ordering::Relaxed),
        )
    }

    /// Deliveries of all publishers' messages.
    pub(super) fn delivered(&self) -> u64 {
        self.slots
            .iter()
            .map(|slot| slot.delivered.load(Ordering::Relaxed))
            .sum()
    }
}
