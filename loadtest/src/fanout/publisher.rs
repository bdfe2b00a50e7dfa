//! The publishers: send each message when its turn or its time has come.
//!
//! They have a thread of their own, or as many as their descriptors ask for, so that reading
//! subscribers never holds up the schedule.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam_channel::Sender;

use crate::app::{App, LinkName, Plan};
use crate::check::Faults;
use crate::clock::nanos;
use crate::control::News;
use crate::crowd::Crowd;
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
    /// Number of this thread, and of all that publish.
    thread: usize,
    threads: usize,
    has_warmed_up: bool,
    told_done: bool,
    /// Receives the copies that are ours.
    checker: Crowd,
    /// Copies that are not.
    foreign: u64,
    /// The message being written.
    message: Vec<u8>,
    /// How long after it was due each message went out (open loop).
    pub(super) lateness: Recorder,
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
    /// Publishing threads that are not done.
    pub(super) busy: AtomicUsize,
}

#[derive(Debug)]
struct Publisher {
    /// Messages to send.
    quota: u32,
    sent: u32,
    /// A message of it is under way (closed loop).
    is_waiting: bool,
    protocol: Protocol,
}

/// Bytes that a publisher sends at once when it is behind its schedule.
const BURST_BYTES: usize = 64 << 10;

impl Publishers {
    /// For one thread's publishers; the numbers of all are dealt out to the threads in turn.
    /// `done` hears when all messages have arrived.
    pub(super) fn new(
        (thread, threads): (usize, usize),
        quotas: &[u32],
        pace: Pace,
        form: Form,
        shared: (Arc<Progress>, Arc<Go>),
        done: Sender<News>,
    ) -> Self {
        let publisher = |quota: &u32| Publisher {
            quota: *quota,
            sent: 0,
            is_waiting: false,
            protocol: Protocol::WebSocket,
        };
        Self {
            form,
            pace,
            progress: shared.0,
            go: shared.1,
            done,
            publishers: quotas
                .iter()
                .skip(thread)
                .step_by(threads)
                .map(publisher)
                .collect(),
            thread,
            threads,
            has_warmed_up: false,
            told_done: false,
            checker: Crowd::new(Plan::share(quotas.len(), thread, threads), quotas.len()),
            foreign: 0,
            message: Vec::new(),
            lateness: Recorder::new(),
            copies: 0,
        }
    }

    /// Number among all publishers of one of this thread.
    fn number(&self, index: usize) -> usize {
        index * self.threads + self.thread
    }

    /// Messages that each publisher of this thread sent, with its number.
    pub(super) fn sent(&self) -> impl Iterator<Item = (usize, u32)> {
        let publishers = self.publishers.iter().enumerate();
        publishers.map(|(index, publisher)| (self.number(index), publisher.sent))
    }

    /// Copies that came wrong: changed, again, late, or passed over and not come since. Those that
    /// are under way when the run ends are missed by nobody.
    pub(super) fn copies_faulty(self) -> u64 {
        let none = vec![0; self.checker.publishers()];
        let (faults, _) = self.checker.finish(&none);
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
        if self.thread == 0
            && let Some(publisher) = self.publishers.first()
        {
            self.form.write(stamp, &mut self.message);
            out.message(0, publisher.protocol, &self.message);
        }
        self.has_warmed_up = true;
    }

    fn send(&mut self, index: usize, due_ns: u64, out: &mut Outbox) {
        let number = u32::try_from(self.number(index)).unwrap_or(WARM_UP);
        let publisher = &mut self.publishers[index];
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
        let number = self.number(index);
        let publisher = &mut self.publishers[index];
        if publisher.is_waiting && !self.progress.is_reached(number) {
            return;
        }
        publisher.is_waiting = publisher.sent < publisher.quota;
        if publisher.is_waiting {
            let subscribers = self.go.subscribers.load(Ordering::Relaxed);
            self.progress
                .expect(number, u64::from(publisher.sent + 1) * subscribers);
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
                    .expect(self.number(index), u64::from(publisher.quota) * subscribers);
            }
            let round = publisher.sent as usize * self.checker.publishers();
            let number = round + self.number(index);
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
                    && (publisher.quota == 0 || self.progress.is_reached(self.number(index)))
            })
    }
}

impl App for Publishers {
    fn on_live(&mut self, link: LinkName, _now: u64, _took_ns: u64, _out: &mut Outbox) {
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
                if (publisher as usize) < self.checker.publishers() && seq < u32::MAX =>
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
            if self.go.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
                // Nobody listens after the deadline.
                drop(self.done.send(News::Done));
            }
        }
        next
    }
}
