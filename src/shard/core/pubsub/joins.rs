//! Joining a topic whose room is told: the subscription is live from one point of the topic's order
//! on, which is where the home's answer stands among the deliveries.

use std::collections::{BTreeSet, HashMap};

use crate::handler::Publisher;
use crate::id::{ConnId, ConnKey, TopicKey};
use crate::payload::Form;
use crate::shard::core::conn::subs::WAITING;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::mail::Presence;

/// Subscriptions to topics whose rooms are told.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    /// Those that wait, by the keys of connection and topic; and all that wait with a tag, as long
    /// as it is not known whether a room is told.
    waiting: HashMap<(ConnKey, TopicKey), JoinRequest>,
    /// Connections that have joined one topic and wait, corked, for others: by the keys of topic
    /// and connection.
    early: BTreeSet<(TopicKey, ConnKey)>,
    last_ticket: u64,
}

#[derive(Debug, Default)]
struct JoinRequest {
    tag: Box<[u8]>,
    /// The home has been asked, or is going to be.
    ticket: Option<u64>,
}

impl Joins {
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.early.len()
    }

    /// A connection waits for a topic, with this tag.
    pub(crate) fn note_tag(&mut self, conn: ConnKey, topic: TopicKey, tag: &[u8]) {
        let joining = JoinRequest {
            tag: tag.into(),
            ticket: None,
        };
        self.waiting.insert((conn, topic), joining);
    }

    /// Rooms are not told of it.
    pub(crate) fn forget(&mut self, conn: ConnKey, topic: TopicKey) {
        if !self.waiting.is_empty() {
            self.waiting.remove(&(conn, topic));
        }
    }

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

    fn next_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }
}

impl PubSub {
    /// Asks the homes of all topics that a connection waits for to join it, once it is open and
    /// they alone are waited for: what is joined must not wait long for anything else.
    pub(crate) fn ask_to_join<D>(&mut self, conns: &Conns<D>, env: &mut Env, key: ConnKey) {
        let Some(conn) = conns.get(key) else {
            return;
        };
        let is_ready = conn.waiting != 0 && conn.state.is_accepted();
        if !is_ready || self.users.is_entering(key) {
            return;
        }
        let waiting = conn.subs.as_slice().iter();
        let waiting = waiting.filter(|sub| sub.index == WAITING);
        let topics: Vec<TopicKey> = waiting.map(|sub| sub.topic).collect();
        let is_live = |&topic: &TopicKey| self.fanout.topic(topic).is_some_and(|topic| topic.live);
        if topics.iter().all(is_live) {
            topics
                .into_iter()
                .for_each(|topic| self.ask(conns, env, key, topic));
        }
    }

    fn ask<D>(&mut self, conns: &Conns<D>, env: &mut Env, key: ConnKey, topic_key: TopicKey) {
        let joiner = self.as_member(conns, env, key);
        let Some(topic) = self.fanout.topic(topic_key) else {
            return;
        };
        let joining = self.joins.waiting.entry((key, topic_key)).or_default();
        if joining.ticket.is_some() {
            return;
        }
        let tag = std::mem::take(&mut joining.tag);
        self.joins.last_ticket += 1;
        let ticket = self.joins.last_ticket;
        joining.ticket = Some(ticket);
        let join = Presence::Join {
            joiner,
            key: topic_key,
            ticket,
            tag,
        };
        let (home, name) = (topic.home.index(), topic.topic.clone());
        self.mail[home].presence.insert(ticket, (name, join));
        env.moved = true;
    }

    fn as_member<D>(&self, conns: &Conns<D>, env: &Env, key: ConnKey) -> Publisher {
        Publisher {
            shard: env.shard,
            conn: conns.id(key),
        }
    }

    /// The home has answered: the connection is a member now, from this point of the order on.
    pub(crate) fn joined<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        id: ConnId,
        topic_key: TopicKey,
        ticket: u64,
    ) {
        let place = (id.key, topic_key);
        let joining = self.joins.waiting.get(&place);
        // One that has left meanwhile is not there, or has joined anew.
        if joining.is_none_or(|joining| joining.ticket != Some(ticket)) {
            return;
        }
        self.joins.waiting.remove(&place);
        self.join(conns, id.key, topic_key);
        self.is_live_for(conns, env, id.key);
        if conns
            .live(id.key)
            .is_some_and(|conn| conn.state.is_corked())
        {
            self.joins.early.insert((topic_key, id.key));
        }
    }

    /// A subscription to a topic whose room is told has ended, with this index.
    pub(crate) fn leave<D>(
        &mut self,
        conns: &Conns<D>,
        env: &mut Env,
        key: ConnKey,
        topic_key: TopicKey,
        index: u32,
    ) {
        let leaver = self.as_member(conns, env, key);
        self.joins.note_not_early(key, topic_key);
        let ticket = self.joins.waiting.remove(&(key, topic_key));
        let ticket = ticket.and_then(|joining| joining.ticket);
        let Some(topic) = self.fanout.topic(topic_key) else {
            return;
        };
        let presence = &mut self.mail[topic.home.index()].presence;
        let is_told = match ticket {
            // The home has not heard of it.
            Some(ticket) => presence.remove(&ticket).is_none(),
            None => index != WAITING,
        };
        if is_told {
            let name = topic.topic.clone();
            let leave = Presence::Leave { leaver };
            presence.insert(self.joins.next_ticket(), (name, leave));
            env.moved = true;
        }
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
            let conn = conns.get(*key).filter(|conn| conn.form == form);
            let place = conn.and_then(|conn| conn.subs.place(form, topic));
            place.is_some_and(|place| self.fanout.is_behind(place))
        };
        self.joins.early_of(topic).filter(is_behind).collect()
    }
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
