//! Publishing and subscribing, between `topic` and the connections: which connections and shards
//! want which topics, and what is on its way to other shards and to rooms.

pub(crate) mod barrier;
mod interest;
pub(crate) mod joins;
mod members;
mod presence;
mod release;
pub(crate) mod room_queue;
pub mod subscribe;
mod way;

use std::collections::VecDeque;

use crate::config::Config;
use crate::id::{RoomKey, ShardId};
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::barrier::Barrier;
use crate::shard::core::pubsub::joins::Joins;
use crate::shard::core::pubsub::presence::PresenceCursor;
use crate::shard::core::pubsub::room_queue::RoomQueue;
use crate::shard::mail::{PeerMail, Publication, for_peers};
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::fanout::Fanout;
use crate::topic::home::Homes;

/// Topics: their subscribers on this shard, their homes, and the mail between the two.
pub(crate) struct PubSub {
    /// The subscribers of topics.
    pub(crate) fanout: Fanout,
    /// The topics whose home is this shard.
    pub(crate) homes: Homes,
    /// To other shards, by shard.
    pub(crate) mail: Vec<PeerMail>,
    pub(crate) joins: Joins,
    presence_cursor: PresenceCursor,
    pub(crate) barrier: Barrier,
    /// Messages for rooms of this shard, which are called when no callback runs.
    pub(crate) room_queue: RoomQueue,
    /// Messages of rooms for other topics.
    pub(crate) elsewhere: VecDeque<Publication>,
    /// What rooms are to be told, or the handler of them.
    pub(crate) room_work: VecDeque<RoomWork>,
    /// Entries of tables that were given back to the allocator, since when it was to give back its
    /// own, and that moment.
    released: usize,
    released_at: Now,
}

/// What the handler or a room is to be told of a topic at home here.
#[derive(Debug)]
pub(crate) enum RoomWork {
    /// It has its first subscriber here, which waits until it is known whether it has a room.
    Wanted(Topic),
    /// The topic of this room has no subscriber any more.
    Empty(RoomKey),
}

impl PubSub {
    pub(crate) fn new(shard: ShardId, shards: u16, config: &Config) -> Self {
        Self {
            fanout: Fanout::new(config.compression.unwrap_or_default()),
            homes: Homes::default(),
            mail: for_peers(shards),
            joins: Joins::default(),
            presence_cursor: PresenceCursor::default(),
            barrier: Barrier::new(shard, shards),
            room_queue: RoomQueue::default(),
            elsewhere: VecDeque::new(),
            room_work: VecDeque::new(),
            released: 0,
            released_at: Now::default(),
        }
    }

    /// Whether nothing of this shard's homes waits for its way into an order.
    pub(crate) fn is_settled(&self) -> bool {
        self.room_queue.is_empty() && self.elsewhere.is_empty() && self.room_work.is_empty()
    }

    /// Whether something of it needs another turn at once.
    pub(crate) fn has_work(&self) -> bool {
        self.fanout.walks() != 0 || self.mail.iter().any(PeerMail::is_due)
    }

    /// The shard that gives a topic's messages their order.
    pub(crate) fn home_of(&self, env: &Env, topic: &Topic) -> ShardId {
        topic.home(env.shards)
    }
}
