//! One publisher of one topic: at a fixed schedule until it is stopped, or when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::app::{App, LinkName};
use crate::clock::nanos;
use crate::message::{Form, Stamp};
use crate::outbox::Outbox;
use crate::record::Recorder;
use crate::url::Protocol;

#[derive(Debug)]
pub(crate) struct Metronome {
    form: Form,
    schedule: Arc<Schedule>,
    protocol: Protocol,
    sent: u32,
    message: Vec<u8>,
    /// How long after it was due each message went out.
    pub(crate) lateness: Recorder,
    /// What came back to it, on paths where publishers listen as well.
    pub(crate) copies: u64,
}

/// What a publisher is told, and how far it is.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// Messages per second; without it each goes out when it is allowed.
    rate: Option<f64>,
    /// When the first message is due; zero until then.
    start_ns: AtomicU64,
    allowed: AtomicU32,
    sent: AtomicU32,
    has_stopped: AtomicBool,
}

/// Bytes that are sent at once when the schedule is behind.
const BURST_BYTES: usize = 64 << 10;

impl Schedule {
    /// For so many messages per second, or one at a time.
    pub(crate) fn new(rate: Option<f64>) -> Self {
        Self {
            rate,
            start_ns: AtomicU64::new(0),
            allowed: AtomicU32::new(0),
            sent: AtomicU32::new(0),
            has_stopped: AtomicBool::new(false),
        }
    }

    /// Lets the schedule begin at `now`, without an end.
    pub(crate) fn start(&self, now: u64) {
        self.allowed.store(u32::MAX, Ordering::Relaxed);
        self.start_ns.store(now, Ordering::Release);
    }

    /// Lets the schedule end after this many messages, or where it is if that is further.
    pub(crate) fn stop_at(&self, messages: u32) {
        self.allowed.store(messages, Ordering::Release);
    }

    /// Lets one more message go out; returns how many that are.
    pub(crate) fn allow_one(&self, now: u64) -> u32 {
        self.start_ns.store(now, Ordering::Relaxed);
        self.allowed.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Acquire)
    }

    /// Whether the schedule has come to its end; what was sent is then final.
    pub(crate) fn has_stopped(&self) -> bool {
        self.has_stopped.load(Ordering::Acquire)
    }

    /// When a message is due by the schedule; nothing before it has begun, or without one.
    pub(crate) fn due(&self, seq: u32) -> Option<u64> {
        let start = self.start_ns.load(Ordering::Acquire);
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

impl Metronome {
    /// A publisher of messages of this form.
    pub(crate) fn new(form: Form, schedule: Arc<Schedule>) -> Self {
        Self {
            form,
            schedule,
            protocol: Protocol::WebSocket,
            sent: 0,
            message: Vec::new(),
            lateness: Recorder::new(),
            copies: 0,
        }
    }

    fn send(&mut self, due_ns: u64, out: &mut Outbox) {
        let stamp = Stamp {
            publisher: 0,
            seq: self.sent,
            due_ns,
        };
        self.form.write(stamp, &mut self.message);
        out.message(0, self.protocol, &self.message);
        self.sent += 1;
    }
}

impl App for Metronome {
    fn on_live(&mut self, link: LinkName, _now: u64, _took_ns: u64, _out: &mut Outbox) {
        self.protocol = link.protocol;
    }

    fn on_message(&mut self, _link: LinkName, _payload: &[u8], _now: u64, _out: &mut Outbox) {
        self.copies += 1;
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        let mut next = None;
        let allowed = self.schedule.allowed.load(Ordering::Acquire);
        while self.sent < allowed && !out.is_blocked(0) {
            let due = self.schedule.due(self.sent).unwrap_or(now);
            if due > now || out.len() > BURST_BYTES {
                next = Some(due.max(now));
                break;
            }
            self.lateness.record(now - due);
            self.send(due, out);
        }
        self.schedule.sent.store(self.sent, Ordering::Release);
        let is_over = allowed > 0 && self.sent >= allowed;
        self.schedule.has_stopped.store(is_over, Ordering::Release);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_after_one_was_live_is_counted() {
        let schedule = Schedule::new(Some(1000.0));
        assert_eq!(schedule.due_between(0, 5), 0, "it has not begun");
        schedule.start(1_000_000_000);
        // Numbers 0 to 4 are due at 1000, 1001, ... ms.
        assert_eq!(schedule.due_between(1_002_500_000, 5), 2);
        assert_eq!(schedule.due_between(1_002_500_000, 3), 0);
        assert_eq!(schedule.due_between(999_000_000, 5), 5);
    }
}
