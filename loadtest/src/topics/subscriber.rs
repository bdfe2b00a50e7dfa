//! The subscribers of one client thread, each of one topic.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::app::{App, LinkName, Numbering};
use crate::crowd::Crowd;
use crate::message::{Form, Stamp};
use crate::outbox::Outbox;
use crate::series::Meter;

/// The application of a subscribing thread.
#[derive(Debug)]
pub(super) struct Subscribers {
    form: Form,
    delivered: Arc<AtomicU64>,
    /// The crowd of each connection, and its number there.
    places: Vec<(u32, u32)>,
    /// The subscribers of each topic that has any here.
    pub(super) crowds: Vec<(u32, Crowd)>,
    publishers: u32,
    tally: u64,
    /// Time of each delivery since the message was due.
    pub(super) latency: Meter,
    /// Messages, the faulty ones as well.
    pub(super) received: u64,
    /// Not of this run and topic, or changed on the way.
    pub(super) foreign: u64,
}

impl Subscribers {
    /// For `conns` connections of one of so many threads, with `publishers` of each topic.
    pub(super) fn new(
        conns: usize,
        (thread, threads): (usize, usize),
        (numbering, publishers): (Numbering, u32),
        form: Form,
        (delivered, latency): (Arc<AtomicU64>, Meter),
    ) -> Self {
        let mut crowd_of: HashMap<usize, u32> = HashMap::new();
        let mut sizes: Vec<(u32, u32)> = Vec::new();
        let mut places = Vec::with_capacity(conns);
        for index in 0..conns {
            let topic = numbering.topic(index * threads + thread);
            let crowd = *crowd_of.entry(topic).or_insert_with(|| {
                sizes.push((u32::try_from(topic).unwrap_or(u32::MAX), 0));
                u32::try_from(sizes.len() - 1).unwrap_or(u32::MAX)
            });
            let size = &mut sizes[crowd as usize].1;
            places.push((crowd, *size));
            *size += 1;
        }
        let crowd =
            |(topic, size): (u32, u32)| (topic, Crowd::new(size as usize, publishers as usize));
        Self {
            form,
            delivered,
            places,
            crowds: sizes.into_iter().map(crowd).collect(),
            publishers,
            tally: 0,
            latency,
            received: 0,
            foreign: 0,
        }
    }
}

impl App for Subscribers {
    #[inline]
    fn on_message(&mut self, link: LinkName, payload: &[u8], now: u64, _out: &mut Outbox) {
        self.received += 1;
        let (crowd, subscriber) = self.places[link.index];
        let (topic, crowd) = &mut self.crowds[crowd as usize];
        self.form.set_topic(*topic);
        let is_known = |stamp: &Stamp| stamp.publisher < self.publishers && stamp.seq < u32::MAX;
        let Some(stamp) = self.form.read(payload).filter(is_known) else {
            self.foreign += 1;
            return;
        };
        if crowd.see(subscriber, stamp.publisher, stamp.seq) {
            self.latency.record(now.saturating_sub(stamp.due_ns));
            self.tally += 1;
        }
    }

    fn on_turn(&mut self, _now: u64, _out: &mut Outbox) -> Option<u64> {
        self.latency.turn();
        if self.tally > 0 {
            self.delivered.fetch_add(self.tally, Ordering::AcqRel);
            self.tally = 0;
        }
        None
    }
}
