//! Connections that publish and listen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::Sender;

use crate::app::{App, LinkName};
use crate::clock::nanos;
use crate::control::News;
use crate::crowd::Crowd;
use crate::message::{Form, Stamp};
use crate::outbox::Outbox;
use crate::reach::Reach;
use crate::record::Recorder;
use crate::series::Meter;
use crate::url::Protocol;

/// The application of a thread.
#[derive(Debug)]
pub(super) struct Talkers {
    form: Form,
    room: Arc<Room>,
    done: Sender<News>,
    /// Number of this thread, and of all.
    thread: usize,
    threads: usize,
    talkers: Vec<Talker>,
    /// Which talker of this thread is next by the schedule, and in which round.
    next: (usize, u32),
    has_started: bool,
    tally: u64,
    message: Vec<u8>,
    /// Receives all there is to check.
    pub(super) checker: Crowd,
    pub(super) reach: Reach,
    /// Time of each delivery since the message was due.
    pub(super) latency: Meter,
    /// Time until a message came back to who sent it.
    pub(super) own: Recorder,
    /// How long after it was due each message went out.
    pub(super) lateness: Recorder,
    /// Messages, the faulty ones as well.
    pub(super) received: u64,
    /// Not of this run, or changed on the way.
    pub(super) foreign: u64,
}

/// Shared by the threads and their leader.
#[derive(Debug)]
pub(super) struct Room {
    /// The starting signal; zero until then.
    pub(super) at_ns: AtomicU64,
    /// Deliveries, each (connection, message) once.
    pub(super) delivered: AtomicU64,
    /// Deliveries there are to be.
    pub(super) expected: u64,
    /// Connections, all of them publishers.
    pub(super) conns: usize,
    /// Messages of each.
    pub(super) quota: u32,
    /// Messages per second of all; without it each waits for its own.
    pub(super) rate: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Talker {
    sent: u32,
    protocol: Protocol,
}

/// Bytes that a thread sends at once when it is behind its schedule.
const BURST_BYTES: usize = 64 << 10;

impl Talkers {
    /// For `conns` connections of one of so many threads.
    pub(super) fn new(
        conns: usize,
        (thread, threads): (usize, usize),
        form: Form,
        (room, done): (Arc<Room>, Sender<News>),
        latency: Meter,
    ) -> Self {
        let talker = Talker {
            sent: 0,
            protocol: Protocol::WebSocket,
        };
        Self {
            form,
            done,
            thread,
            threads,
            talkers: vec![talker; conns],
            next: (0, 0),
            has_started: false,
            tally: 0,
            message: Vec::new(),
            checker: Crowd::new(conns, room.conns),
            reach: Reach::new(conns, room.conns),
            room,
            latency,
            own: Recorder::new(),
            lateness: Recorder::new(),
            received: 0,
            foreign: 0,
        }
    }

    /// Messages sent by each connection of this thread, with its number among all.
    pub(super) fn sent(&self) -> impl Iterator<Item = (usize, u32)> {
        let talkers = self.talkers.iter().enumerate();
        talkers.map(|(index, talker)| (self.number(index), talker.sent))
    }

    fn number(&self, index: usize) -> usize {
        index * self.threads + self.thread
    }

    fn send(&mut self, index: usize, due_ns: u64, out: &mut Outbox) {
        let publisher = u32::try_from(self.number(index)).unwrap_or(u32::MAX);
        let talker = &mut self.talkers[index];
        let stamp = Stamp {
            publisher,
            seq: talker.sent,
            due_ns,
        };
        self.form.write(stamp, &mut self.message);
        talker.sent += 1;
        out.message(index, talker.protocol, &self.message);
    }

    /// Sends what is due and returns when the next is.
    fn turn_open(&mut self, rate: f64, now: u64, out: &mut Outbox) -> Option<u64> {
        let start = self.room.at_ns.load(Ordering::Relaxed);
        let burst = out.len() + BURST_BYTES;
        loop {
            let (index, round) = self.next;
            let is_over = round == self.room.quota || self.talkers.is_empty();
            // A full socket holds up those after it, who are late then: the schedule is one.
            if is_over || out.is_blocked(index) {
                return None;
            }
            let turn = round as usize * self.room.conns + self.number(index);
            let due = start + nanos(turn as f64 / rate);
            if due > now {
                return Some(due);
            }
            if out.len() > burst {
                return Some(now);
            }
            self.lateness.record(now - due);
            self.send(index, due, out);
            self.next = if index + 1 == self.talkers.len() {
                (0, round + 1)
            } else {
                (index + 1, round)
            };
        }
    }
}

impl App for Talkers {
    fn on_live(&mut self, link: LinkName, _now: u64, _took_ns: u64, _out: &mut Outbox) {
        self.talkers[link.index].protocol = link.protocol;
    }

    #[inline]
    fn on_message(&mut self, link: LinkName, payload: &[u8], now: u64, out: &mut Outbox) {
        self.received += 1;
        let is_known =
            |stamp: &Stamp| (stamp.publisher as usize) < self.room.conns && stamp.seq < u32::MAX;
        let Some(stamp) = self.form.read(payload).filter(is_known) else {
            self.foreign += 1;
            return;
        };
        let listener = u32::try_from(link.index).unwrap_or(u32::MAX);
        if !self.checker.see(listener, stamp.publisher, stamp.seq) {
            return;
        }
        let latency = now.saturating_sub(stamp.due_ns);
        self.latency.record(latency);
        self.reach.see(stamp.publisher, stamp.seq, latency);
        self.tally += 1;
        if stamp.publisher as usize == self.number(link.index) {
            self.own.record(latency);
            let talker = self.talkers[link.index];
            let is_latest = stamp.seq + 1 == talker.sent;
            if self.room.rate.is_none() && is_latest && talker.sent < self.room.quota {
                self.send(link.index, now, out);
            }
        }
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        self.latency.turn();
        if self.room.at_ns.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut next = None;
        if let Some(rate) = self.room.rate {
            next = self.turn_open(rate, now, out);
        } else if !self.has_started {
            (0..self.talkers.len()).for_each(|index| self.send(index, now, out));
        }
        self.has_started = true;
        if self.tally > 0 {
            let before = self.room.delivered.fetch_add(self.tally, Ordering::AcqRel);
            if before + self.tally == self.room.expected {
                // Nobody listens after the deadline.
                drop(self.done.send(News::Done));
            }
            self.tally = 0;
        }
        next
    }
}
