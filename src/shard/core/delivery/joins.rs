//! Answers to joins: from the home of a topic to the shard of the connection, and there to it.

use crate::counters::Limit;
use crate::denial::Denial;
use crate::handler::Publisher;
use crate::id::ConnId;
use crate::shard::core::pubsub::users::Page;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{FromHome, Join, Joined};
use crate::topic::Topic;

impl<D, A> Shard<D, A> {
    /// As the home of a topic: whether the topic may have one subscriber more. One that it has not
    /// to count has joined before.
    pub(crate) fn admit_subscriber(&mut self, topic: &Topic, join: &Join) -> bool {
        let Self { pubsub, env, .. } = self;
        if join.info.is_none() || !pubsub.clients.has(topic) {
            return true;
        }
        let settings = env.config.namespaces.of(topic.name());
        let count = pubsub.clients.stats(topic).clients;
        let is_full = settings
            .subscribers_max
            .is_some_and(|max| max as usize <= count);
        if is_full {
            env.counters.hit(Limit::Subscribers);
        }
        !is_full
    }

    /// As the home of a topic: answers a connection that joins, after `can_answer` said yes.
    pub(crate) fn answer_join(&mut self, joiner: Publisher, joined: Joined) {
        let Publisher { shard, conn } = joiner;
        if shard == self.env.shard {
            self.joined(conn, joined);
        } else if let Some(lane) = self.pubsub.lane_to(shard) {
            lane.push(FromHome::Joined { conn, joined });
        }
    }

    /// The home of a topic has answered a connection that joins.
    pub(super) fn joined(&mut self, id: ConnId, joined: Joined) {
        let Self {
            pubsub, conns, env, ..
        } = self;
        if !joined.is_refused {
            return pubsub.joined(conns, env, id, joined);
        }
        let Some(page) = pubsub.join_refused(id, &joined) else {
            return;
        };
        if pubsub.refuse_session_sub(conns, env, (id.key, joined.key)) {
            return;
        }
        let denial = Denial::SubscriberLimit;
        let conn = self.conns.get(id.key);
        if conn.is_some_and(|conn| conn.state.is_corked()) {
            self.refuse_accepted(id.key, page.as_ref().map(Page::reader), denial);
        } else {
            self.note_denial(id.key, denial);
            self.close(id.key, denial.close_reason());
        }
    }
}
