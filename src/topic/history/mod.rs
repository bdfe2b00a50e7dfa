//! History: for the topics whose home is this shard, the positions of their messages and the newest
//! of these, and the way back to them that hides no gap.
//!
//! Each topic with a history has a ring (`ring`) from its first message until it was not written
//! for its `meta_ttl`. A topic that was never written has none, and a position nevertheless
//! (`epochs`): to read takes no memory, whatever names are read.
//!
//! All rings together have a budget. Over it, the rings that were written longest ago lose their
//! messages first; and their positions, if those alone take half of it.

mod ages;
#[cfg(any(test, feature = "internals"))]
mod audit;
mod epochs;
mod kept;
mod many;
mod read;
mod ring;
mod rings;
mod shared;
mod start;
mod view;

use std::sync::Arc;

use crate::config::{HistorySettings, Namespaces, TopicSettings};
use crate::id::RingKey;
use crate::limits::{HISTORY_ENTRY_BYTES, HISTORY_TOPIC_BYTES};
use crate::payload::{Extra, Payload};
use crate::position::Position;
use crate::time::Now;
use crate::topic::history::ages::millis;
use crate::topic::history::epochs::Epochs;
pub use crate::topic::history::kept::{Kept, Page};
pub use crate::topic::history::read::{Filter, HistoryError, ReadAnswer};
use crate::topic::history::ring::{Amount, DROPPED_PER_MESSAGE, Ring};
use crate::topic::history::rings::Rings;
use crate::topic::history::start::Pages;
pub use crate::topic::history::start::Start;
use crate::topic::history::view::View;
use crate::topic::tables::GiveBack;
use crate::topic::{Hashed, Topic};

/// The history of the topics of one shard.
#[derive(Debug)]
pub(crate) struct History {
    rings: Rings,
    epochs: Epochs,
    pages: Pages,
    /// What all rings hold.
    amount: Amount,
    /// Bytes that they may take.
    budget: usize,
    /// What the budget is to be, if that was changed.
    target: usize,
    /// Messages that went because of the budget.
    dropped: u64,
    /// Messages that reads have passed over, since [`History::take_passed`].
    passed: usize,
}

/// How much smaller a budget becomes with one message: some hundreds of small ones go.
const SHRINK_BYTES: usize = 64 << 10;

impl History {
    /// An empty one whose rings may take so many bytes.
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            rings: Rings::default(),
            epochs: Epochs::default(),
            pages: Pages::default(),
            amount: Amount::default(),
            budget,
            target: budget,
            dropped: 0,
            passed: 0,
        }
    }

    /// The rings may take so many bytes from now on. What is more goes little by little.
    pub(crate) fn set_budget(&mut self, budget: usize) {
        self.target = budget;
    }

    /// Brings the budget nearer to what it is to be: what a smaller one makes go is not for one
    /// turn.
    fn approach_target(&mut self) {
        let used = self.budget.min(self.bytes());
        self.budget = self.target.max(used.saturating_sub(SHRINK_BYTES));
    }

    /// Gives a topic's next message its position and keeps it, if the topic has a history.
    pub(crate) fn place(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        payload: impl FnOnce() -> Payload,
        extra: Option<Arc<Extra>>,
        now: Now,
    ) -> Option<Position> {
        let settings = settings.history.as_ref()?;
        let keep = |ring: &mut Ring| ring.keep(payload(), extra, settings, now.stamp());
        Some(self.write(topic, settings, keep, now))
    }

    /// Gives a topic's next message its position and does not keep it: it is no gap for those that
    /// were away.
    pub(crate) fn pass_over(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        now: Now,
    ) -> Option<Position> {
        let settings = settings.history.as_ref()?;
        Some(self.write(topic, settings, Ring::skip, now))
    }

    fn write(
        &mut self,
        topic: &Topic,
        settings: &HistorySettings,
        write: impl FnOnce(&mut Ring),
        now: Now,
    ) -> Position {
        let key = self.rings.find(topic).unwrap_or_else(|| {
            let top = self.epochs.start_of(topic);
            self.rings.add(topic, top, settings, now)
        });
        self.change(key, |ring| {
            ring.expire(millis(settings.ttl), now, DROPPED_PER_MESSAGE);
            write(ring);
        });
        self.rings.note_written(key, settings, now);
        let position = self.rings.get(key).top;
        self.approach_target();
        self.keep_to_budget(key);
        position
    }

    /// Changes a ring, and counts what that means for all.
    fn change(&mut self, key: RingKey, change: impl FnOnce(&mut Ring)) {
        let ring = self.rings.get_mut(key);
        let before = ring.amount();
        change(ring);
        let after = ring.amount();
        self.amount.entries = self.amount.entries + after.entries - before.entries;
        self.amount.bytes = self.amount.bytes + after.bytes - before.bytes;
    }

    /// Removes what was written longest ago while all rings take more than they may; the newest
    /// message of the ring that was just written stays.
    fn keep_to_budget(&mut self, mut written: RingKey) {
        while self.budget < self.bytes()
            && let Some(key) = self.first_to_go(written)
        {
            let ring = self.rings.get(key);
            if ring.age.is_old() {
                let last = self.rings.last();
                self.forget(key);
                // The last one has its place now.
                written = if written == last { key } else { written };
            } else if ring.is_empty() {
                self.rings.make_old(key);
            } else {
                self.change(key, Ring::drop_oldest);
                self.dropped += 1;
            }
        }
    }

    /// The ring that loses a message, or its position, where memory is short.
    fn first_to_go(&self, written: RingKey) -> Option<RingKey> {
        let is_last_message = self.rings.get(written).amount().entries <= 1;
        let except = is_last_message.then_some(written);
        let positions = self.rings.ages.old() * HISTORY_TOPIC_BYTES;
        let first = self.rings.first_written(false, except);
        first
            .filter(|_| positions <= self.budget / 2)
            .or_else(|| self.rings.first_written(true, None))
    }

    /// Forgets a topic's position: its next one is in another epoch.
    fn forget(&mut self, key: RingKey) {
        let topic = self.rings.remove(key);
        self.epochs.note_lost(&topic);
    }

    /// Removes the messages of a topic; the position stays.
    pub(crate) fn remove(&mut self, topic: &Topic) {
        if let Some(key) = self.rings.find(topic) {
            self.change(key, Ring::clear);
        }
    }

    /// Forgets topics that have no history any more: if they have one again, it is another.
    pub(crate) fn forget_without(&mut self, namespaces: &Namespaces) {
        // From the end: what takes the place of a ring was looked at before.
        for key in (0..self.rings.len()).rev().map(RingKey::new) {
            let topic = &self.rings.get(key).topic;
            if namespaces.of(topic.name()).history.is_none() {
                self.change(key, Ring::clear);
                self.forget(key);
            }
        }
        // Those that were never written have other epochs, too: it is not known which they are.
        self.epochs.note_all_lost();
    }

    /// Lets go of messages and positions whose time is over, `budget` of them at most.
    pub(crate) fn pass_time(&mut self, now: Now, budget: usize) {
        let mut left = budget;
        while 0 < left
            && let Some((key, ttl)) = self.rings.ages.next_due(now)
        {
            left -= 1;
            if self.rings.get(key).age.is_old() {
                self.forget(key);
                continue;
            }
            let before = self.amount.entries;
            self.change(key, |ring| ring.expire(ttl, now, left + 1));
            left = left.saturating_sub(before - self.amount.entries);
            if self.rings.get(key).is_empty() {
                self.rings.make_old(key);
            }
        }
    }

    /// When `pass_time` has something to do next.
    pub(crate) fn deadline(&self) -> Option<Now> {
        self.rings.ages.deadline()
    }

    /// The topic of this name, if it has a ring.
    pub(crate) fn of_name(&self, name: Hashed<'_>) -> Option<&Topic> {
        self.rings.of_name(name)
    }

    /// Topics whose position is kept.
    pub(crate) fn topics(&self) -> usize {
        self.rings.len()
    }

    /// Messages that are kept.
    pub(crate) fn entries(&self) -> usize {
        self.amount.entries
    }

    /// Messages that went because of the budget.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Messages that reads have passed over since this was asked last.
    pub(crate) fn take_passed(&mut self) -> usize {
        std::mem::take(&mut self.passed)
    }

    /// Bytes of memory that all of it takes, as counted.
    pub(crate) fn bytes(&self) -> usize {
        let Amount { entries, bytes } = self.amount;
        bytes + entries * HISTORY_ENTRY_BYTES + self.rings.len() * HISTORY_TOPIC_BYTES
    }

    /// Calls `visit` with each table that grows with the number of topics.
    pub(crate) fn each_table(&mut self, visit: impl FnMut(&mut dyn GiveBack)) {
        self.rings.each_table(visit);
    }
}

#[cfg(test)]
mod tests;
