//! The publishers: send each message when its turn or its time has come.
//!
//! All run on one thread of their own, so that reading subscribers never holds up the schedule.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_channel::Sender;

use crate::app::{App, LinkName};
use crate::check::{Checker, Faults};
use crate::clock::SECOND;
use crate::control::News;
use crate::fanout::progress::Progress;
use crate::message::{Form, Stamp, WARM_UP};
use crate::outbox::Outbox;
use crate::record::Recorder;
use crate::url::Protocol;

/// The application of the publishing thread.
#[derive(Debug)]
pub(super) struct Publishers {
    form: Form,
    pace: Pace,
    progress: Arc<Progress>,
    go: Arc<Go>,
    done: Sender<News>,
    publishers: Vec<Publisher>,
    has_warmed_up: bool,
    told_done: bool,
    /// Receives the copies that are ours.
    checker: Checker,
    /// Copies that are not.
    foreign: u64,
    /// The message being written.
    message: Vec<u8>,
    /// How long after it was due each message went out (open loop).
    pub(super) lateness: Recorder,
    /// From sending a message to its last delivery (closed loop).
    pub(super) completion: Recorder,
    /// From the first delivery of a message to its last (closed loop).
    pub(super) skew: Recorder,
    /// Messages that came back to publishers, who listen to the topic as well on some paths.
    pub(super) copies: u64,
}

/// When messages go out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// Each publisher sends when all subscribers have its message before.
    Closed,
    /// At a fixed schedule, whatever happened to those before; messages per second of all.
    Open { rate: f64 },
}

/// The starting signal.
#[derive(Debug, Default)]
pub(super) struct Go {
    /// The warm-up message may go out.
    pub(super) warm_up: AtomicBool,
    /// When the first message is due; zero until then.
    pub(super) at_ns: AtomicU64,
    /// Subscribers that each message has to reach.
    pub(super) subscribers: AtomicU64,
}

#[derive(Debug)]
struct Publisher {
    /// Messages to send.
    quota: u32,
    sent: u32,
    /// When the message under way was sent (closed loop).
    under_way: Option<u64>,
    protocol: Protocol,
}

/// Bytes that a publisher sends at once when it is behind its schedule.
const BURST_BYTES: usize = 64 << 10;

impl Publishers {
    /// For as many publishers as there are quotas; `done` hears when all messages have arrived.
    pub(super) fn new(
        quotas: &[u32],
        pace: Pace,
        form: Form,
        shared: (Arc<Progress>, Arc<Go>),
        done: Sender<News>,
    ) -> Self {
        let publisher = |quota: &u32| Publisher {
            quota: *quota,
            sent: 0,
            under_way: None,
            protocol: Protocol::WebSocket,
        };
        Self {
            form,
            pace,
            progress: shared.0,
            go: shared.1,
            done,
            publishers: quotas.iter().map(publisher).collect(),
            has_warmed_up: false,
            told_done: false,
            checker: Checker::new(quotas.len(), quotas.len()),
            foreign: 0,
            message: Vec::new(),
            lateness: Recorder::new(),
            completion: Recorder::new(),
            skew: Recorder::new(),
            copies: 0,
        }
    }

    /// Messages that each publisher sent.
    pub(super) fn sent(&self) -> Vec<u32> {
        self.publishers
            .iter()
            .map(|publisher| publisher.sent)
            .collect()
    }

    /// Copies that came wrong: changed, again, late, or passed over and not come since. Those that
    /// are under way when the run ends are missed by nobody.
    pub(super) fn copies_faulty(self) -> u64 {
        let (faults, _) = self.checker.finish(&vec![0; self.publishers.len()]);
        let Faults {
            lost,
            duplicated,
            reordered,
        } = faults;
        lost + duplicated + reordered + self.foreign
    }

    fn warm_up(&mut self, now: u64, out: &mut Outbox) {
        let stamp = Stamp {
            publisher: WARM_UP,
            seq: 0,
            due_ns: now,
        };
        if let Some(publisher) = self.publishers.first() {
            self.form.write(stamp, &mut self.message);
            out.message(0, publisher.protocol, &self.message);
        }
        self.has_warmed_up = true;
    }

    fn send(&mut self, index: usize, due_ns: u64, out: &mut Outbox) {
        let publisher = &mut self.publishers[index];
        let number = u16::try_from(index).unwrap_or(u16::MAX);
        let stamp = Stamp {
            publisher: number,
            seq: publisher.sent,
            due_ns,
        };
        self.form.write(stamp, &mut self.message);
        publisher.sent += 1;
        out.message(index, publisher.protocol, &self.message);
    }

    fn turn_closed(&mut self, index: usize, now: u64, out: &mut Outbox) {
        let publisher = &mut self.publishers[index];
        if let Some(sent_ns) = publisher.under_way {
            if !self.progress.is_reached(index) {
                return;
            }
            publisher.under_way = None;
            let (first, last) = self.progress.first_and_last(index);
            self.completion.record(last.saturating_sub(sent_ns));
            self.skew.record(last.saturating_sub(first));
        }
        if publisher.sent < publisher.quota {
            publisher.under_way = Some(now);
            let subscribers = self.go.subscribers.load(Ordering::Relaxed);
            self.progress
                .expect(index, u64::from(publisher.sent + 1) * subscribers);
            self.send(index, now, out);
        }
    }

    /// Sends what is due and returns when the next is.
    fn turn_open(&mut self, index: usize, rate: f64, now: u64, out: &mut Outbox) -> Option<u64> {
        let start = self.go.at_ns.load(Ordering::Relaxed);
        let burst = out.len() + BURST_BYTES;
        loop {
            let publisher = &self.publishers[index];
            if publisher.sent == publisher.quota || out.is_blocked(index) {
                return None;
            }
            if publisher.sent == 0 {
                let subscribers = self.go.subscribers.load(Ordering::Relaxed);
                self.progress
                    .expect(index, u64::from(publisher.quota) * subscribers);
            }
            let number = publisher.sent as usize * self.publishers.len() + index;
            let due = start + nanos(number as f64 / rate);
            if due > now {
                return Some(due);
            }
            if out.len() > burst {
                return Some(now);
            }
            self.lateness.record(now - due);
            self.send(index, due, out);
        }
    }

    fn is_done(&self) -> bool {
        self.publishers
            .iter()
            .enumerate()
            .all(|(index, publisher)| {
                publisher.sent == publisher.quota
                    && (publisher.quota == 0 || self.progress.is_reached(index))
            })
    }
}

impl App for Publishers {
    fn on_live(&mut self, link: LinkName, _now: u64, _out: &mut Outbox) {
        self.publishers[link.index].protocol = link.protocol;
    }

    fn on_message(&mut self, link: LinkName, payload: &[u8], _now: u64, _out: &mut Outbox) {
        let stamp = self.form.read(payload);
        if stamp.is_some_and(|stamp| stamp.publisher == WARM_UP) {
            return;
        }
        self.copies += 1;
        match stamp {
            Some(Stamp { publisher, seq, .. })
                if usize::from(publisher) < self.publishers.len() && seq < u32::MAX =>
            {
                let listener = u32::try_from(link.index).unwrap_or(u32::MAX);
                self.checker.see(listener, publisher, seq);
            }
            _ => self.foreign += 1,
        }
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        if !self.has_warmed_up && self.go.warm_up.load(Ordering::Acquire) {
            self.warm_up(now, out);
        }
        let start = self.go.at_ns.load(Ordering::Acquire);
        if start == 0 {
            return None;
        }
        let mut next = None;
        for index in 0..self.publishers.len() {
            match self.pace {
                Pace::Closed => self.turn_closed(index, now, out),
                Pace::Open { rate } => {
                    let due = self.turn_open(index, rate, now, out);
                    next = [next, due].into_iter().flatten().min();
                }
            }
        }
        if !self.told_done && self.is_done() {
            self.told_done = true;
            // Nobody listens after the deadline.
            drop(self.done.send(News::Done));
        }
        next
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and 584 years fit"
)]
fn nanos(seconds: f64) -> u64 {
    (seconds * SECOND as f64) as u64
}
