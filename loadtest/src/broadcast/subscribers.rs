//! What the connections of one thread receive, checked message by message.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::app::{LinkName, Numbering, Place};
use crate::broadcast::progress::Progress;
use crate::crowd::Crowd;
use crate::message::{Form, Stamp, WARM_UP};
use crate::reach::Reach;
use crate::series::Meter;

/// The checks of connections that listen, each to one topic.
#[derive(Debug)]
pub(super) struct Inbox {
    form: Form,
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
pub(super) enum Received {
    /// One that its connection had not got before.
    New(Stamp),
    WarmUp,
    /// Repeated, or foreign.
    Faulty,
}

impl Inbox {
    /// For this thread's share of `conns` connections, with so many publishers of each topic.
    pub(super) fn new(
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
            form,
            publishers,
            places,
            crowds: sizes.into_iter().map(crowd).collect(),
            received: 0,
            foreign: 0,
        }
    }

    #[inline]
    pub(super) fn receive(&mut self, link: LinkName, payload: &[u8]) -> Received {
        let (crowd, listener) = self.places[link.index];
        let (topic, crowd) = &mut self.crowds[crowd as usize];
        self.form.set_topic(*topic);
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
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The subscribers of one thread: checks, times and counts every delivery.
#[derive(Debug)]
pub(super) struct Subscribers {
    progress: Arc<Progress>,
    pub(super) inbox: Inbox,
    /// The time of each delivery of the first topic, where there is no other.
    pub(super) reach: Option<Reach>,
    /// Time of each delivery since the message was due.
    pub(super) latency: Meter,
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
    pub(super) fn new(inbox: Inbox, topics: u32, progress: Arc<Progress>, latency: Meter) -> Self {
        let conns = inbox.places.len();
        let reach = (topics == 1).then(|| Reach::new(conns, inbox.publishers as usize));
        Self {
            inbox,
            reach,
            latency,
            warmed: 0,
            tally: 0,
            tallies: vec![0; progress.waiting()],
            touched: Vec::new(),
            progress,
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
        let stamp = match self.inbox.receive(link, payload) {
            Received::New(stamp) => stamp,
            Received::WarmUp => {
                self.warmed += 1;
                return None;
            }
            Received::Faulty => return None,
        };
        let latency_ns = now.saturating_sub(stamp.due_ns);
        self.latency.record(latency_ns);
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

    /// Tells what came since the last turn.
    pub(super) fn turn(&mut self) {
        self.latency.turn();
        if self.warmed > 0 {
            let warmed = mem::take(&mut self.warmed);
            self.progress.warmed.fetch_add(warmed, Ordering::AcqRel);
        }
        for publisher in self.touched.drain(..) {
            let tally = mem::take(&mut self.tallies[publisher as usize]);
            self.progress.tell_of(publisher as usize, tally);
        }
        if self.tally > 0 {
            self.progress.tell(mem::take(&mut self.tally));
        }
    }
}
