//! The connections of one publishing thread: each to one topic, by one publisher.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::app::{App, LinkName};
use crate::message::{Form, Stamp};
use crate::outbox::Outbox;
use crate::record::Recorder;
use crate::topics::schedule::Schedule;
use crate::url::Protocol;

/// The application of a publishing thread.
#[derive(Debug)]
pub(super) struct Publishers {
    form: Form,
    schedule: Arc<Schedule>,
    /// When the first message is due; zero until it is known.
    start_ns: Arc<AtomicU64>,
    thread: usize,
    threads: usize,
    /// Messages sent on each connection.
    sent: Vec<u32>,
    /// The next message of the schedule, for whichever connection it is.
    next: u32,
    message: Vec<u8>,
    /// How long after it was due each message went out.
    pub(super) lateness: Recorder,
    /// What came back, on paths where publishers listen as well.
    pub(super) copies: u64,
}

/// Bytes that a thread sends at once when it is behind its schedule.
const BURST_BYTES: usize = 64 << 10;

impl Publishers {
    /// For `conns` connections of one of so many threads.
    pub(super) fn new(
        conns: usize,
        (thread, threads): (usize, usize),
        form: Form,
        (schedule, start_ns): (Arc<Schedule>, Arc<AtomicU64>),
    ) -> Self {
        Self {
            form,
            schedule,
            start_ns,
            thread,
            threads,
            sent: vec![0; conns],
            next: 0,
            message: Vec::new(),
            lateness: Recorder::new(),
            copies: 0,
        }
    }

    /// Messages sent on each connection of this thread, with its number among all.
    pub(super) fn sent(&self) -> impl Iterator<Item = (usize, u32)> {
        let sent = self.sent.iter().enumerate();
        sent.map(|(index, sent)| (index * self.threads + self.thread, *sent))
    }

    fn send(&mut self, index: usize, place: (u32, u32), due_ns: u64, out: &mut Outbox) {
        let (topic, publisher) = place;
        let stamp = Stamp {
            publisher,
            seq: self.sent[index],
            due_ns,
        };
        self.sent[index] += 1;
        self.form.set_topic(topic);
        self.form.write(stamp, &mut self.message);
        out.message(index, Protocol::WebSocket, &self.message);
    }
}

impl App for Publishers {
    fn on_message(&mut self, _link: LinkName, _payload: &[u8], _now: u64, _out: &mut Outbox) {
        self.copies += 1;
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        let start = self.start_ns.load(Ordering::Acquire);
        if start == 0 {
            return None;
        }
        while self.next < self.schedule.messages {
            let due = start + self.schedule.due(self.next);
            if due > now {
                return Some(due);
            }
            if out.len() > BURST_BYTES {
                return Some(now);
            }
            let place = self.schedule.place(self.next);
            let conn = place.0 as usize * self.schedule.publishers as usize + place.1 as usize;
            let index = conn / self.threads;
            let is_ours = conn % self.threads == self.thread;
            // Those after it wait as well, and are late: the schedule is one.
            if is_ours && out.is_blocked(index) {
                return None;
            }
            self.next += 1;
            if is_ours {
                self.lateness.record(now - due);
                self.send(index, place, due, out);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_socket_holds_the_schedule_up() {
        let schedule = Arc::new(Schedule::of_topics(2, 100));
        let start = Arc::new(AtomicU64::new(1));
        let shared = (schedule, start);
        let mut publishers = Publishers::new(2, (0, 1), Form::new(7, 24), shared);
        let mut out = Outbox::default();
        out.block(1);
        assert_eq!(publishers.on_turn(u64::MAX >> 1, &mut out), None);
        assert_eq!(publishers.sent, [1, 0]);
        out.forget(1);
        publishers.on_turn(u64::MAX >> 1, &mut out);
        assert_eq!(publishers.sent, [50, 50]);
    }
}
