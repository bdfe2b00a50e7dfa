//! The topics that have subscribers on this shard, from the first to a while after the last.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::Equivalent;
use slab::Slab;

use crate::config::{Namespaces, SettingsKey, TopicSettings};
use crate::id::{ConnKey, ShardId, TopicKey};
use crate::time::Now;
use crate::topic::fanout::LocalTopic;
use crate::topic::index::HashIndex;
use crate::topic::tables::GiveBack;
use crate::topic::{Hashed, Topic};

/// The topics that have subscribers on this shard.
#[derive(Debug, Default)]
pub(super) struct Topics {
    /// By the hash that a topic keeps.
    keys: HashIndex<TopicKey>,
    /// The same for those of events.
    event_keys: HashIndex<TopicKey>,
    topics: Slab<Box<LocalTopic>>,
    next_generation: u32,
    /// To all but those of events.
    subscriptions: usize,
    /// Topics that had no subscriber when they were put here, each once, and since when.
    fading: VecDeque<(TopicKey, Now)>,
}

impl Topics {
    /// The key of a topic.
    pub(super) fn find(&self, topic: &Topic) -> Option<TopicKey> {
        let is_it = |key: &TopicKey| self.get(*key).is_some_and(|local| local.topic == *topic);
        self.keys.find(topic.hash(), is_it).copied()
    }

    /// The key of the topic of the events of this one.
    pub(super) fn find_events(&self, topic: &Topic) -> Option<TopicKey> {
        let is_it = |key: &TopicKey| self.get(*key).is_some_and(|local| local.topic == *topic);
        self.event_keys.find(topic.hash(), is_it).copied()
    }

    /// How many are of events.
    pub(super) fn of_events(&self) -> usize {
        self.event_keys.len()
    }

    /// The topic of this name, if it is one of these.
    pub(super) fn of_name(&self, name: Hashed<'_>) -> Option<&Topic> {
        let is_it = |key: &TopicKey| {
            let local = self.get(*key);
            local.is_some_and(|local| name.equivalent(&local.topic))
        };
        let key = self.keys.find(name.hash, is_it)?;
        Some(&self.get(*key)?.topic)
    }

    /// Adds a topic that `find` did not find, or `find_events`. It is live when so many homes have
    /// answered: none knows of one of events.
    pub(super) fn add(&mut self, topic: &Topic, home: ShardId, awaited: u16) -> TopicKey {
        let is_of_events = awaited == 0;
        self.next_generation = self.next_generation.wrapping_add(1);
        let key = TopicKey::new(self.topics.insert(Box::new(LocalTopic {
            topic: topic.clone(),
            home,
            generation: self.next_generation,
            awaited,
            joins: false,
            settings: SettingsKey::default(),
            newest: None,
            first_feed: None,
            subscribers: 0,
            left_at: Now::default(),
            fading: false,
            is_of_events,
            waiting: Vec::new(),
        })));
        let Self {
            keys,
            event_keys,
            topics,
            ..
        } = self;
        let keys = if is_of_events { event_keys } else { keys };
        keys.insert(topic.hash(), key, |key| hash_of(topics, *key));
        key
    }

    /// The topic of this key.
    pub(super) fn get(&self, key: TopicKey) -> Option<&LocalTopic> {
        self.topics.get(key.index()).map(Box::as_ref)
    }

    /// The topic of this key, to change.
    pub(super) fn get_mut(&mut self, key: TopicKey) -> Option<&mut LocalTopic> {
        self.topics.get_mut(key.index()).map(Box::as_mut)
    }

    /// The settings of a topic.
    pub(super) fn settings<'n>(
        &mut self,
        key: TopicKey,
        namespaces: &'n Namespaces,
    ) -> Option<&'n TopicSettings> {
        let local = self.get_mut(key)?;
        Some(namespaces.get(&mut local.settings, local.topic.name()))
    }

    /// The topic of this key if it is still the one of this generation.
    pub(super) fn current(&self, key: TopicKey, generation: u32) -> Option<&LocalTopic> {
        self.get(key).filter(|topic| topic.generation == generation)
    }

    /// One more subscription, of the connection `conn`; `true` if it is live at once.
    pub(super) fn subscribe(&mut self, key: TopicKey, conn: ConnKey) -> bool {
        let Some(topic) = self.topics.get_mut(key.index()) else {
            return false;
        };
        topic.subscribers += 1;
        self.subscriptions += usize::from(!topic.is_of_events);
        // One that comes and goes and comes is there once.
        if !topic.is_live() && topic.waiting.last() != Some(&conn) {
            topic.waiting.push(conn);
        }
        topic.is_live() && !topic.joins
    }

    /// A home has answered; returns the connections that waited for that, if it was the last.
    pub(super) fn set_live(&mut self, key: TopicKey, joins: bool) -> Vec<ConnKey> {
        let Some(topic) = self.get_mut(key) else {
            return Vec::new();
        };
        topic.awaited = topic.awaited.saturating_sub(1);
        topic.joins = joins;
        if topic.is_live() {
            std::mem::take(&mut topic.waiting)
        } else {
            Vec::new()
        }
    }

    /// One subscription less: without any, the topic is forgotten after a while.
    pub(super) fn unsubscribe(&mut self, key: TopicKey, now: Now) {
        let Some(topic) = self.topics.get_mut(key.index()) else {
            return;
        };
        topic.subscribers -= 1;
        self.subscriptions -= usize::from(!topic.is_of_events);
        if topic.subscribers == 0 {
            topic.left_at = now;
            if !topic.fading {
                topic.fading = true;
                self.fading.push_back((key, now));
            }
        }
    }

    /// Forgets the next topic that has had no subscriber for `linger`, and returns it. Looks at no
    /// more than `budget` topics.
    pub(super) fn forget_next(
        &mut self,
        now: Now,
        linger: Duration,
        budget: &mut usize,
    ) -> Option<(TopicKey, LocalTopic)> {
        while 0 < *budget && self.deadline(linger)? <= now {
            *budget -= 1;
            let (key, since) = self.fading.pop_front()?;
            let Some(topic) = self.topics.get_mut(key.index()) else {
                continue;
            };
            topic.fading = topic.subscribers == 0;
            if topic.fading && since < topic.left_at {
                // It had a subscriber in between. Behind the others, so that no subscriber that
                // comes and goes can keep those from being forgotten.
                self.fading.push_back((key, topic.left_at));
            } else if topic.fading {
                let local = *self.topics.try_remove(key.index())?;
                let keys = if local.is_of_events {
                    &mut self.event_keys
                } else {
                    &mut self.keys
                };
                keys.remove(local.topic.hash(), |other| *other == key);
                return Some((key, local));
            }
        }
        None
    }

    /// When `forget_next` has something to do next.
    pub(super) fn deadline(&self, linger: Duration) -> Option<Now> {
        let (_, since) = self.fading.front()?;
        Some(since.plus(linger))
    }

    /// Calls `visit` with each table of this.
    pub(super) fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        let Self {
            keys,
            event_keys,
            topics,
            ..
        } = self;
        for keys in [keys, event_keys] {
            visit(&mut keys.hashed_by(|key| hash_of(topics, *key)));
        }
        visit(topics);
    }

    /// The queue of this.
    pub(super) fn queue(&mut self) -> &mut dyn GiveBack {
        &mut self.fading
    }

    /// Subscriptions to all but those of events, those that wait included.
    pub(super) fn subscriptions(&self) -> usize {
        self.subscriptions
    }

    /// Calls `visit` with the topics that have subscribers in `count` places from this on; returns
    /// the next place if there are more.
    pub(super) fn scan(
        &self,
        from: usize,
        count: usize,
        mut visit: impl FnMut(TopicKey, &Topic, u32),
    ) -> Option<usize> {
        let (next, end) = (from + count, self.topics.capacity());
        for place in from..next.min(end) {
            let local = self.topics.get(place);
            let is_topic = |local: &LocalTopic| !local.is_of_events && !local.topic.is_pattern();
            let local = local.filter(|local| 0 < local.subscribers && is_topic(local));
            if let Some(local) = local {
                visit(TopicKey::new(place), &local.topic, local.subscribers);
            }
        }
        (next < end).then_some(next)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.topics.len()
    }

    /// Entries of topics that may be forgotten.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn fading(&self) -> usize {
        self.fading.len()
    }
}

fn hash_of(topics: &Slab<Box<LocalTopic>>, key: TopicKey) -> u64 {
    topics
        .get(key.index())
        .map_or(0, |local| local.topic.hash())
}
