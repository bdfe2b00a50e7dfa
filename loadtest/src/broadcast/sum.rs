//! What the threads of a run found, added up.

use std::collections::BTreeMap;

use crate::app::Done;
use crate::broadcast::figures::Figures;
use crate::broadcast::members::{Members, Role};
use crate::broadcast::schedule::Schedule;
use crate::check::Faults;
use crate::inflate::Compressed;
use crate::order::{self, Order};
use crate::reach::{self, Reach};
use crate::record::Recorder;
use crate::report::ratio;

#[derive(Debug)]
pub(super) struct Sum {
    /// Messages of each publisher, by the number of its connection.
    pub(super) sent: Vec<u32>,
    pub(super) publishers: usize,
    pub(super) latency: Recorder,
    pub(super) lateness: Recorder,
    pub(super) own: Recorder,
    pub(super) received: u64,
    pub(super) came: Compressed,
    pub(super) reach: Vec<Reach>,
    pub(super) orders: BTreeMap<u32, Vec<Order>>,
}

impl Sum {
    pub(super) fn new(conns: usize, publishers: usize) -> Self {
        Self {
            sent: vec![0; conns],
            publishers,
            latency: Recorder::new(),
            lateness: Recorder::new(),
            own: Recorder::new(),
            received: 0,
            came: Compressed::default(),
            reach: Vec::new(),
            orders: BTreeMap::new(),
        }
    }

    /// Notes what a thread sent, which all must know before they are checked.
    pub(super) fn note_sent(&mut self, app: &Members) {
        if let Some(publishers) = app.publishers() {
            publishers
                .sent()
                .for_each(|(conn, count)| self.sent[conn] = count);
            self.lateness.merge(&publishers.lateness);
        }
    }

    pub(super) fn add(&mut self, done: Done<Members>, figures: &mut Figures) {
        self.came.messages += done.compressed.messages;
        self.came.bytes += done.compressed.bytes;
        self.own.merge(&done.app.own);
        let deliveries = &mut figures.deliveries;
        let subscribers = match done.app.role {
            Role::Subscribe(subscribers) | Role::Both(_, subscribers) => subscribers,
            Role::Publish(_, copies) => {
                deliveries.copies_to_publishers += copies.received;
                deliveries.copies_faulty += copies.foreign;
                // Those under way when the run ends are missed by none.
                let none = vec![0; self.publishers];
                for (_, crowd) in copies.crowds {
                    let Faults {
                        lost,
                        duplicated,
                        reordered,
                    } = crowd.finish(&none).0;
                    deliveries.copies_faulty += lost + duplicated + reordered;
                }
                return;
            }
        };
        self.latency.merge(&subscribers.latency.finish());
        self.reach.extend(subscribers.reach);
        self.received += subscribers.inbox.received;
        deliveries.foreign += subscribers.inbox.foreign;
        for (topic, crowd) in subscribers.inbox.crowds {
            let first = topic as usize * self.publishers;
            let (faults, order) = crowd.finish(&self.sent[first..first + self.publishers]);
            deliveries.add_faults(faults);
            self.orders.entry(topic).or_default().extend(order);
        }
    }

    /// Fills in what the threads found together; what got through is what was sent to all.
    pub(super) fn tell(self, schedule: &Schedule, figures: &mut Figures) {
        figures.messages_sent = self.sent.iter().copied().map(u64::from).sum();
        figures.lateness = schedule.rate().map(|_| self.lateness.percentiles());
        figures.latency = self.latency.percentiles();
        let is_chat = figures.publish_urls.is_empty();
        figures.own_latency = is_chat.then(|| self.own.percentiles());
        figures.reached = (!self.reach.is_empty()).then(|| reach::reached(&self.reach));
        let mean = || ratio(self.came.bytes as f64, self.came.messages as f64);
        figures.compressed_bytes = (0 < self.came.messages).then(mean);
        for (topic, sent) in (0..).zip(self.sent.chunks(self.publishers)) {
            let sent: u64 = sent.iter().copied().map(u64::from).sum();
            figures.deliveries.got += sent * u64::from(schedule.subscribers_of(topic));
        }
        for orders in self.orders.into_values() {
            figures.deliveries.add_order(order::compare(orders));
        }
    }
}
