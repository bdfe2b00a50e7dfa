//! What homes are told of subscriptions, and answer.

use std::sync::Arc;

use crate::handler::Publisher;
use crate::id::TopicKey;
use crate::payload::Extra;
use crate::position::Since;
use crate::topic::history::Start;
use crate::topic::presence::ClientInfo;

/// What the home of a topic is told of a connection.
#[derive(Clone, Debug)]
pub enum Presence {
    /// It joins; to be answered with [`FromHome::Joined`](super::FromHome::Joined).
    Join(Join),
    /// It has left, of which the topic's home or its room is to be told.
    Leave {
        /// The connection.
        leaver: Publisher,
        /// Its join was answered: so it was not refused.
        was_answered: bool,
    },
}

/// A connection joins a topic, or asks for more of the topic's history.
#[derive(Clone, Debug)]
pub struct Join {
    /// The connection.
    pub joiner: Publisher,
    /// Key of the topic on its shard.
    pub key: TopicKey,
    /// Tells this join from others of its shard.
    pub ticket: u64,
    /// What its handler says of it.
    pub tag: Box<[u8]>,
    /// The same as a client, if it is the first join of a topic that is told of joins.
    pub info: Option<Arc<ClientInfo>>,
    /// What it gets of the topic's history first, if it asks for any.
    pub since: Option<Since>,
    /// It has joined before: it asks for more, and rooms are not told again.
    pub is_again: bool,
}

/// The answer to a join.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Key of the topic on the receiving shard.
    pub key: TopicKey,
    /// That of the join.
    pub ticket: u64,
    /// What it begins with, if it has asked for that and the topic has a history.
    pub start: Option<Box<Start>>,
    /// The topic has as many subscribers as it may have.
    pub is_refused: bool,
}

impl Join {
    /// Its answer, without anything to begin with.
    pub(crate) fn answer(&self, is_refused: bool) -> Joined {
        Joined {
            key: self.key,
            ticket: self.ticket,
            start: None,
            is_refused,
        }
    }
}

/// Something has happened to a client of a topic.
#[derive(Clone, Debug)]
pub struct Announced {
    /// Key of the topic on the receiving shard.
    pub key: TopicKey,
    /// Its generation.
    pub generation: u32,
    /// The client, and what has happened.
    pub event: Arc<Extra>,
}
