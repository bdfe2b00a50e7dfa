//! What the threads of crews found, added up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::check::order::{self, Order};
use crate::check::reach::{self, Reach};
use crate::client::Done;
use crate::client::inflate::Compressed;
use crate::pubsub::inbox::Inbox;
use crate::pubsub::members::Members;
use crate::pubsub::subscribers::Subscribers;
use crate::report::{Counts, Deliveries, add_counts};
use crate::run::record::Recorder;

/// What subscribers and publishers found together: of one process, or of several.
#[derive(Default, Serialize, Deserialize)]
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
    /// By topic, until they are compared.
    orders: BTreeMap<u32, Vec<Order>>,
    pub(crate) ended: Counts,
    /// What failed, each try counted.
    pub(crate) failures: Counts,
    pub(crate) pings: u64,
}

/// Messages of each of so many publishers, as far as these threads sent them.
pub(crate) fn sent(threads: &[Done<Members>], publishers: usize) -> Vec<u32> {
    let mut sent = vec![0; publishers];
    let all = threads
        .iter()
        .filter_map(|done| done.app.publishers.as_ref());
    for (conn, count) in all.flat_map(|publishers| publishers.sent()) {
        sent[conn] = count;
    }
    sent
}

/// Adds up threads, knowing how many messages each of `publishers` of each topic `sent`; what is
/// not known of that is asked of those that publish.
pub(crate) fn heard(threads: Vec<Done<Members>>, sent: Vec<u32>, publishers: usize) -> Heard {
    let mut heard = found(threads, sent, publishers);
    heard.conclude();
    heard
}

/// The same, but for the orders, which are still to be compared with those of other processes.
pub(crate) fn found(threads: Vec<Done<Members>>, sent: Vec<u32>, publishers: usize) -> Heard {
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
    for done in threads {
        heard.compressed.messages += done.compressed.messages;
        heard.compressed.bytes += done.compressed.bytes;
        heard.pings += done.pings;
        heard.own.merge(&done.app.own);
        add_counts(&mut heard.failures, &done.failures);
        if let Some(subscribers) = done.app.subscribers {
            heard.add(*subscribers, publishers);
        }
        if let Some(copies) = done.app.copies {
            heard.add_copies(copies, publishers);
        }
    }
    heard
}

impl Heard {
    pub(crate) fn messages_sent(&self) -> u64 {
        self.sent.iter().copied().map(u64::from).sum()
    }

    /// Compares the orders, and knows what was expected.
    pub(crate) fn conclude(&mut self) {
        for orders in std::mem::take(&mut self.orders).into_values() {
            self.deliveries.add_order(order::compare(orders));
        }
        self.deliveries.expected = self.deliveries.got + self.deliveries.lost;
    }

    /// The same with one order of each topic, and one time of each message, as it is sent to
    /// another process.
    pub(crate) fn folded(mut self) -> Self {
        let orders = std::mem::take(&mut self.orders).into_iter();
        self.orders = orders
            .map(|(topic, orders)| (topic, vec![order::merge(orders)]))
            .collect();
        self.reach = reach::merge(&self.reach).into_iter().collect();
        self
    }

    /// Whether another process can have found it in a run of so many publishers: what is added up
    /// by their numbers must not go beyond them.
    pub(crate) fn is_of(&self, publishers: usize) -> bool {
        let mut orders = self.orders.values().flatten();
        orders.all(|order| order.is_of(publishers))
            && self.reach.iter().all(|reach| reach.is_of(publishers))
    }

    /// Adds what another process found.
    pub(crate) fn merge(&mut self, other: Self) {
        self.sent = other.sent;
        self.deliveries.add(&other.deliveries);
        self.received += other.received;
        self.latency.merge(&other.latency);
        for (all, part) in self.phases.iter_mut().zip(&other.phases) {
            all.merge(part);
        }
        self.lateness.merge(&other.lateness);
        self.own.merge(&other.own);
        self.took.merge(&other.took);
        self.compressed.messages += other.compressed.messages;
        self.compressed.bytes += other.compressed.bytes;
        self.reach.extend(other.reach);
        add_counts(&mut self.ended, &other.ended);
        add_counts(&mut self.failures, &other.failures);
        self.pings += other.pings;
        for (topic, orders) in other.orders {
            self.orders.entry(topic).or_default().extend(orders);
        }
    }

    fn add(&mut self, subscribers: Subscribers, publishers: usize) {
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
            self.orders.entry(topic).or_default().extend(order);
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
