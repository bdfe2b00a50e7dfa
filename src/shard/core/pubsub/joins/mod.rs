//! Joining a topic whose room is told, or whose history is asked for: the subscription is live from
//! one point of the topic's order on, which is where the home's answer stands among the deliveries.

mod early;
mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::handler::{ClientInfo, Publisher, Subscribe};
use crate::id::{ConnId, ConnKey, TopicKey};
use crate::position::Since;
use crate::shard::core::conn::state::State;
use crate::shard::core::conn::subs::{CATCHING_UP, Membership, WAITING};
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::core::pubsub::users::Page;
use crate::shard::mail::{Join, Joined, Presence};

/// Subscriptions of which homes are told.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    /// Those that wait, by the keys of connection and topic; and all that wait with a tag, as long
    /// as it is not known whether a room is told, or ask for the topic's history.
    waiting: BTreeMap<(ConnKey, TopicKey), JoinRequest>,
    /// Connections that have joined one topic and wait, corked, for others: by the keys of topic
    /// and connection.
    early: BTreeSet<(TopicKey, ConnKey)>,
    last_ticket: u64,
}

#[derive(Debug, Default)]
struct JoinRequest {
    tag: Box<[u8]>,
    /// What is said of it as a client: of its connection, and in this topic.
    infos: [Option<Arc<[u8]>>; 2],
    /// It asks to be told of joins and leaves.
    joins: bool,
    /// What it asks for of the topic's history.
    since: Option<Since>,
    /// The home has been asked, or is going to be.
    ticket: Option<u64>,
    /// It has joined before: rooms are not told again.
    is_again: bool,
    /// May read the refusal, if the topic has too many subscribers.
    page: Option<Box<Page>>,
}

impl Joins {
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.early.len()
    }

    /// A connection waits for a topic, and asks for this.
    pub(crate) fn note(
        &mut self,
        conn: ConnKey,
        topic: TopicKey,
        since: Option<Since>,
        subscribe: Subscribe<'_>,
    ) {
        let joining = JoinRequest {
            tag: subscribe.tag.into(),
            infos: [subscribe.conn_info, subscribe.chan_info],
            joins: subscribe.joins,
            since,
            ..JoinRequest::default()
        };
        self.waiting.insert((conn, topic), joining);
    }

    /// Whether it asks for the topic's history.
    pub(crate) fn begins(&self, conn: ConnKey, topic: TopicKey) -> bool {
        let joining = self.waiting.get(&(conn, topic));
        joining.is_some_and(|joining| joining.since.is_some())
    }

    /// The ticket with which it asks for a page.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn page_ticket(&self, conn: ConnKey, topic: TopicKey) -> Option<u64> {
        let joining = self.waiting.get(&(conn, topic))?;
        joining
            .ticket
            .filter(|_| joining.since != Some(Since::Last(0)))
    }

    pub(crate) fn next_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }
}

impl PubSub {
    /// Asks the home of a topic that a connection waits for to join it: at once if it is open, and
    /// with those of all others before its greeting.
    pub(crate) fn ask_to_join<D>(
        &mut self,
        conns: &Conns<D>,
        env: &mut Env,
        key: ConnKey,
        topic: TopicKey,
    ) {
        if conns.get(key).is_none_or(|conn| conn.state != State::Open) {
            return self.ask_to_join_all(conns, env, key);
        }
        if self
            .fanout
            .topic(topic)
            .is_some_and(|topic| topic.is_live())
        {
            self.ask(conns, env, key, topic);
        }
    }

    /// Asks the homes of all topics that a connection waits for to join it, once it is accepted and
    /// they alone are waited for: what is joined must not wait long for anything else.
    pub(crate) fn ask_to_join_all<D>(&mut self, conns: &Conns<D>, env: &mut Env, key: ConnKey) {
        let Some(conn) = conns.get(key) else {
            return;
        };
        let is_ready = conn.waiting != 0 && conn.state.is_accepted();
        if !is_ready || self.users.is_entering(key) {
            return;
        }
        let waiting = conn.subs.as_slice().iter();
        let waiting = waiting.filter(|sub| sub.index() == WAITING);
        let is_live = |sub: &Membership| {
            self.fanout
                .topic(sub.topic)
                .is_some_and(|topic| topic.is_live())
        };
        if waiting.clone().all(is_live) {
            waiting.for_each(|sub| self.ask(conns, env, key, sub.topic));
        }
    }

    fn ask<D>(&mut self, conns: &Conns<D>, env: &mut Env, key: ConnKey, topic_key: TopicKey) {
        let joining = self.joins.waiting.entry((key, topic_key)).or_default();
        if joining.ticket.is_some() {
            return;
        }
        self.joins.last_ticket += 1;
        let ticket = self.joins.last_ticket;
        joining.ticket = Some(ticket);
        match joining.since {
            // No page is asked for.
            None | Some(Since::Last(0)) => self.send_join(conns, env, ticket, (key, topic_key)),
            Some(_) => self.ask_in_turn(conns, env, ticket, (key, topic_key)),
        }
    }

    /// Asks the home of a topic to join it, or for more of its history.
    pub(crate) fn send_join<D>(
        &mut self,
        conns: &Conns<D>,
        env: &mut Env,
        ticket: u64,
        (key, topic_key): (ConnKey, TopicKey),
    ) {
        let joiner = self.as_member(conns, env, key);
        let Some(topic) = self.fanout.topic(topic_key) else {
            return;
        };
        let joining = self.joins.waiting.get_mut(&(key, topic_key));
        let is_again = joining.as_ref().is_none_or(|joining| joining.is_again);
        let is_counted = topic.joins && !is_again;
        let (tag, infos, since) = match joining {
            Some(joining) => (
                std::mem::take(&mut joining.tag),
                std::mem::take(&mut joining.infos),
                joining.since,
            ),
            None => (
                Box::default(),
                [None, None],
                self.catch_ups.since(key, topic_key),
            ),
        };
        let info = is_counted.then(|| {
            let user = conns.user(key).map(|record| record.user().into());
            let [conn_info, chan_info] = infos;
            Arc::new(ClientInfo {
                client: joiner,
                user: user.unwrap_or_default(),
                conn_info,
                chan_info,
            })
        });
        let join = Presence::Join(Join {
            joiner,
            key: topic_key,
            ticket,
            tag,
            info,
            since,
            is_again,
        });
        let (home, name) = (topic.home.index(), topic.topic.clone());
        self.mail[home].presence.insert(ticket, (name, join));
        env.moved = true;
    }

    /// Rooms are not told of a subscription that waits, or has ended.
    pub(crate) fn forget_join(&mut self, key: ConnKey, topic: TopicKey) {
        self.joins.note_not_early(key, topic);
        if !self.joins.waiting.is_empty()
            && let Some(joining) = self.joins.waiting.remove(&(key, topic))
            && let Some(ticket) = joining.ticket
        {
            self.take_back(topic, ticket);
        }
    }

    /// Does not ask a home any more; returns whether it was not asked yet.
    pub(crate) fn take_back(&mut self, topic: TopicKey, ticket: u64) -> bool {
        let home = self.fanout.topic(topic).map(|topic| topic.home.index());
        let asked = home.and_then(|home| self.mail[home].presence.remove(&ticket));
        let is_back = asked.is_some() || self.catch_ups.leaves_queue(ticket);
        if asked.is_some() {
            self.catch_ups.note_answer(ticket);
        }
        is_back
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
        mut joined: Joined,
    ) {
        let Joined { key, ticket, .. } = joined;
        self.catch_ups.note_answer(ticket);
        let place = (id.key, key);
        let joining = self.joins.waiting.get(&place);
        // One that has left meanwhile is not there, or has joined anew.
        let Some(joining) = joining.filter(|joining| joining.ticket == Some(ticket)) else {
            return self.caught_up(conns, env, place, joined);
        };
        let (since, asks_for_events) = (joining.since, joining.joins);
        self.joins.waiting.remove(&place);
        let is_refused = !self.announce(conns, env, place, joined.start.as_deref_mut());
        self.begin(conns, env, place, since, joined);
        self.hear_events(conns, env, place, asks_for_events);
        self.is_joined(conns, env, id.key);
        if is_refused {
            return self.unsubscribe(conns, env, id.key, key);
        }
        let conn = conns.live(id.key);
        let is_early = conn.is_some_and(|conn| {
            let sub = conn.subs.get(key);
            conn.state.is_corked() && sub.is_some_and(|sub| sub.index() < CATCHING_UP)
        });
        if is_early {
            self.joins.early.insert((key, id.key));
        }
    }

    /// A subscription to a topic whose home is told of leaves has ended, with this index.
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
        let joining = self.joins.waiting.remove(&(key, topic_key));
        let was_told = joining.as_ref().is_some_and(|joining| joining.is_again);
        let ticket = joining.and_then(|joining| joining.ticket);
        let was_answered = was_told || ticket.is_none() && index != WAITING;
        // The home may not have heard of one that was not.
        let is_asked = ticket.is_some_and(|ticket| !self.take_back(topic_key, ticket));
        if (was_answered || is_asked)
            && let Some(topic) = self.fanout.topic(topic_key)
        {
            let (home, name) = (topic.home.index(), topic.topic.clone());
            let leave = Presence::Leave {
                leaver,
                was_answered,
            };
            let ticket = self.joins.next_ticket();
            self.mail[home].presence.insert(ticket, (name, leave));
            env.moved = true;
        }
    }
}
