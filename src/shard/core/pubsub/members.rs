//! The subscriptions of a connection, as members of the feeds that the walks go over.

use crate::config::Config;
use crate::id::{ConnKey, TopicKey};
use crate::shard::core::conn::subs::Subs;
use crate::shard::core::conn::{BLOCKED, DIRTY};
use crate::shard::core::conns::Conns;
use crate::shard::core::pubsub::PubSub;
use crate::topic::fanout::member::{self, DETACHED, Member, OUTBOX_FIRST, SHARED};
use crate::topic::fanout::{Fanout, Place};

impl PubSub {
    /// Calls `change` with the place of each live subscription of a connection.
    pub(crate) fn each_place<D>(
        &mut self,
        conns: &Conns<D>,
        key: ConnKey,
        mut change: impl FnMut(&mut Fanout, Place),
    ) {
        let fanout = &mut self.fanout;
        if let Some(conn) = conns.get(key) {
            conn.subs
                .places(conn.form)
                .for_each(|place| change(fanout, place));
        }
    }

    /// Whether one of the connection's logs has more for it.
    pub(crate) fn has_tail<D>(&self, conns: &Conns<D>, key: ConnKey) -> bool {
        let conn = conns.get(key);
        conn.is_some_and(|conn| {
            let mut places = conn.subs.places(conn.form);
            places.any(|place| self.fanout.is_behind(place))
        })
    }

    /// Puts a connection on the list of those to write; the walks pass it over until then.
    pub(crate) fn mark_dirty<D>(&mut self, conns: &mut Conns<D>, key: ConnKey) {
        if conns.mark_dirty(key) {
            self.set_outbox_first(conns, key, true);
        }
    }

    /// Makes the walks pass over a connection's members, or not any more.
    pub(crate) fn set_outbox_first<D>(&mut self, conns: &Conns<D>, key: ConnKey, first: bool) {
        self.each_place(conns, key, |fanout, place| {
            fanout.set_outbox_first(place, first);
        });
    }

    pub(crate) fn set_blocked<D>(&mut self, conns: &Conns<D>, key: ConnKey, blocked: bool) {
        self.each_place(conns, key, |fanout, place| {
            fanout.set_blocked(place, blocked);
        });
    }

    /// Moves a connection that is behind to the newest message of each of its topics that wants
    /// that; returns how many it misses.
    pub(crate) fn conflate<D>(&mut self, conns: &Conns<D>, key: ConnKey, config: &Config) -> u64 {
        let mut skipped = 0;
        self.each_place(conns, key, |fanout, place| {
            skipped += fanout.conflate(place, config);
        });
        skipped
    }

    /// Lets the walks see that a connection has caught up, where logs wait for that.
    pub(crate) fn queue_walks_of<D>(&mut self, conns: &Conns<D>, key: ConnKey) {
        self.each_place(conns, key, |fanout, place| fanout.queue_walk(place));
    }

    /// Detaches a corked connection from the logs it reads, or has it begin at their heads.
    ///
    /// Nothing was promised to it yet. If it held back a log, the mail for that log could hold
    /// back the very answer that the connection waits for.
    pub(crate) fn set_detached<D>(&mut self, conns: &Conns<D>, key: ConnKey, detached: bool) {
        self.each_place(conns, key, |fanout, place| {
            fanout.set_detached(place, detached);
        });
    }

    /// Makes a connection a member of a live topic.
    pub(crate) fn join<D>(&mut self, conns: &mut Conns<D>, key: ConnKey, topic: TopicKey) {
        let fanout = &mut self.fanout;
        let Some(conn) = conns.get_mut(key) else {
            return;
        };
        let joins = fanout.topic(topic).is_some_and(|topic| topic.joins);
        let mut member = Member::new(conn.sock, key);
        // What is in the outbox goes before what the topic brings.
        member.set(
            OUTBOX_FIRST,
            conn.is(DIRTY | BLOCKED) || conn.state.is_corked(),
        );
        member.set(member::BLOCKED, conn.is(BLOCKED));
        // One that has joined stands where it did so.
        member.set(DETACHED, conn.state.is_corked() && !joins);
        member.set(SHARED, matches!(conn.subs, Subs::Many(_)));
        if let Some(index) = fanout.join(topic, conn.form, member) {
            conn.subs.set_index(topic, index);
        }
    }

    /// Keeps the members' mark of a connection with several subscriptions in step.
    pub(crate) fn mark_shared<D>(&mut self, conns: &Conns<D>, key: ConnKey) {
        let conn = conns.get(key);
        let shared = conn.is_some_and(|conn| matches!(conn.subs, Subs::Many(_)));
        self.each_place(conns, key, |fanout, place| fanout.set_shared(place, shared));
    }
}
