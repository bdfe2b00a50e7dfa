//! What arrived of what was to arrive.

use serde::{Deserialize, Serialize};

use crate::check::Faults;
use crate::check::order::{Id, Verdict};

/// Did everything arrive as it should?
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Deliveries {
    pub(crate) expected: u64,
    /// Each message counted once per subscriber.
    pub(crate) got: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    /// Came after a later one of the same publisher.
    pub(crate) reordered: u64,
    /// Came at another place than for the other subscribers.
    pub(crate) misordered: u64,
    /// Subscribers with another sequence than most.
    pub(crate) subscribers_off_order: u64,
    pub(crate) first_misorder: Option<String>,
    /// Not of this run, or changed on the way.
    pub(crate) foreign: u64,
    /// Sent to publishers that listen as well.
    pub(crate) copies_to_publishers: u64,
    /// Of these: changed, twice, late or skipped.
    pub(crate) copies_faulty: u64,
}

impl Deliveries {
    /// Adds what one check found.
    pub(crate) fn add_faults(&mut self, faults: Faults) {
        self.lost += faults.lost;
        self.duplicated += faults.duplicated;
        self.reordered += faults.reordered;
    }

    /// Adds what another process found, but for what the orders of both say.
    pub(crate) fn add(&mut self, other: &Self) {
        self.got += other.got;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.foreign += other.foreign;
        self.copies_to_publishers += other.copies_to_publishers;
        self.copies_faulty += other.copies_faulty;
    }

    /// Adds what comparing the orders of one topic found.
    pub(crate) fn add_order(&mut self, verdict: Verdict) {
        self.misordered += verdict.misordered;
        self.subscribers_off_order += verdict.subscribers_off;
        let Some(at) = verdict.first else {
            return;
        };
        let name = |id: Id| format!("message {} of publisher {}", id.seq, id.publisher);
        self.first_misorder.get_or_insert_with(|| {
            format!(
                "place {} of subscriber {} of thread {}: {} where the others have {}",
                at.place,
                at.subscriber,
                at.thread,
                name(at.got),
                name(at.expected)
            )
        });
    }

    /// Nothing is missing, too much, changed or out of order.
    pub(crate) fn is_clean(&self) -> bool {
        let faults = self.lost + self.duplicated + self.reordered + self.misordered;
        let others = self.subscribers_off_order + self.foreign + self.copies_faulty;
        faults + others == 0 && self.got == self.expected
    }
}
