//! The topics whose home is this shard: which shards want their messages.
//!
//! The home gives a topic's messages their order. A topic nobody wants has no entry, so that
//! publishing to names without subscribers costs no memory.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::sync::Arc;

use crate::id::ShardId;

/// A shard that has subscribers of a topic, and what it calls the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    pub(crate) shard: ShardId,
    /// Key of the topic on that shard.
    pub(crate) key: u32,
    pub(crate) generation: u32,
}

/// The topics whose home is this shard.
#[derive(Debug, Default)]
pub struct Homes {
    topics: HashMap<Arc<str>, Vec<Interest>, RandomState>,
}

impl Homes {
    /// Who wants the messages of this topic.
    pub fn interests(&self, name: &str) -> &[Interest] {
        self.topics.get(name).map_or(&[], |interests| interests)
    }

    /// How many topics somebody wants.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.topics.len()
    }

    /// From now on `interest` gets the topic's messages; replaces an older one of that shard.
    pub fn add(&mut self, name: &Arc<str>, interest: Interest) {
        let interests = self.topics.entry(Arc::clone(name)).or_default();
        interests.retain(|other| other.shard != interest.shard);
        interests.push(interest);
    }

    /// `interest` wants no more; a newer one of that shard stays.
    pub fn remove(&mut self, name: &str, interest: Interest) {
        if let Some(interests) = self.topics.get_mut(name) {
            interests.retain(|other| *other != interest);
            if interests.is_empty() {
                self.topics.remove(name);
            }
        }
    }
}
