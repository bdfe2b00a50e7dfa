//! What the connections of one thread receive, checked message by message.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::check::crowd::Crowd;
use crate::check::message::{Form, Stamp, WARM_UP};
use crate::check::reach::Reach;
use crate::client::outbox::Outbox;
use crate::client::{EndedBy, LinkName, Numbering, Place};
use crate::pubsub::churn::Leaver;
use crate::pubsub::progress::Progress;
use crate::report::Counts;
use crate::run::record::Recorder;
use crate::run::series::{Meter, Pulse};

/// The checks of connections that listen, each to one topic.
pub(crate) struct Inbox {
    form: Form,
    first_topic: u32,
    publishers: u32,
    /// The crowd of each connection, and its number there.
    places: Vec<(u32, u32)>,
    /// The listeners of each topic that has any here.
    pub(super) crowds: Vec<(u32, Crowd)>,
    /// Messages, the faulty ones as well.
    pub(super) received: u64,
    /// Not of this run and topic, or changed on the way.
    pub(super) foreign: u64,
}

/// What a message turned out to be.
#[derive(Clone, Copy, Debug)]
enum Received {
    /// One that its connection had not got before.
    New(Stamp),
    WarmUp,
    /// Repeated, or foreign.
    Faulty,
}

impl Inbox {
    /// For this thread's share of `conns` connections, with so many publishers of each topic.
    pub(crate) fn new(
        place: Place,
        conns: usize,
        numbering: Numbering,
        publishers: u32,
        form: Form,
    ) -> Self {
        let mut crowd_of: HashMap<usize, usize> = HashMap::new();
        let mut sizes: Vec<(usize, u32)> = Vec::new();
        let mut places = Vec::new();
        for index in 0..place.share(conns) {
            let topic = numbering.topic(place.number(index));
            let crowd = *crowd_of.entry(topic).or_insert_with(|| {
                sizes.push((topic, 0));
                sizes.len() - 1
            });
            let size = &mut sizes[crowd].1;
            places.push((number(crowd), *size));
            *size += 1;
        }
        let crowd = |(topic, size): (usize, u32)| {
            let crowd = Crowd::new(size as usize, publishers as usize);
            (number(topic), crowd)
        };
        Self {
            first_topic: form.topic(),
            form,
            publishers,
            places,
            crowds: sizes.into_iter().map(crowd).collect(),
            received: 0,
            foreign: 0,
        }
    }

    #[inline]
    fn receive(&mut self, index: usize, payload: &[u8]) -> Received {
        let (crowd, listener) = self.places[index];
        let (topic, crowd) = &mut self.crowds[crowd as usize];
        self.form.set_topic(self.first_topic + *topic);
        let stamp = self.form.read(payload);
        if stamp.is_some_and(|stamp| stamp.publisher == WARM_UP) {
            return Received::WarmUp;
        }
        self.received += 1;
        let is_known = |stamp: &Stamp| stamp.publisher < self.publishers && stamp.seq < u32::MAX;
        let Some(stamp) = stamp.filter(is_known) else {
            self.foreign += 1;
            return Received::Faulty;
        };
        if crowd.see(listener, stamp.publisher, stamp.seq) {
            Received::New(stamp)
        } else {
            Received::Faulty
        }
    }

    /// Checks a copy of a message that came to a publisher.
    pub(super) fn receive_copy(&mut self, index: usize, payload: &[u8]) {
        self.receive(index, payload);
    }

    fn come_back(&mut self, index: usize) {
        let (crowd, listener) = self.places[index];
        self.crowds[crowd as usize].1.come_back(listener);
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The subscribers of one thread: checks, times and counts every delivery. They may leave and come
/// back at any time.
///
/// One that comes back begins with whatever message comes first, as long as none is missing that
/// was begun after it knew that it was live.
pub(crate) struct Subscribers {
    progress: Arc<Progress>,
    pub(super) inbox: Inbox,
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

    /// A message arrived; returns its stamp and its latency if it is new.
    #[inline]
    pub(super) fn receive(
        &mut self,
        link: LinkName,
        payload: &[u8],
        now: u64,
    ) -> Option<(Stamp, u64)> {
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
