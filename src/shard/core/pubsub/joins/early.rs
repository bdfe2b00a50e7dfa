//! Connections that have joined one topic and wait, corked, for others: nothing was promised to
//! them yet, and they must not hold up what they wait for.

use crate::id::{ConnKey, TopicKey};
use crate::payload::Form;
use crate::shard::core::conn::subs::WAITING;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::core::pubsub::joins::{JoinRequest, Joins};
use crate::topic::fanout::Place;

impl Joins {
    /// A connection that has joined this topic is not corked any more, or has left it.
    pub(crate) fn note_not_early(&mut self, conn: ConnKey, topic: TopicKey) {
        if !self.early.is_empty() {
            self.early.remove(&(topic, conn));
        }
    }

    /// Connections that have joined this topic and wait for others.
    fn early_of(&self, topic: TopicKey) -> impl Iterator<Item = ConnKey> {
        let early = self
            .early
            .range((topic, ConnKey(0))..=(topic, ConnKey(u32::MAX)));
        early.map(|&(_, conn)| conn)
    }
}

impl PubSub {
    /// A connection that has joined and is corked joins again, from where it stands in the topic's
    /// history: its log needs the space. `false` if that is not known.
    pub(crate) fn join_again<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        key: ConnKey,
        topic: TopicKey,
    ) -> bool {
        let place = place_of(conns, key, topic);
        let since = place.and_then(|place| Some((place, self.fanout.standing(place)?)));
        let Some((place, since)) = since else {
            return false;
        };
        self.leave_feed(conns, place);
        self.joins.note_not_early(key, topic);
        if let Some(conn) = conns.get_mut(key) {
            conn.subs.set_index(topic, WAITING);
            conn.waiting += 1;
        }
        let joining = JoinRequest {
            since: Some(since),
            is_again: true,
            ..JoinRequest::default()
        };
        self.joins.waiting.insert((key, topic), joining);
        self.ask_to_join(conns, env, key, topic);
        true
    }

    /// Connections that have joined a topic and are corked, and have not been sent all that its log
    /// for this form holds.
    pub(crate) fn early_behind<D>(
        &self,
        conns: &Conns<D>,
        topic: TopicKey,
        form: Form,
    ) -> Vec<ConnKey> {
        let is_behind = |key: &ConnKey| {
            let place = place_of(conns, *key, topic).filter(|place| place.form == form);
            place.is_some_and(|place| self.fanout.is_behind(place))
        };
        self.joins.early_of(topic).filter(is_behind).collect()
    }
}

fn place_of<D>(conns: &Conns<D>, key: ConnKey, topic: TopicKey) -> Option<Place> {
    let conn = conns.get(key)?;
    conn.subs.place(conn.form, topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_that_joined_early_are_found_by_their_topic() {
        let mut joins = Joins::default();
        let early = [(1, 7), (2, 5), (2, 6), (3, 8)];
        joins
            .early
            .extend(early.map(|(topic, key)| (TopicKey(topic), ConnKey(key))));
        let early_of = |joins: &Joins, topic| {
            let early = joins.early_of(TopicKey(topic));
            early.collect::<Vec<ConnKey>>()
        };
        assert_eq!(early_of(&joins, 2), [ConnKey(5), ConnKey(6)]);
        joins.note_not_early(ConnKey(5), TopicKey(2));
        joins.note_not_early(ConnKey(5), TopicKey(2));
        assert_eq!(early_of(&joins, 2), [ConnKey(6)]);
        assert_eq!(early_of(&joins, 4), []);
        assert_eq!(joins.len(), 3);
    }
}
