//! When the messages of a run are due, how many may go out, and how many have.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::client::control::load;
use crate::clock::nanos;

/// Shared by publishers, their leader, and subscribers that come and go.
pub(crate) struct Timeline {
    /// Messages per second; without it each goes out when it is allowed.
    rate: Option<f64>,
    /// When the first message is due; zero until then.
    start_ns: AtomicU64,
    /// Messages that may go out.
    allowed: AtomicU32,
    /// Messages that have gone out, of the thread that was asked last.
    sent: AtomicU32,
    has_stopped: AtomicBool,
}

impl Timeline {
    /// For so many messages per second, or as they are allowed, and so many in all.
    pub(crate) fn new(rate: Option<f64>, allowed: u32) -> Self {
        Self {
            rate,
            start_ns: AtomicU64::new(0),
            allowed: AtomicU32::new(allowed),
            sent: AtomicU32::new(0),
            has_stopped: AtomicBool::new(false),
        }
    }

    /// The first message is due at `now`.
    pub(crate) fn start(&self, now: u64) {
        self.start_ns.store(now, Ordering::Release);
    }

    pub(crate) fn has_started(&self) -> bool {
        self.start_ns() > 0
    }

    /// When the first message is due; zero until that is known.
    pub(crate) fn start_ns(&self) -> u64 {
        load(&self.start_ns)
    }

    /// The last message is the one before this number, or the latest if that is further.
    pub(crate) fn stop_at(&self, messages: u32) {
        self.allowed.store(messages, Ordering::Release);
    }

    /// Lets so many more messages go out; returns how many that are in all.
    pub(crate) fn allow(&self, messages: u32, now: u64) -> u32 {
        self.start(now);
        self.allowed.fetch_add(messages, Ordering::AcqRel) + messages
    }

    pub(crate) fn allowed(&self) -> u32 {
        self.allowed.load(Ordering::Acquire)
    }

    /// So many messages have gone out, of so many that were allowed.
    pub(crate) fn note_sent(&self, sent: u32, allowed: u32) {
        self.sent.store(sent, Ordering::Release);
        let is_over = allowed > 0 && sent >= allowed;
        self.has_stopped.store(is_over, Ordering::Release);
    }

    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Acquire)
    }

    /// Whether all that were allowed have gone out; what was sent is then final.
    pub(crate) fn has_stopped(&self) -> bool {
        self.has_stopped.load(Ordering::Acquire)
    }

    /// When a message is due; none before the start, or without a rate.
    #[inline]
    pub(crate) fn due(&self, seq: u32) -> Option<u64> {
        let start = load(&self.start_ns);
        let rate = self.rate.filter(|_| start > 0)?;
        Some(start + nanos(f64::from(seq) / rate))
    }

    /// Messages that were due after `live_at` and before the one of number `seq`: they began after
    /// a subscriber knew that it was live, and should have reached it.
    pub(crate) fn due_between(&self, live_at: u64, seq: u32) -> u64 {
        let is_due = |seq: &u32| self.due(*seq).is_some_and(|due| live_at < due);
        (0..seq).rev().take_while(is_due).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_after_one_was_live_is_counted() {
        let timeline = Timeline::new(Some(1000.0), u32::MAX);
        assert_eq!(timeline.due_between(0, 5), 0, "it has not begun");
        timeline.start(1_000_000_000);
        // Numbers 0 to 4 are due at 1000, 1001, ... ms.
        assert_eq!(timeline.due(5), Some(1_005_000_000));
        assert_eq!(timeline.due_between(1_002_500_000, 5), 2);
        assert_eq!(timeline.due_between(1_002_500_000, 3), 0);
        assert_eq!(timeline.due_between(999_000_000, 5), 5);
    }
}
