//! How far messages have got, counted by all client threads together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_channel::Sender;

use crate::control::{Control, News};
use crate::timeline::Timeline;

/// Shared by subscribers, which count, publishers, which wait, and their leader.
#[derive(Debug)]
pub(super) struct Progress {
    /// The warm-up message may go out.
    pub(super) warm_up: AtomicBool,
    pub(super) timeline: Arc<Timeline>,
    /// Deliveries, each (subscriber, message) once.
    pub(super) delivered: AtomicU64,
    /// Copies of the warm-up message.
    pub(super) warmed: AtomicU64,
    /// Deliveries there are to be; when they are reached the leader is told.
    expected: u64,
    done: Sender<News>,
    /// By publisher, where each waits for all subscribers.
    slots: Vec<Slot>,
    publishers: Arc<Control>,
}

/// One publisher's; a cache line of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Slot {
    delivered: AtomicU64,
    /// Deliveries at which the publisher's thread is woken.
    target: AtomicU64,
}

impl Progress {
    /// For so many deliveries. Of the publishers `waiting` wait; all are spread over the threads of
    /// their crew.
    pub(super) fn new(
        timeline: Arc<Timeline>,
        expected: u64,
        waiting: usize,
        publishers: Arc<Control>,
        done: Sender<News>,
    ) -> Self {
        let slot = || Slot {
            delivered: AtomicU64::new(0),
            target: AtomicU64::new(u64::MAX),
        };
        Self {
            warm_up: AtomicBool::new(false),
            timeline,
            delivered: AtomicU64::new(0),
            warmed: AtomicU64::new(0),
            expected,
            done,
            slots: (0..waiting).map(|_| slot()).collect(),
            publishers,
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.slots.len()
    }

    /// Adds deliveries that a thread counted.
    pub(super) fn tell(&self, delivered: u64) {
        let before = self.delivered.fetch_add(delivered, Ordering::AcqRel);
        if before < self.expected && before + delivered >= self.expected {
            // The other end is gone after the deadline.
            drop(self.done.send(News::Done));
        }
    }

    /// Adds deliveries of one publisher, and wakes it if its target was reached by them.
    pub(super) fn tell_of(&self, publisher: usize, delivered: u64) {
        let slot = &self.slots[publisher];
        let before = slot.delivered.fetch_add(delivered, Ordering::AcqRel);
        let target = slot.target.load(Ordering::Acquire);
        if before < target && before + delivered >= target {
            self.publishers.ring(publisher % self.publishers.threads());
        }
    }

    /// Before a message goes out: its publisher is to be woken at this many deliveries.
    pub(super) fn expect(&self, publisher: usize, target: u64) {
        let slot = &self.slots[publisher];
        slot.target.store(target, Ordering::Release);
    }

    pub(super) fn is_reached(&self, publisher: usize) -> bool {
        let slot = &self.slots[publisher];
        slot.delivered.load(Ordering::Acquire) >= slot.target.load(Ordering::Relaxed)
    }
}
