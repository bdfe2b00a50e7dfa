//! The connections of one echo thread: each sends a message when the one before came back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_channel::Sender;

use crate::app::{App, LinkName};
use crate::control::News;
use crate::message::{Form, Stamp};
use crate::outbox::Outbox;
use crate::series::Meter;
use crate::url::Protocol;

/// The application of an echo thread.
#[derive(Debug)]
pub(super) struct Pingers {
    form: Form,
    shared: Arc<Shared>,
    done: Sender<News>,
    quota: u32,
    pingers: Vec<Pinger>,
    has_started: bool,
    /// Round trips since the last turn.
    tally: u64,
    message: Vec<u8>,
    /// Time of each round trip.
    pub(super) latency: Meter,
    /// Round trips.
    pub(super) returned: u64,
    /// Messages that are not what was sent.
    pub(super) wrong: u64,
}

/// Shared by the threads and their leader.
#[derive(Debug)]
pub(super) struct Shared {
    /// The starting signal.
    pub(super) go: AtomicBool,
    /// Round trips of all.
    pub(super) returned: AtomicU64,
    /// Round trips that are to be made.
    pub(super) expected: u64,
}

#[derive(Clone, Copy, Debug)]
struct Pinger {
    sent: u32,
    sent_ns: u64,
    protocol: Protocol,
}

impl Pingers {
    /// For `conns` connections that send `quota` messages each.
    pub(super) fn new(
        conns: usize,
        quota: u32,
        form: Form,
        (shared, latency): (Arc<Shared>, Meter),
        done: Sender<News>,
    ) -> Self {
        let idle = Pinger {
            sent: 0,
            sent_ns: 0,
            protocol: Protocol::WebSocket,
        };
        Self {
            form,
            shared,
            done,
            quota,
            pingers: vec![idle; conns],
            has_started: false,
            tally: 0,
            message: Vec::new(),
            latency,
            returned: 0,
            wrong: 0,
        }
    }

    #[inline]
    fn send(&mut self, index: usize, now: u64, out: &mut Outbox) {
        let pinger = &mut self.pingers[index];
        let stamp = Stamp {
            publisher: 0,
            seq: pinger.sent,
            due_ns: now,
        };
        self.form.write(stamp, &mut self.message);
        pinger.sent += 1;
        pinger.sent_ns = now;
        out.message(index, pinger.protocol, &self.message);
    }
}

impl App for Pingers {
    fn on_live(&mut self, link: LinkName, _now: u64, _took_ns: u64, _out: &mut Outbox) {
        self.pingers[link.index].protocol = link.protocol;
    }

    #[inline]
    fn on_message(&mut self, link: LinkName, payload: &[u8], now: u64, out: &mut Outbox) {
        let pinger = self.pingers[link.index];
        let expected = Stamp {
            publisher: 0,
            seq: pinger.sent.wrapping_sub(1),
            due_ns: pinger.sent_ns,
        };
        if self.form.read(payload) != Some(expected) {
            self.wrong += 1;
            return;
        }
        self.latency.record(now.saturating_sub(pinger.sent_ns));
        self.tally += 1;
        if pinger.sent < self.quota {
            self.send(link.index, now, out);
        }
    }

    fn on_turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        self.latency.turn();
        if !self.has_started && self.shared.go.load(Ordering::Acquire) {
            self.has_started = true;
            (0..self.pingers.len()).for_each(|index| self.send(index, now, out));
        }
        if self.tally > 0 {
            self.returned += self.tally;
            let before = self.shared.returned.fetch_add(self.tally, Ordering::AcqRel);
            if before + self.tally == self.shared.expected {
                // Nobody listens after the deadline.
                drop(self.done.send(News::Done));
            }
            self.tally = 0;
        }
        None
    }
}
