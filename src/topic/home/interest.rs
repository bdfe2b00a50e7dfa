//! Which shards want a topic or a pattern.

use crate::id::{ShardId, TopicKey};

/// A shard that has subscribers of a topic or of a pattern, and what it calls that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// The shard.
    pub shard: ShardId,
    /// Key of the topic on that shard.
    pub key: TopicKey,
    /// Its generation there.
    pub generation: u32,
    /// Its subscribers have to be told the topic of each message.
    pub is_pattern: bool,
}

const _: () = assert!(size_of::<Interest>() == 12);
