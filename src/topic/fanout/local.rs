//! A topic or a pattern that has subscribers on this shard.

use crate::config::SettingsKey;
use crate::id::{ConnKey, FeedKey, ShardId, TopicKey};
use crate::position::Position;
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::home::Interest;

/// A topic as this shard sees it, from its first subscriber to a while after its last.
#[derive(Debug)]
pub(crate) struct LocalTopic {
    pub(crate) topic: Topic,
    pub(crate) home: ShardId,
    /// Tells this topic from those that had its key before; mail for an older one is dropped.
    pub(crate) generation: u32,
    /// Homes that have not answered: the topic's own, or all of a pattern's.
    pub(super) awaited: u16,
    /// Its room receives joins: a subscription is live when the home has answered that.
    pub(crate) joins: bool,
    pub(super) settings: SettingsKey,
    /// The place of the newest message that came here, if the topic has a history.
    pub(super) newest: Option<Box<Position>>,
    /// The first of its feeds, which name one another.
    pub(super) first_feed: Option<FeedKey>,
    /// Subscriptions, those that wait included.
    pub(super) subscribers: u32,
    /// When the last subscriber left; meaningful while there are none.
    pub(super) left_at: Now,
    /// On the list of topics to forget if they stay without subscribers.
    pub(super) fading: bool,
    /// It is no topic of messages: its subscribers are told what happens to the clients of the
    /// topic of this name.
    pub(crate) is_of_events: bool,
    /// Connections whose subscription waits for the home. May name some that have left.
    pub(super) waiting: Vec<ConnKey>,
}

impl LocalTopic {
    /// All homes have answered: what is published anywhere from now on arrives here.
    pub(crate) fn is_live(&self) -> bool {
        self.awaited == 0
    }

    /// As which subscribers `shard` gets the messages of this.
    pub(crate) fn interest(&self, shard: ShardId, key: TopicKey) -> Interest {
        Interest {
            shard,
            key,
            generation: self.generation,
            is_pattern: self.topic.is_pattern(),
        }
    }
}

/// The allocator has as much for one of 64 bytes.
const _: () = assert!(size_of::<LocalTopic>() == 72);
