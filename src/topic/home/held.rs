//! Publications that the home of a topic holds until the topic's next tick, as its settings want
//! it: they go into the order together, or only the newest of them.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;

use crate::config::Flush;
use crate::limits::{HELD_BYTES_MAX, HELD_PER_TOPIC_MAX};
use crate::payload::Payload;
use crate::time::Now;
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
    payloads: VecDeque<Payload>,
    tick: Tick,
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
    /// supersedes; gives it back if it would be one too many, and keeps those then.
    pub(crate) fn hold(
        &mut self,
        topic: &Topic,
        payload: Payload,
        flush: Flush,
        now: Now,
    ) -> Option<Payload> {
        let batch = self.topics.get(topic);
        let superseded = batch.filter(|_| flush.is_latest);
        let freed = superseded.map_or(0, |batch| batch.payloads.iter().map(weight).sum());
        let is_full = !flush.is_latest
            && batch.is_some_and(|batch| HELD_PER_TOPIC_MAX <= batch.payloads.len());
        if is_full || HELD_BYTES_MAX < self.bytes - freed + weight(&payload) {
            return Some(payload);
        }
        self.bytes = self.bytes - freed + weight(&payload);
        if let Some(batch) = self.topics.get_mut(topic) {
            if flush.is_latest {
                batch.payloads.clear();
            }
            batch.payloads.push_back(payload);
            return None;
        }
        let tick = (next_tick(flush, topic, now), self.next_number);
        self.next_number += 1;
        self.ticks.insert(tick, topic.clone());
        let payloads = VecDeque::from([payload]);
        self.topics.insert(topic.clone(), Batch { payloads, tick });
        None
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
    pub(crate) fn front(&self, topic: &Topic) -> Option<&Payload> {
        self.topics.get(topic)?.payloads.front()
    }

    /// Lets go of the oldest publication of a topic.
    pub(crate) fn pop(&mut self, topic: &Topic) {
        let Some(batch) = self.topics.get_mut(topic) else {
            return;
        };
        if let Some(payload) = batch.payloads.pop_front() {
            self.bytes -= weight(&payload);
        }
        if batch.payloads.is_empty() {
            self.ticks.remove(&batch.tick);
            self.topics.remove(topic);
        }
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

fn weight(payload: &Payload) -> usize {
    payload.bytes.len() + OVERHEAD
}

/// Bytes that a publication takes here beside its own, if it is the only one of its topic.
const OVERHEAD: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::proto::Kind;

    fn payload(bytes: &[u8]) -> Payload {
        Payload {
            kind: Kind::Binary,
            bytes: Arc::from(bytes),
        }
    }

    const EVERY: Flush = Flush {
        every: Duration::from_millis(33),
        is_latest: false,
    };
    const LATEST: Flush = Flush {
        is_latest: true,
        ..EVERY
    };

    fn drain(held: &mut Held, topic: &Topic) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(payload) = held.front(topic) {
            all.extend_from_slice(&payload.bytes);
            held.pop(topic);
        }
        all
    }

    #[test]
    fn publications_wait_for_the_tick_and_only_the_newest_where_that_is_wanted() {
        let (a, b) = (Topic::new("a").unwrap(), Topic::new("b").unwrap());
        let mut held = Held::default();
        let now = Now::from_millis(1_000);
        for (topic, flush) in [(&a, EVERY), (&b, LATEST)] {
            for number in 0..3 {
                assert!(held.hold(topic, payload(&[number]), flush, now).is_none());
            }
            assert!(held.has(topic));
        }
        assert_eq!(
            (drain(&mut held, &a), drain(&mut held, &b)),
            (vec![0, 1, 2], vec![2])
        );
        assert!(held.is_empty() && held.deadline().is_none() && held.bytes == 0);
    }

    #[test]
    fn ticks_are_absolute_and_not_farther_away_than_the_period() {
        for name in ["a", "b", "c"] {
            let topic = Topic::new(name).unwrap();
            let ticks = (0..200).map(|now| {
                let now = Now::from_millis(now);
                let tick = next_tick(EVERY, &topic, now);
                assert!(now < tick && tick <= now.plus(EVERY.every));
                tick.millis()
            });
            let mut ticks: Vec<u64> = ticks.collect();
            ticks.dedup();
            assert!(
                ticks.windows(2).all(|pair| pair[1] - pair[0] == 33),
                "{ticks:?}"
            );
        }
    }

    #[test]
    fn what_is_held_is_bounded_in_number_and_bytes() {
        let (a, b) = (Topic::new("a").unwrap(), Topic::new("b").unwrap());
        let mut held = Held::default();
        let now = Now::default();
        for _ in 0..HELD_PER_TOPIC_MAX {
            assert!(held.hold(&a, payload(b"x"), EVERY, now).is_none());
        }
        assert!(held.hold(&a, payload(b"x"), EVERY, now).is_some());
        let is_held = held.hold(&a, payload(b"x"), LATEST, now).is_none();
        assert!(is_held, "in place of all");
        let long = vec![0; HELD_BYTES_MAX];
        assert!(held.hold(&b, payload(&long), EVERY, now).is_some());
        assert!(held.hold(&b, payload(&long), LATEST, now).is_some());
        assert!(!held.has(&b));
        drain(&mut held, &a);
        assert!(held.is_empty() && held.bytes == 0 && held.deadline().is_none());
    }

    #[test]
    fn a_publication_without_space_supersedes_nothing() {
        let (a, b) = (Topic::new("a").unwrap(), Topic::new("b").unwrap());
        let mut held = Held::default();
        let now = Now::default();
        assert!(held.hold(&a, payload(b"1"), LATEST, now).is_none());
        let long = vec![0; HELD_BYTES_MAX];
        assert!(held.hold(&a, payload(&long), LATEST, now).is_some());
        let rest = vec![0; HELD_BYTES_MAX - 2 * OVERHEAD - 1];
        assert!(held.hold(&b, payload(&rest), EVERY, now).is_none());
        assert!(held.hold(&a, payload(b"22"), LATEST, now).is_some());
        assert_eq!(drain(&mut held, &a), b"1");
        assert!(held.hold(&a, payload(b"3"), LATEST, now).is_none());
        assert!(held.hold(&a, payload(b"4"), LATEST, now).is_none());
        assert_eq!(drain(&mut held, &a), b"4");
    }

    #[test]
    fn a_topic_that_is_put_off_is_behind_the_others() {
        let (a, b) = (Topic::new("a").unwrap(), Topic::new("b").unwrap());
        let mut held = Held::default();
        for topic in [&a, &b] {
            held.hold(topic, payload(b"x"), EVERY, Now::default());
        }
        let first = held.next().unwrap().clone();
        let later = Now::from_millis(100);
        held.postpone(&first, later);
        assert_ne!(held.next(), Some(&first));
        held.pop(&held.next().unwrap().clone());
        assert_eq!((held.next(), held.deadline()), (Some(&first), Some(later)));
    }
}
