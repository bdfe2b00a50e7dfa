//! What the threads of crews found, added up.

use std::collections::BTreeMap;

use crate::check::order::{self, Order};
use crate::check::reach::Reach;
use crate::client::Done;
use crate::client::inflate::Compressed;
use crate::pubsub::inbox::Inbox;
use crate::pubsub::members::Members;
use crate::pubsub::subscribers::Subscribers;
use crate::report::{Counts, Deliveries, add_counts};
use crate::run::record::Recorder;

/// What subscribers and publishers found together.
#[derive(Default)]
pub(crate) struct Heard {
    /// Messages of each publisher, by the number of its connection.
    pub(crate) sent: Vec<u32>,
    /// What came, and what was wrong with it; what is expected is what came and what was lost.
    pub(crate) deliveries: Deliveries,
    /// Messages to subscribers, the faulty ones as well.
    pub(crate) received: u64,
    pub(crate) latency: Recorder,
    /// Latencies before, during and after what went on, where they were told apart.
    pub(crate) phases: [Recorder; 3],
    pub(crate) lateness: Recorder,
    /// Time until messages came back to their publishers.
    pub(crate) own: Recorder,
    pub(crate) took: Recorder,
    pub(crate) compressed: Compressed,
    pub(crate) reach: Vec<Reach>,
    pub(crate) ended: Counts,
    /// What failed, each try counted.
    pub(crate) failures: Counts,
    pub(crate) pings: u64,
}

/// Adds up threads, knowing how many messages each of `publishers` of each topic `sent`; what is
/// not known of that is asked of those that publish.
pub(crate) fn heard(threads: Vec<Done<Members>>, sent: Vec<u32>, publishers: usize) -> Heard {
    let mut heard = Heard {
        sent,
        ..Heard::default()
    };
    for publishers in threads
        .iter()
        .filter_map(|done| done.app.publishers.as_ref())
    {
        for (conn, count) in publishers.sent() {
            heard.sent[conn] = count;
        }
        heard.lateness.merge(&publishers.lateness);
    }
    let mut orders: BTreeMap<u32, Vec<Order>> = BTreeMap::new();
    for done in threads {
        heard.compressed.messages += done.compressed.messages;
        heard.compressed.bytes += done.compressed.bytes;
        heard.pings += done.pings;
        heard.own.merge(&done.app.own);
        add_counts(&mut heard.failures, &done.failures);
        if let Some(subscribers) = done.app.subscribers {
            heard.add(*subscribers, publishers, &mut orders);
        }
        if let Some(copies) = done.app.copies {
            heard.add_copies(copies, publishers);
        }
    }
    for orders in orders.into_values() {
        heard.deliveries.add_order(order::compare(orders));
    }
    heard.deliveries.expected = heard.deliveries.got + heard.deliveries.lost;
    heard
}

impl Heard {
    pub(crate) fn messages_sent(&self) -> u64 {
        self.sent.iter().copied().map(u64::from).sum()
    }

    fn add(
        &mut self,
        subscribers: Subscribers,
        publishers: usize,
        orders: &mut BTreeMap<u32, Vec<Order>>,
    ) {
        let (got, missed) = subscribers.got_and_missed();
        self.deliveries.got += got;
        self.deliveries.lost += missed;
        self.latency.merge(&subscribers.latency.finish());
        for (all, part) in self.phases.iter_mut().zip(&subscribers.phases) {
            all.merge(part);
        }
        self.took.merge(&subscribers.took);
        self.reach.extend(subscribers.reach);
        add_counts(&mut self.ended, &subscribers.ended);
        self.received += subscribers.inbox.received;
        self.deliveries.foreign += subscribers.inbox.foreign;
        for (topic, crowd) in subscribers.inbox.crowds {
            let first = topic as usize * publishers;
            let (faults, order) = crowd.finish(&self.sent[first..first + publishers]);
            self.deliveries.add_faults(faults);
            orders.entry(topic).or_default().extend(order);
        }
    }

    /// Those under way when the run ends are missed by no publisher.
    fn add_copies(&mut self, copies: Inbox, publishers: usize) {
        let deliveries = &mut self.deliveries;
        deliveries.copies_to_publishers += copies.received;
        deliveries.copies_faulty += copies.foreign;
        for (_, crowd) in copies.crowds {
            let faults = crowd.finish(&vec![0; publishers]).0;
            deliveries.copies_faulty += faults.lost + faults.duplicated + faults.reordered;
        }
    }
}
