//! The topics whose home is this shard: which shards want their messages, and who keeps a room.
//!
//! The home gives a topic's messages their order. A topic nobody wants, and without a room, has no
//! entry, so that publishing to names without subscribers costs no memory.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::sync::Arc;

use crate::id::ShardId;
use crate::topic::tables::GiveBack;

/// A shard that has subscribers of a topic, and what it calls the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    pub(crate) shard: ShardId,
    /// Key of the topic on that shard.
    pub(crate) key: u32,
    pub(crate) generation: u32,
}

/// What the application keeps for a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeps {
    /// It was not asked yet.
    #[default]
    Unasked,
    /// Nothing: messages go straight to the subscribers.
    Nothing,
    /// A room.
    Room {
        /// Its key.
        key: u32,
        /// It is told who joins and leaves.
        joins: bool,
    },
}

/// A topic whose home is this shard.
#[derive(Debug, Default)]
pub struct Home {
    pub(crate) interests: Vec<Interest>,
    pub(crate) keeps: Keeps,
}

/// The topics whose home is this shard.
#[derive(Debug, Default)]
pub struct Homes {
    topics: HashMap<Arc<str>, Home, RandomState>,
}

impl Homes {
    /// The topic of this name, if somebody wants it or keeps a room for it.
    pub fn get(&self, name: &str) -> Option<&Home> {
        self.topics.get(name)
    }

    /// The table of this.
    pub(crate) fn table(&mut self) -> &mut dyn GiveBack {
        &mut self.topics
    }

    /// How many there are.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.topics.len()
    }

    /// From now on `interest` gets the topic's messages; replaces an older one of that shard.
    /// Says what is kept for the topic.
    pub fn add(&mut self, name: &Arc<str>, interest: Interest) -> Keeps {
        let home = self.topics.entry(Arc::clone(name)).or_default();
        home.interests.retain(|other| other.shard != interest.shard);
        home.interests.push(interest);
        home.keeps
    }

    /// `interest` wants no more; a newer one of that shard stays. Returns the key of the topic's
    /// room if nobody wants the topic now.
    pub fn remove(&mut self, name: &str, interest: Interest) -> Option<u32> {
        let home = self.topics.get_mut(name)?;
        home.interests.retain(|other| *other != interest);
        if !home.interests.is_empty() {
            return None;
        }
        if let Keeps::Room { key, .. } = home.keeps {
            return Some(key);
        }
        self.topics.remove(name);
        None
    }

    /// Notes what is kept for a topic that `get` finds, or has a room now.
    pub fn keep(&mut self, name: &Arc<str>, keeps: Keeps) {
        if let Some(home) = self.topics.get_mut(name) {
            home.keeps = keeps;
        } else if let Keeps::Room { .. } = keeps {
            let home = Home {
                interests: Vec::new(),
                keeps,
            };
            self.topics.insert(Arc::clone(name), home);
        }
    }

    /// The topic's room is gone.
    pub fn unkeep(&mut self, name: &str) {
        if let Some(home) = self.topics.get_mut(name) {
            home.keeps = Keeps::Unasked;
            if home.interests.is_empty() {
                self.topics.remove(name);
            }
        }
    }
}
