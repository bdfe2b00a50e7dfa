//! Publications that the home of a topic holds until the topic's next tick, as its settings want
//! it: they go into the order together, or only the newest of each key.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;

use crate::config::Flush;
use crate::handler::{Extras, Publisher};
use crate::limits::{HELD_BYTES_MAX, HELD_PER_TOPIC_MAX};
use crate::payload::Payload;
use crate::time::Now;
use crate::topic::home::DedupKey;
use crate::topic::tables::GiveBack;
use crate::topic::{ByKeptHash, Topic};

/// The publications that are held.
#[derive(Debug, Default)]
pub(crate) struct Held {
    topics: HashMap<Topic, Batch, ByKeptHash>,
    /// The topics by the time of their ticks.
    ticks: BTreeMap<Tick, Topic>,
    /// Bytes of all publications, with what keeping them takes.
    bytes: usize,
    next_number: u64,
}

/// A time, and a number that tells topics of the same time apart.
type Tick = (Now, u64);

/// The publications of one topic; not empty.
#[derive(Debug)]
struct Batch {
    messages: VecDeque<HeldMessage>,
    tick: Tick,
}

/// A publication that is held.
#[derive(Debug)]
pub(crate) struct HeldMessage {
    pub(crate) payload: Payload,
    /// Its publisher is told its position at the tick.
    pub(crate) extras: Option<Box<Extras>>,
    /// The connection that has published it.
    pub(crate) publisher: Option<Publisher>,
}

impl Held {
    /// How many topics have publications here.
    pub(crate) fn len(&self) -> usize {
        self.topics.len()
    }

    /// Whether none has.
    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Whether a topic has publications here.
    pub(crate) fn has(&self, topic: &Topic) -> bool {
        self.topics.contains_key(topic)
    }

    /// Holds a publication until the topic's next tick after `now`, in place of those that it
    /// supersedes, and returns how many these are. Gives it back if it would be one too many; then
    /// it supersedes none.
    pub(crate) fn hold(
        &mut self,
        topic: &Topic,
        message: HeldMessage,
        flush: Flush,
        now: Now,
    ) -> Result<usize, HeldMessage> {
        let batch = self.topics.get(topic);
        let held = batch.map_or(0, |batch| batch.messages.len());
        let (superseded, freed) = batch
            .filter(|_| flush.is_latest)
            .map_or((0, 0), |batch| batch.superseded_by(&message));
        let bytes = self.bytes - freed + message.weight();
        if HELD_PER_TOPIC_MAX <= held - superseded || HELD_BYTES_MAX < bytes {
            return Err(message);
        }
        self.bytes = bytes;
        if let Some(batch) = self.topics.get_mut(topic) {
            if 0 < superseded {
                batch.supersede(&message);
            }
            batch.messages.push_back(message);
            return Ok(superseded);
        }
        let tick = (next_tick(flush, topic, now), self.next_number);
        self.next_number += 1;
        self.ticks.insert(tick, topic.clone());
        let messages = VecDeque::from([message]);
        self.topics.insert(topic.clone(), Batch { messages, tick });
        Ok(0)
    }

    /// When the next tick is that has something.
    pub(crate) fn deadline(&self) -> Option<Now> {
        self.ticks.first_key_value().map(|((at, _), _)| *at)
    }

    /// The topic with the next tick.
    pub(crate) fn next(&self) -> Option<&Topic> {
        self.ticks.first_key_value().map(|(_, topic)| topic)
    }

    /// The oldest publication of a topic.
    pub(crate) fn front_mut(&mut self, topic: &Topic) -> Option<&mut HeldMessage> {
        self.topics.get_mut(topic)?.messages.front_mut()
    }

    /// The extras of the publication of a topic that has this key.
    pub(crate) fn with_key(&mut self, topic: &Topic, key: DedupKey) -> Option<&mut Extras> {
        let messages = &mut self.topics.get_mut(topic)?.messages;
        let mut extras = messages
            .iter_mut()
            .filter_map(|held| held.extras.as_deref_mut());
        extras.find(|extras| extras.once == Some(key))
    }

    /// Takes the oldest publication of a topic.
    pub(crate) fn pop(&mut self, topic: &Topic) -> Option<HeldMessage> {
        let batch = self.topics.get_mut(topic)?;
        let message = batch.messages.pop_front();
        self.bytes -= message.as_ref().map_or(0, HeldMessage::weight);
        if batch.messages.is_empty() {
            self.ticks.remove(&batch.tick);
            self.topics.remove(topic);
        }
        message
    }

    /// Puts a topic's tick off.
    pub(crate) fn postpone(&mut self, topic: &Topic, at: Now) {
        if let Some(batch) = self.topics.get_mut(topic)
            && let Some(topic) = self.ticks.remove(&batch.tick)
        {
            batch.tick = (at, self.next_number);
            self.next_number += 1;
            self.ticks.insert(batch.tick, topic);
        }
    }

    /// The table of this.
    pub(crate) fn table(&mut self) -> &mut dyn GiveBack {
        &mut self.topics
    }
}

/// Ticks are absolute. Those of topics with the same period are spread over it.
fn next_tick(flush: Flush, topic: &Topic, now: Now) -> Now {
    let period = u64::try_from(flush.every.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let phase = topic.hash() % period;
    let now = now.millis();
    let passed = (now % period + period - phase) % period;
    Now::from_millis(now + period - passed)
}

impl Batch {
    /// How many a newer publication supersedes, and what these weigh.
    fn superseded_by(&self, newer: &HeldMessage) -> (usize, usize) {
        let superseded = self.messages.iter();
        let superseded = superseded.filter(|held| held.value() == newer.value());
        superseded.fold((0, 0), |(count, weight), held| {
            (count + 1, weight + held.weight())
        })
    }

    /// Lets go of those. They get no position.
    fn supersede(&mut self, newer: &HeldMessage) {
        self.messages.retain_mut(|held| {
            let is_superseded = held.value() == newer.value();
            if let Some(extras) = held.extras.as_mut().filter(|_| is_superseded) {
                extras.tell(None);
            }
            !is_superseded
        });
    }
}

impl HeldMessage {
    /// What it is the newest value of: the newest with the same key, or without one, supersedes the
    /// others. What the history does not keep takes no place of what it keeps.
    fn value(&self) -> (Option<&str>, bool) {
        let extras = self.extras.as_deref();
        extras.map_or((None, false), |extras| (extras.key(), extras.skips_history))
    }

    fn weight(&self) -> usize {
        let extras = self.extras.as_ref().map_or(0, |extras| extras.weight());
        self.payload.bytes.len() + extras + OVERHEAD
    }
}

/// Bytes that a publication takes here beside its own, if it is the only one of its topic.
const OVERHEAD: usize = 256;

#[cfg(test)]
mod tests;
