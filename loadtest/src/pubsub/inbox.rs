//! The checks of what the connections of one thread receive.

use std::collections::HashMap;

use crate::check::crowd::Crowd;
use crate::check::message::{Form, Stamp, WARM_UP};
use crate::client::{Numbering, Place};

/// The checks of connections that listen, each to one topic.
pub(crate) struct Inbox {
    form: Form,
    first_topic: u32,
    pub(super) publishers: u32,
    /// The crowd of each connection, and its number there.
    pub(super) places: Vec<(u32, u32)>,
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
    pub(super) fn receive(&mut self, index: usize, payload: &[u8]) -> Received {
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

    pub(super) fn come_back(&mut self, index: usize) {
        let (crowd, listener) = self.places[index];
        self.crowds[crowd as usize].1.come_back(listener);
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
