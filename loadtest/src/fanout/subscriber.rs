//! The subscribers of one client thread: checks, times and counts every delivery.

use std::mem;
use std::sync::Arc;

use crate::app::{App, LinkName};
use crate::crowd::Crowd;
use crate::fanout::progress::Progress;
use crate::message::{Form, Stamp, WARM_UP};
use crate::outbox::Outbox;
use crate::reach::Reach;
use crate::series::Meter;

/// The application of a subscribing thread.
#[derive(Debug)]
pub(super) struct Subscribers {
    form: Form,
    progress: Arc<Progress>,
    /// Copies of the warm-up message since the last turn.
    warmed: u64,
    /// What each publisher's messages came to since the last turn.
    tallies: Vec<u64>,
    /// Publishers whose messages came since the last turn.
    touched: Vec<u32>,
    /// Receives all there is to check.
    pub(super) checker: Crowd,
    /// Receives the time of each delivery.
    pub(super) reach: Reach,
    /// Time of each delivery since the message was due.
    pub(super) latency: Meter,
    /// Messages, the faulty ones as well.
    pub(super) received: u64,
    /// Messages that nobody of this run published, or that were changed on the way.
    pub(super) foreign: u64,
}

impl Subscribers {
    /// For `conns` subscribers.
    pub(super) fn new(
        conns: usize,
        publishers: usize,
        form: Form,
        (progress, latency): (Arc<Progress>, Meter),
    ) -> Self {
        Self {
            form,
            progress,
            warmed: 0,
            tallies: vec![0; publishers],
            touched: Vec::new(),
            checker: Crowd::new(conns, publishers),
            reach: Reach::new(conns, publishers),
            latency,
            received: 0,
            foreign: 0,
        }
    }
}

impl App for Subscribers {
    #[inline]
    fn on_message(&mut self, link: LinkName, payload: &[u8], now: u64, _out: &mut Outbox) {
        let stamp = self.form.read(payload);
        if stamp.is_some_and(|stamp| stamp.publisher == WARM_UP) {
            self.warmed += 1;
            return;
        }
        self.received += 1;
        let is_known =
            |stamp: &Stamp| (stamp.publisher as usize) < self.tallies.len() && stamp.seq < u32::MAX;
        let Some(stamp) = stamp.filter(is_known) else {
            self.foreign += 1;
            return;
        };
        let subscriber = u32::try_from(link.index).unwrap_or(u32::MAX);
        if self.checker.see(subscriber, stamp.publisher, stamp.seq) {
            let latency_ns = now.saturating_sub(stamp.due_ns);
            self.latency.record(latency_ns);
            self.reach.see(stamp.publisher, stamp.seq, latency_ns);
            let tally = &mut self.tallies[stamp.publisher as usize];
            if *tally == 0 {
                self.touched.push(stamp.publisher);
            }
            *tally += 1;
        }
    }

    fn on_turn(&mut self, _now: u64, _out: &mut Outbox) -> Option<u64> {
        self.latency.turn();
        if self.warmed > 0 {
            self.progress.tell_warmed(mem::take(&mut self.warmed));
        }
        for publisher in self.touched.drain(..) {
            let tally = mem::take(&mut self.tallies[publisher as usize]);
            self.progress.tell(publisher as usize, tally);
        }
        None
    }
}
