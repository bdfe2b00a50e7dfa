//! What the connections of one thread receive, checked message by message.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::check::message::Stamp;
use crate::check::reach::Reach;
use crate::client::outbox::Outbox;
use crate::client::structured::Standing;
use crate::client::{EndedBy, LinkName, Place};
use crate::pubsub::churn::Leaver;
use crate::pubsub::inbox::{Inbox, Received};
use crate::pubsub::positions::{Positions, Said};
use crate::pubsub::progress::Progress;
use crate::report::Counts;
use crate::run::record::Recorder;
use crate::run::series::{Meter, Pulse};

/// The subscribers of one thread: checks, times and counts every delivery. They may leave and come
/// back at any time.
///
/// One that comes back begins with whatever message comes first, as long as none is missing that
/// was begun after it knew that it was live.
pub(crate) struct Subscribers {
    progress: Arc<Progress>,
    pub(super) inbox: Inbox,
    /// Of those that go on where they were when they come back.
    pub(super) positions: Option<Positions>,
    /// The time of each delivery of the first topic, where there is no other.
    pub(super) reach: Option<Reach>,
    /// Time of each delivery since the message was due.
    pub(super) latency: Meter,
    /// The same for the intervals of a soak.
    interval: Option<Meter>,
    /// The same before, during and after what goes on, where that is told apart.
    pub(super) phases: Vec<Recorder>,
    /// From connect(2) to live.
    pub(super) took: Recorder,
    /// Those that came back, and when they were live, until their first message.
    joining: HashMap<usize, u64>,
    leaver: Leaver,
    /// New messages.
    got: u64,
    /// Messages that did not reach one that was back, though they began later.
    missed: u64,
    pub(super) ended: Counts,
    told_complete: u64,
    /// Since the last turn: copies of the warm-up message, deliveries, and those of each publisher
    /// that waits.
    warmed: u64,
    tally: u64,
    tallies: Vec<u64>,
    /// Publishers that wait and whose messages came since the last turn.
    touched: Vec<u32>,
}

impl Subscribers {
    /// With these checks, of so many topics.
    pub(crate) fn new(place: Place, inbox: Inbox, topics: u32, progress: Arc<Progress>) -> Self {
        let conns = inbox.places.len();
        let phases = if progress.has_phases { 3 } else { 0 };
        Self {
            reach: (topics == 1).then(|| Reach::new(conns, inbox.publishers as usize)),
            inbox,
            positions: progress.resumes.then(|| Positions::new(conns)),
            latency: progress.pulse.meter(),
            interval: progress.intervals.as_ref().map(Pulse::meter),
            phases: vec![Recorder::default(); phases],
            took: Recorder::default(),
            joining: HashMap::new(),
            leaver: Leaver::new(conns, place),
            got: 0,
            missed: 0,
            ended: Counts::new(),
            told_complete: 0,
            warmed: 0,
            tally: 0,
            tallies: vec![0; progress.waiting()],
            touched: Vec::new(),
            progress,
        }
    }

    pub(super) fn on_live(&mut self, index: usize, now: u64, took_ns: u64) {
        self.took.record(took_ns);
        self.leaver.is_here(index);
        let positions = self.positions.as_ref();
        if positions.is_some_and(|positions| positions.resumes(index)) {
            // It is to have everything.
            return;
        }
        // Before the schedule has begun, and without one, none misses anything.
        if self.progress.timeline.due(0).is_some() {
            self.inbox.come_back(index);
            self.joining.insert(index, now);
        }
    }

    pub(super) fn on_end(&mut self, index: usize, by: EndedBy<'_>, now: u64, out: &mut Outbox) {
        self.joining.remove(&index);
        match by {
            EndedBy::Us => self.leaver.has_left(index, &self.progress.churn, now, out),
            EndedBy::Server(why) => {
                self.leaver.is_gone(index);
                *self.ended.entry(why.to_owned()).or_default() += 1;
                if self.progress.returns {
                    out.come_back(index, now);
                }
            }
            EndedBy::Failure(_) => {}
        }
    }

    /// The position from which a connection goes on.
    pub(super) fn since(&self, index: usize) -> Option<String> {
        self.positions.as_ref()?.since(index)
    }

    /// Where a subscription of the structured protocol stands when it begins.
    pub(super) fn on_standing(&mut self, index: usize, standing: Standing<'_>) {
        if let Some(positions) = &mut self.positions {
            let said = positions.stand(index, standing);
            self.take(index, said);
        }
    }

    /// The offset of the message that follows.
    #[inline]
    pub(super) fn on_offset(&mut self, index: usize, offset: u64) {
        if let Some(positions) = &mut self.positions {
            let said = positions.follow(index, offset);
            self.take(index, said);
        }
    }

    /// What a connection that goes on where it was has got of a message; none if it is not one.
    #[inline]
    fn take_position<'p>(&mut self, index: usize, payload: &'p [u8]) -> Option<&'p [u8]> {
        let Some(positions) = &mut self.positions else {
            return Some(payload);
        };
        match positions.read(index, payload) {
            Said::Message(payload) => Some(payload),
            said => {
                self.take(index, said);
                None
            }
        }
    }

    /// What was said beside a message.
    fn take(&mut self, index: usize, said: Said<'_>) {
        match said {
            Said::Message(_) | Said::Position => {}
            Said::Gap => {
                let excused = self
                    .positions
                    .as_mut()
                    .map(|all| mem::take(&mut all.excused));
                self.progress.gaps.fetch_add(1, Ordering::AcqRel);
                let excused = excused.unwrap_or(0);
                self.progress.excused.fetch_add(excused, Ordering::AcqRel);
                self.inbox.come_back(index);
            }
            Said::Wrong => {
                self.inbox.received += 1;
                self.inbox.foreign += 1;
            }
        }
    }

    /// A message arrived; returns its stamp and its latency if it is new.
    #[inline]
    pub(super) fn receive(
        &mut self,
        link: LinkName,
        payload: &[u8],
        now: u64,
    ) -> Option<(Stamp, u64)> {
        let payload = self.take_position(link.index, payload)?;
        let stamp = match self.inbox.receive(link.index, payload) {
            Received::New(stamp) => stamp,
            Received::WarmUp => {
                self.warmed += 1;
                return None;
            }
            Received::Faulty => return None,
        };
        if !self.joining.is_empty() {
            self.join(link.index, stamp.seq);
        }
        let latency_ns = now.saturating_sub(stamp.due_ns);
        self.latency.record(latency_ns);
        if let Some(interval) = &mut self.interval {
            interval.record(latency_ns);
        }
        if !self.phases.is_empty() {
            self.phases[self.progress.phase_of(stamp.due_ns)].record(latency_ns);
        }
        if let Some(reach) = &mut self.reach {
            reach.see(stamp.publisher, stamp.seq, latency_ns);
        }
        self.tally += 1;
        if let Some(tally) = self.tallies.get_mut(stamp.publisher as usize) {
            if *tally == 0 {
                self.touched.push(stamp.publisher);
            }
            *tally += 1;
        }
        Some((stamp, latency_ns))
    }

    /// The first message of one that has come back.
    #[cold]
    fn join(&mut self, index: usize, seq: u32) {
        if let Some(live_at) = self.joining.remove(&index) {
            self.missed += self.progress.timeline.due_between(live_at, seq);
        }
    }

    /// Tells what came since the last turn; returns when the next connection is to leave.
    pub(super) fn turn(&mut self, now: u64, out: &mut Outbox) -> Option<u64> {
        let progress = &self.progress;
        self.latency.turn();
        self.interval.iter_mut().for_each(Meter::turn);
        let messages = progress.messages.load(Ordering::Acquire);
        if messages > 0 {
            let crowds = self.inbox.crowds.iter();
            let complete: usize = crowds.map(|(_, crowd)| crowd.complete(messages)).sum();
            let more = (complete as u64).wrapping_sub(self.told_complete);
            progress.complete.fetch_add(more, Ordering::AcqRel);
            self.told_complete = complete as u64;
        }
        if self.warmed > 0 {
            let warmed = mem::take(&mut self.warmed);
            progress.warmed.fetch_add(warmed, Ordering::AcqRel);
        }
        for publisher in self.touched.drain(..) {
            let tally = mem::take(&mut self.tallies[publisher as usize]);
            progress.tell_of(publisher as usize, tally);
        }
        if self.tally > 0 {
            let tally = mem::take(&mut self.tally);
            self.got += tally;
            progress.tell(tally);
        }
        self.leaver.turn(&progress.churn, now, out)
    }

    /// New messages of all, and messages that were missed by those that came back.
    pub(super) fn got_and_missed(&self) -> (u64, u64) {
        // Each that came back was given time for one message at least.
        let never_reached = self.joining.len() as u64;
        (self.got + self.tally, self.missed + never_reached)
    }
}
