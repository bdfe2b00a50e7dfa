//! Presence: for the topics whose home is this shard and whose settings ask for it, which clients
//! are subscribed, on any shard.
//!
//! It is a set: a client that is there already does not come again, and one that is not there does
//! not leave. All clients of all topics are in one tree, so that none of them makes a table larger
//! at once, and a topic with two clients takes the memory of two entries.

#[cfg(any(test, feature = "internals"))]
mod audit;
mod info;

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use slab::Slab;

use crate::id::{ConnId, ConnKey, ConnectionId, ShardId, key32};
use crate::limits::{PRESENCE_BYTES_MAX, PRESENCE_CLIENT_BYTES, PRESENCE_CLIENTS_MAX};
pub use crate::topic::presence::info::ClientInfo;
use crate::topic::tables::GiveBack;
use crate::topic::{ByKeptHash, Topic};

/// How many clients a topic has, and of how many users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PresenceStats {
    /// Its clients: connections that are subscribed.
    pub clients: usize,
    /// Their users. All clients without a user are those of one.
    pub users: usize,
}

/// The place of a topic among those with presence.
type Key = u32;

/// No connection is before it.
const FIRST: ConnectionId = ConnectionId {
    shard: ShardId::new(0),
    conn: ConnId {
        key: ConnKey(0),
        generation: 0,
    },
};

/// The clients of the topics of one shard.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    /// Topics of which clients are told.
    topics: HashMap<Topic, Key, ByKeptHash>,
    stats: Slab<PresenceStats>,
    clients: BTreeMap<(Key, ConnectionId), Arc<ClientInfo>>,
    /// How many clients each user has.
    users: BTreeMap<(Key, Arc<str>), u32>,
    /// Memory that they take, about.
    bytes: usize,
}

impl Clients {
    /// From now on the clients of a topic are counted.
    pub(crate) fn begin(&mut self, topic: &Topic) {
        let Self { topics, stats, .. } = self;
        topics
            .entry(topic.clone())
            .or_insert_with(|| key32(stats.insert(PresenceStats::default())));
    }

    /// Whether the clients of a topic are counted.
    pub(crate) fn has(&self, topic: &Topic) -> bool {
        !self.topics.is_empty() && self.topics.contains_key(topic)
    }

    /// The clients of a topic are not counted any more, if it has none.
    pub(crate) fn end(&mut self, topic: &Topic) {
        if let Some(key) = self.topics.get(topic).copied()
            && self.stats_of(key).clients == 0
        {
            self.topics.remove(topic);
            self.stats.try_remove(key as usize);
        }
    }

    /// A client has come; `true` if it was not there.
    pub(crate) fn join(&mut self, topic: &Topic, info: Arc<ClientInfo>) -> bool {
        let Some(key) = self.topics.get(topic).copied() else {
            return false;
        };
        let (client, user) = (info.client, Arc::clone(&info.user));
        if self.clients.contains_key(&(key, client)) {
            return false;
        }
        self.bytes += weight_of(&info);
        self.clients.insert((key, client), info);
        let of_user = self.users.entry((key, user)).or_default();
        *of_user += 1;
        let is_new_user = *of_user == 1;
        if let Some(stats) = self.stats.get_mut(key as usize) {
            stats.clients += 1;
            stats.users += usize::from(is_new_user);
        }
        true
    }

    /// A client has left; what was said of it, if it was there.
    pub(crate) fn leave(&mut self, topic: &Topic, client: ConnectionId) -> Option<Arc<ClientInfo>> {
        let key = *self.topics.get(topic)?;
        let info = self.clients.remove(&(key, client))?;
        self.bytes -= weight_of(&info);
        let user = (key, Arc::clone(&info.user));
        let of_user = self.users.get_mut(&user)?;
        *of_user -= 1;
        let is_last = *of_user == 0;
        if is_last {
            self.users.remove(&user);
        }
        let stats = self.stats.get_mut(key as usize)?;
        stats.clients -= 1;
        stats.users -= usize::from(is_last);
        Some(info)
    }

    /// Memory that the clients take, about. What is said of a connection in all of its topics is
    /// its own.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many clients a topic has.
    pub(crate) fn stats(&self, topic: &Topic) -> PresenceStats {
        let key = self.topics.get(topic);
        key.map(|key| self.stats_of(*key)).unwrap_or_default()
    }

    /// The clients of a topic, as many as an answer has.
    pub(crate) fn list(&self, topic: &Topic) -> Vec<Arc<ClientInfo>> {
        let Some(key) = self.topics.get(topic).copied() else {
            return Vec::new();
        };
        let clients = self.clients.range((key, FIRST)..);
        let clients = clients.take_while(|((of, _), _)| *of == key);
        let mut bytes = 0;
        let fit = clients.take_while(|(_, info)| {
            bytes += info.weight();
            bytes <= PRESENCE_BYTES_MAX
        });
        fit.take(PRESENCE_CLIENTS_MAX)
            .map(|(_, info)| Arc::clone(info))
            .collect()
    }

    /// Calls `visit` with each table that grows with the number of topics.
    pub(crate) fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        visit(&mut self.topics);
        visit(&mut self.stats);
    }

    fn stats_of(&self, key: Key) -> PresenceStats {
        self.stats.get(key as usize).copied().unwrap_or_default()
    }
}

fn weight_of(info: &ClientInfo) -> usize {
    let chan_info = info.chan_info.as_ref().map_or(0, |info| info.len());
    PRESENCE_CLIENT_BYTES + info.user.len() + chan_info
}

#[cfg(test)]
mod tests;
