//! The topics that have subscribers on this shard.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::sync::Arc;

use slab::Slab;

use crate::id::{ShardId, key32};
use crate::time::Now;
use crate::topic::feeds::NO_FEED;
use crate::topic::tables::GiveBack;

/// A topic as this shard sees it, from its first subscriber to a while after its last.
#[derive(Debug)]
pub struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) home: ShardId,
    /// Tells this topic from those that had its key before; mail for an older one is dropped.
    pub(crate) generation: u32,
    /// The home has answered: what is published anywhere from now on arrives here.
    pub(crate) live: bool,
    /// Its room is told who joins: a subscription is live when the home has answered that.
    pub(crate) joins: bool,
    /// Key of the first of its feeds, which name one another; or `NO_FEED`.
    pub(crate) first_feed: u32,
    /// Subscriptions, those that wait included.
    pub(crate) subscribers: u32,
    /// When the last subscriber left; meaningful while there are none.
    pub(crate) left_at: Now,
    /// On the list of topics to forget if they stay without subscribers.
    pub(crate) fading: bool,
    /// Connections whose subscription waits for the home. May name some that have left.
    pub(crate) waiting: Vec<u32>,
}

/// The topics that have subscribers on this shard.
#[derive(Debug, Default)]
pub struct Topics {
    /// Clients choose the names, so the hash is keyed.
    keys: HashMap<Arc<str>, u32, RandomState>,
    topics: Slab<Box<Topic>>,
    next_generation: u32,
}

impl Topics {
    /// The key of the topic of this name.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.keys.get(name).copied()
    }

    /// Adds a topic that `find` did not find.
    pub fn add(&mut self, name: &str, home: ShardId) -> u32 {
        let name: Arc<str> = Arc::from(name);
        self.next_generation = self.next_generation.wrapping_add(1);
        let key = key32(self.topics.insert(Box::new(Topic {
            name: Arc::clone(&name),
            home,
            generation: self.next_generation,
            live: false,
            joins: false,
            first_feed: NO_FEED,
            subscribers: 0,
            left_at: Now::default(),
            fading: false,
            waiting: Vec::new(),
        })));
        self.keys.insert(name, key);
        key
    }

    /// The topic of this key.
    pub fn get(&self, key: u32) -> Option<&Topic> {
        self.topics.get(key as usize).map(Box::as_ref)
    }

    /// The topic of this key, to change.
    pub fn get_mut(&mut self, key: u32) -> Option<&mut Topic> {
        self.topics.get_mut(key as usize).map(Box::as_mut)
    }

    /// The topic of this key if it is still the one of this generation.
    pub fn current(&self, key: u32, generation: u32) -> Option<&Topic> {
        self.get(key).filter(|topic| topic.generation == generation)
    }

    /// Forgets a topic.
    pub fn remove(&mut self, key: u32) -> Option<Topic> {
        let topic = *self.topics.try_remove(key as usize)?;
        self.keys.remove(&topic.name);
        Some(topic)
    }

    /// The tables of this.
    pub(crate) fn tables(&mut self) -> [&mut dyn GiveBack; 2] {
        [&mut self.keys, &mut self.topics]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.topics.len()
    }
}
