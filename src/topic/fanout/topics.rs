//! The topics that have subscribers on this shard, from the first to a while after the last.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use crate::id::{ConnKey, FeedKey, ShardId, TopicKey};
use crate::time::Now;
use crate::topic::tables::GiveBack;

/// A topic as this shard sees it, from its first subscriber to a while after its last.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) home: ShardId,
    /// Tells this topic from those that had its key before; mail for an older one is dropped.
    pub(crate) generation: u32,
    /// The home has answered: what is published anywhere from now on arrives here.
    pub(crate) live: bool,
    /// Its room receives joins: a subscription is live when the home has answered that.
    pub(crate) joins: bool,
    /// The first of its feeds, which name one another.
    pub(super) first_feed: Option<FeedKey>,
    /// Subscriptions, those that wait included.
    subscribers: u32,
    /// When the last subscriber left; meaningful while there are none.
    left_at: Now,
    /// On the list of topics to forget if they stay without subscribers.
    fading: bool,
    /// Connections whose subscription waits for the home. May name some that have left.
    waiting: Vec<ConnKey>,
}

/// The topics that have subscribers on this shard.
#[derive(Debug, Default)]
pub(super) struct Topics {
    /// Clients choose the names, so the hash is keyed.
    keys: HashMap<Arc<str>, TopicKey, RandomState>,
    topics: Slab<Box<Topic>>,
    next_generation: u32,
    /// Topics that had no subscriber when they were put here, each once, and since when.
    fading: VecDeque<(TopicKey, Now)>,
}

impl Topics {
    /// The key of the topic of this name.
    pub(super) fn find(&self, name: &str) -> Option<TopicKey> {
        self.keys.get(name).copied()
    }

    /// Adds a topic that `find` did not find.
    pub(super) fn add(&mut self, name: &str, home: ShardId) -> TopicKey {
        let name: Arc<str> = Arc::from(name);
        self.next_generation = self.next_generation.wrapping_add(1);
        let key = TopicKey::new(self.topics.insert(Box::new(Topic {
            name: Arc::clone(&name),
            home,
            generation: self.next_generation,
            live: false,
            joins: false,
            first_feed: None,
            subscribers: 0,
            left_at: Now::default(),
            fading: false,
            waiting: Vec::new(),
        })));
        self.keys.insert(name, key);
        key
    }

    /// The topic of this key.
    pub(super) fn get(&self, key: TopicKey) -> Option<&Topic> {
        self.topics.get(key.index()).map(Box::as_ref)
    }

    /// The topic of this key, to change.
    pub(super) fn get_mut(&mut self, key: TopicKey) -> Option<&mut Topic> {
        self.topics.get_mut(key.index()).map(Box::as_mut)
    }

    /// The topic of this key if it is still the one of this generation.
    pub(super) fn current(&self, key: TopicKey, generation: u32) -> Option<&Topic> {
        self.get(key).filter(|topic| topic.generation == generation)
    }

    /// One more subscription, of the connection `conn`; `true` if it is live at once.
    pub(super) fn subscribe(&mut self, key: TopicKey, conn: ConnKey) -> bool {
        let Some(topic) = self.get_mut(key) else {
            return false;
        };
        topic.subscribers += 1;
        if !topic.live {
            topic.waiting.push(conn);
        }
        topic.live && !topic.joins
    }

    /// The home has answered; returns the connections that waited for that.
    pub(super) fn set_live(&mut self, key: TopicKey, joins: bool) -> Vec<ConnKey> {
        let Some(topic) = self.get_mut(key) else {
            return Vec::new();
        };
        (topic.live, topic.joins) = (true, joins);
        std::mem::take(&mut topic.waiting)
    }

    /// One subscription less: without any, the topic is forgotten after a while.
    pub(super) fn unsubscribe(&mut self, key: TopicKey, now: Now) {
        let Some(topic) = self.topics.get_mut(key.index()) else {
            return;
        };
        topic.subscribers -= 1;
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
    ) -> Option<(TopicKey, Topic)> {
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
                let topic = *self.topics.try_remove(key.index())?;
                self.keys.remove(&topic.name);
                return Some((key, topic));
            }
        }
        None
    }

    /// When `forget_next` has something to do next.
    pub(super) fn deadline(&self, linger: Duration) -> Option<Now> {
        let (_, since) = self.fading.front()?;
        Some(since.plus(linger))
    }

    /// The tables of this.
    pub(super) fn tables(&mut self) -> [&mut dyn GiveBack; 2] {
        [&mut self.keys, &mut self.topics]
    }

    /// The queue of this.
    pub(super) fn queue(&mut self) -> &mut dyn GiveBack {
        &mut self.fading
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
