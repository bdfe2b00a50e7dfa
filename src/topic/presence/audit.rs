//! What holds of presence between two turns. For tests.

use std::collections::BTreeSet;

use crate::id::ConnectionId;
use crate::topic::Topic;
use crate::topic::presence::{Clients, weight_of};

impl Clients {
    /// How many topics there are.
    pub(crate) fn len(&self) -> usize {
        self.topics.len()
    }

    /// All clients of all topics.
    pub(crate) fn all(&self) -> Vec<(Topic, ConnectionId)> {
        let all = self.topics.iter().flat_map(|(topic, key)| {
            let clients = self.clients.keys().filter(move |(of, _)| of == key);
            clients.map(|(_, client)| (topic.clone(), *client))
        });
        all.collect()
    }

    /// Panics unless the counts are those of the clients.
    pub(crate) fn audit(&self) {
        assert_eq!(self.topics.len(), self.stats.len());
        let (mut clients, mut users) = (0, 0);
        let weights = self.clients.values().map(|info| weight_of(info));
        assert_eq!(self.bytes, weights.sum::<usize>(), "memory of clients");
        for (topic, key) in &self.topics {
            let stats = self.stats(topic);
            let of_topic = self.clients.iter().filter(|((of, _), _)| of == key);
            let of_topic: Vec<_> = of_topic.map(|(_, info)| info).collect();
            assert_eq!(stats.clients, of_topic.len(), "clients of {topic}");
            let names: BTreeSet<&str> = of_topic.iter().map(|info| &*info.user).collect();
            assert_eq!(stats.users, names.len(), "users of {topic}");
            for name in names {
                let of_user = of_topic.iter().filter(|info| *info.user == *name);
                let counted = self.users.get(&(*key, name.into()));
                assert_eq!(counted.map(|count| *count as usize), Some(of_user.count()));
            }
            clients += stats.clients;
            users += stats.users;
        }
        assert_eq!(clients, self.clients.len(), "clients of no topic");
        assert_eq!(users, self.users.len(), "users of no topic");
    }
}
