//! What the subscribers of a crew, their publishers and their leader share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crossbeam_channel::Sender;

use crate::check::timeline::Timeline;
use crate::client::control::{Control, News, load};
use crate::pubsub::churn::Churn;
use crate::run::series::Pulse;

/// How far messages have got, counted by all client threads together.
pub(crate) struct Progress {
    pub(crate) timeline: Arc<Timeline>,
    /// The warm-up message may go out.
    pub(crate) warm_up: AtomicBool,
    /// Copies of the warm-up message.
    pub(crate) warmed: AtomicU64,
    /// Deliveries, each (subscriber, message) once.
    pub(crate) delivered: AtomicU64,
    /// Subscribers that have had all messages, once their number is known.
    pub(crate) complete: AtomicU64,
    /// How many messages there are in all; zero until it is known.
    pub(crate) messages: AtomicU32,
    /// Where latencies are told apart: what goes on began here, and ended there.
    pub(crate) from_ns: AtomicU64,
    pub(crate) to_ns: AtomicU64,
    /// Whether latencies before, during and after that are kept apart.
    pub(crate) has_phases: bool,
    /// Which subscribers are to leave and come back.
    pub(crate) churn: Churn,
    /// Whether those that the server closes connect again.
    pub(crate) returns: bool,
    /// Whether those that come back go on where they were.
    pub(crate) resumes: bool,
    /// Gaps that were told, and messages that are known to lie in them.
    pub(crate) gaps: AtomicU64,
    pub(crate) excused: AtomicU64,
    /// Counts the intervals of the series.
    pub(crate) pulse: Pulse,
    /// Counts the intervals of a soak.
    pub(crate) intervals: Option<Pulse>,
    /// Deliveries there are to be; when they are reached the leader is told.
    pub(crate) expected: u64,
    pub(crate) done: Option<Sender<News>>,
    /// By publisher, where each waits for all subscribers.
    pub(crate) slots: Vec<Slot>,
    pub(crate) publishers: Option<Arc<Control>>,
}

/// One publisher's; a cache line of its own.
#[repr(align(128))]
pub(crate) struct Slot {
    delivered: AtomicU64,
    /// Deliveries at which the publisher's thread is woken.
    target: AtomicU64,
}

impl Progress {
    /// For messages without an end, which no publisher waits for.
    pub(crate) fn new(timeline: Arc<Timeline>, pulse: Pulse) -> Self {
        Self {
            timeline,
            warm_up: AtomicBool::new(false),
            warmed: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            complete: AtomicU64::new(0),
            messages: AtomicU32::new(0),
            from_ns: AtomicU64::new(u64::MAX),
            to_ns: AtomicU64::new(u64::MAX),
            has_phases: false,
            churn: Churn::default(),
            returns: false,
            resumes: false,
            gaps: AtomicU64::new(0),
            excused: AtomicU64::new(0),
            pulse,
            intervals: None,
            expected: u64::MAX,
            done: None,
            slots: Vec::new(),
            publishers: None,
        }
    }

    /// The same for so many deliveries, whose end is told to `done`.
    pub(crate) fn until(mut self, expected: u64, done: Sender<News>) -> Self {
        (self.expected, self.done) = (expected, Some(done));
        self
    }

    /// The same with `waiting` publishers that wait, spread over the threads of their crew.
    pub(crate) fn waited_for(mut self, waiting: usize, publishers: Arc<Control>) -> Self {
        let slot = || Slot {
            delivered: AtomicU64::new(0),
            target: AtomicU64::new(u64::MAX),
        };
        self.slots = (0..waiting).map(|_| slot()).collect();
        self.publishers = Some(publishers);
        self
    }

    pub(super) fn waiting(&self) -> usize {
        self.slots.len()
    }

    /// Adds deliveries that a thread counted.
    pub(crate) fn tell(&self, delivered: u64) {
        let before = self.delivered.fetch_add(delivered, Ordering::AcqRel);
        if before < self.expected
            && before + delivered >= self.expected
            && let Some(done) = &self.done
        {
            // The other end is gone after the deadline.
            drop(done.send(News::Done));
        }
    }

    /// Adds deliveries of one publisher, and wakes it if its target was reached by them.
    pub(super) fn tell_of(&self, publisher: usize, delivered: u64) {
        let slot = &self.slots[publisher];
        let before = slot.delivered.fetch_add(delivered, Ordering::AcqRel);
        let target = load(&slot.target);
        if before < target
            && before + delivered >= target
            && let Some(publishers) = &self.publishers
        {
            publishers.ring(publisher % publishers.threads());
        }
    }

    /// Before a message goes out: its publisher is to be woken at this many deliveries.
    pub(super) fn expect(&self, publisher: usize, target: u64) {
        let slot = &self.slots[publisher];
        slot.target.store(target, Ordering::Release);
    }

    pub(super) fn is_reached(&self, publisher: usize) -> bool {
        let slot = &self.slots[publisher];
        load(&slot.delivered) >= slot.target.load(Ordering::Relaxed)
    }

    /// What messages that are due from now on belong to: what goes on, or what comes after it.
    pub(crate) fn begin_phase(&self, now: u64) {
        self.to_ns.store(u64::MAX, Ordering::Relaxed);
        self.from_ns.store(now, Ordering::Release);
    }

    pub(crate) fn end_phase(&self, now: u64) {
        self.to_ns.store(now, Ordering::Release);
    }

    /// Number of the phase of a message that was due then: before, during or after.
    #[inline]
    pub(super) fn phase_of(&self, due: u64) -> usize {
        let is_after = |mark: &AtomicU64| usize::from(mark.load(Ordering::Relaxed) <= due);
        is_after(&self.from_ns) + is_after(&self.to_ns)
    }
}
