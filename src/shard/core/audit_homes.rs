//! What homes know of connections, and what they are to know. For tests.

use crate::handler::Handler;
use crate::id::{ConnectionId, ShardId};
use crate::shard::core::ShardCore;
use crate::shard::core::shard::Shard;
use crate::topic::Topic;
use crate::user::UserHash;

impl<H: Handler> ShardCore<H> {
    /// The connections that are counted at homes here, each with the hash of its user.
    #[doc(hidden)]
    pub fn users_at_home(&self) -> Vec<(u64, ConnectionId)> {
        let all = self.shard.pubsub.users.homes.all().into_iter();
        all.map(|(user, conn)| (user.get(), conn)).collect()
    }

    /// The connections of this shard that their users' homes count, in the same way.
    #[doc(hidden)]
    pub fn users_here(&self) -> Vec<(u64, ConnectionId)> {
        let conns = &self.shard.conns;
        let entered = conns.iter().filter(|(_, conn)| conn.is_entered);
        let shard = self.shard.env.shard;
        entered
            .filter_map(|(key, _)| {
                let conn = conns.id(key);
                Some((conns.user_hash(key)?.get(), ConnectionId { shard, conn }))
            })
            .collect()
    }

    /// The clients that are counted at homes here, each with its topic.
    #[doc(hidden)]
    pub fn clients_at_home(&self) -> Vec<(Topic, ConnectionId)> {
        self.shard.pubsub.clients.all()
    }

    /// The clients of this shard that homes are to count, in the same way.
    #[doc(hidden)]
    pub fn clients_here(&self) -> Vec<(Topic, ConnectionId)> {
        let Shard {
            conns, pubsub, env, ..
        } = &self.shard;
        let clients = conns.iter().flat_map(|(key, conn)| {
            let shard = env.shard;
            let conn_id = conns.id(key);
            let topics = conn.subs.as_slice().iter();
            let topics = topics.filter_map(|sub| pubsub.fanout.topic(sub.topic));
            let topics = topics.filter(|local| !local.is_of_events && !local.topic.is_pattern());
            topics.map(move |local| {
                let conn = conn_id;
                (local.topic.clone(), ConnectionId { shard, conn })
            })
        });
        let namespaces = &env.config.namespaces;
        let is_counted = |(topic, _): &(Topic, _)| namespaces.of(topic.name()).counts_clients();
        clients.filter(is_counted).collect()
    }

    /// The home of a user.
    #[doc(hidden)]
    pub fn home_of_user(&self, user: &str) -> ShardId {
        UserHash::of(user).home(self.shard.env.shards)
    }
}
