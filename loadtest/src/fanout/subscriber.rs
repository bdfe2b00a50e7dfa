//! The subscribers of one client thread: checks, times and counts every delivery.

use std::mem;
use std::sync::Arc;

use crate::app::{App, LinkName};
use crate::check::Checker;
use crate::fanout::progress::{Progress, Tally};
use crate::message::{Form, Stamp, WARM_UP};
use crate::outbox::Outbox;
use crate::record::Recorder;

/// The application of a subscribing thread.
#[derive(Debug)]
pub(super) struct Subscribers {
    form: Form,
    progress: Arc<Progress>,
    /// Copies of the warm-up message since the last turn.
    warmed: u64,
    /// What each publisher's messages came to since the last turn.
    tallies: Vec<Tally>,
    /// Receives all there is to check.
    pub(super) checker: Checker,
    /// Time of each delivery since the message was due.
    pub(super) latency: Recorder,
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
        progress: Arc<Progress>,
    ) -> Self {
        Self {
            form,
            progress,
            warmed: 0,
            tallies: vec![Tally::NONE; publishers],
            checker: Checker::new(conns, publishers),
            latency: Recorder::new(),
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
        let is_known = |stamp: &Stamp| {
            usize::from(stamp.publisher) < self.tallies.len() && stamp.seq < u32::MAX
        };
        let Some(stamp) = stamp.filter(is_known) else {
            self.foreign += 1;
            return;
        };
        let subscriber = u32::try_from(link.index).unwrap_or(u32::MAX);
        if self.checker.see(subscriber, stamp.publisher, stamp.seq) {
            self.latency.record(now.saturating_sub(stamp.due_ns));
            self.tallies[usize::from(stamp.publisher)].add(now);
        }
    }

    fn on_turn(&mut self, _now: u64, _out: &mut Outbox) -> Option<u64> {
        if self.warmed > 0 {
            self.progress.tell_warmed(mem::take(&mut self.warmed));
        }
        for (publisher, tally) in self.tallies.iter_mut().enumerate() {
            if tally.delivered > 0 {
                self.progress.tell(publisher, *tally);
                *tally = Tally::NONE;
            }
        }
        None
    }
}
