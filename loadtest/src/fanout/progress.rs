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
    /// The crew of the publishers.
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
}

impl Progress {
    /// For this many publishers, spread over the threads of `crew`.
    pub(super) fn new(publishers: usize, crew: Arc<Control>) -> Self {
        let slot = || Slot {
            delivered: AtomicU64::new(0),
            target: AtomicU64::new(u64::MAX),
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
    pub(super) fn tell(&self, publisher: usize, delivered: u64) {
        let slot = &self.slots[publisher];
        let before = slot.delivered.fetch_add(delivered, Ordering::AcqRel);
        let target = slot.target.load(Ordering::Acquire);
        if before < target && before + delivered >= target {
            self.publishers.ring(publisher % self.publishers.threads());
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
        slot.target.store(target, Ordering::Release);
    }

    /// Whether the target was reached.
    pub(super) fn is_reached(&self, publisher: usize) -> bool {
        let slot = &self.slots[publisher];
        slot.delivered.load(Ordering::Acquire) >= slot.target.load(Ordering::Relaxed)
    }

    /// Deliveries of all publishers' messages.
    pub(super) fn delivered(&self) -> u64 {
        self.slots
            .iter()
            .map(|slot| slot.delivered.load(Ordering::Relaxed))
            .sum()
    }
}
