//! The subscriptions of a connection, as members of the feeds that the walks go over.

use crate::config::Config;
use crate::id::{ConnKey, TopicKey};
use crate::shard::core::conn::subs::Subs;
use crate::shard::core::conn::{BLOCKED, Conn};
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

    /// Puts a connection on the list of those to write, for what is in its outbox. The walks pass
    /// it over until then; or, if it has so many subscriptions that its writes do not look at each,
    /// they tell which of them have something.
    pub(crate) fn mark_dirty<D>(&mut self, conns: &mut Conns<D>, key: ConnKey) {
        let is_new = conns.mark_dirty(key);
        let conn = conns.get(key);
        if is_new && conn.is_none_or(|conn| conn.subs.found().is_none()) {
            self.set_outbox_first(conns, key, true);
        }
    }

    /// The same for all that its topics have.
    pub(crate) fn mark_all_dirty<D>(&mut self, conns: &mut Conns<D>, key: ConnKey) {
        let is_new = conns.mark_dirty(key);
        let is_other = conns.get_mut(key).is_some_and(|conn| conn.subs.write_all());
        if is_new || is_other {
            self.set_outbox_first(conns, key, true);
        }
    }

    /// The same for what one of its topics has, as a walk has found.
    pub(crate) fn mark_found<D>(&mut self, conns: &mut Conns<D>, key: ConnKey, topic: TopicKey) {
        self.pass_over(conns, key, topic);
        conns.mark_dirty(key);
    }

    /// A walk has found that a topic has something for a connection: until the connection is
    /// written, the walks pass over it there, or in all of its topics if that looks at each.
    pub(crate) fn pass_over<D>(&mut self, conns: &mut Conns<D>, key: ConnKey, topic: TopicKey) {
        if let Some(conn) = conns.get_mut(key)
            && conn.subs.note_found(topic)
        {
            let place = conn.subs.place(conn.form, topic);
            place
                .into_iter()
                .for_each(|place| self.fanout.set_outbox_first(place, true));
        } else {
            self.set_outbox_first(conns, key, true);
        }
    }

    /// After a write that sent all it was given: the walks go on with the members that have
    /// everything, and logs wait for them no more. Whether the others are to be written.
    pub(crate) fn go_on_walking<D>(&mut self, conns: &mut Conns<D>, key: ConnKey) -> bool {
        let Some(conn) = conns.get_mut(key) else {
            return false;
        };
        let Some(mut found) = conn.subs.take_found() else {
            let is_behind = self.has_tail(conns, key);
            if !is_behind {
                self.set_outbox_first(conns, key, false);
                self.queue_walks_of(conns, key);
                if let Some(conn) = conns.get_mut(key) {
                    conn.subs.write_found(Vec::new());
                }
            }
            return is_behind;
        };
        let (form, fanout) = (conn.form, &mut self.fanout);
        found.retain(|topic| {
            let Some(place) = conn.subs.place(form, *topic) else {
                return false;
            };
            let is_behind = fanout.is_behind(place);
            if !is_behind {
                fanout.set_outbox_first(place, false);
                fanout.queue_walk(place);
            }
            is_behind
        });
        let is_behind = !found.is_empty();
        conn.subs.write_found(found);
        is_behind
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
    /// that, or to the newest of each key; returns how many it misses.
    pub(crate) fn conflate<D>(
        &mut self,
        conns: &mut Conns<D>,
        key: ConnKey,
        config: &Config,
    ) -> u64 {
        let mut skipped = 0;
        let mut behind = Vec::new();
        self.each_place(conns, key, |fanout, place| {
            match fanout.conflate(place, config) {
                Ok(frames) => skipped += frames,
                Err(since) => behind.push((place.topic, since)),
            }
        });
        for (topic, since) in behind {
            self.fall_behind(conns, (key, topic), since);
        }
        skipped
    }

    /// Whether one that is behind in a topic of a connection gets the newest messages.
    pub(crate) fn wants_newest<D>(
        &mut self,
        conns: &Conns<D>,
        key: ConnKey,
        config: &Config,
    ) -> bool {
        let mut wants_newest = false;
        self.each_place(conns, key, |fanout, place| {
            wants_newest |= fanout.wants_newest(place.topic, config);
        });
        wants_newest
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

    /// Makes a connection a member of a live topic; it `stands` here if it has joined by an answer,
    /// also while it is corked.
    pub(crate) fn join<D>(
        &mut self,
        conns: &mut Conns<D>,
        key: ConnKey,
        topic: TopicKey,
        stands: bool,
    ) {
        let fanout = &mut self.fanout;
        let Some(conn) = conns.get_mut(key) else {
            return;
        };
        let mut member = Member::new(conn.sock, key);
        // What is in the outbox goes before what the topic brings.
        member.set(OUTBOX_FIRST, conn.writes_first());
        member.set(member::BLOCKED, conn.is(BLOCKED));
        member.set(DETACHED, conn.state.is_corked() && !stands);
        member.set(SHARED, matches!(conn.subs, Subs::Many(_)));
        let Some(sub) = conn.subs.get(topic) else {
            return;
        };
        if let Some(index) = fanout.join(topic, sub.form(conn.form), member) {
            conn.subs.set_index(topic, index);
        }
    }

    /// Takes a member out of its feed.
    pub(crate) fn leave_feed<D>(&mut self, conns: &mut Conns<D>, place: Place) {
        let moved = self.fanout.leave(place);
        if let Some(other) = moved.and_then(|moved| conns.get_mut(moved)) {
            other.subs.set_index(place.topic, place.index);
        }
    }

    /// Keeps the members' mark of a connection with several subscriptions in step, after one more
    /// or less.
    pub(crate) fn mark_shared<D>(&mut self, conns: &Conns<D>, key: ConnKey) {
        let count = conns.get(key).map_or(0, |conn| conn.subs.count());
        // With three and more, all have the mark already.
        if 2 < count {
            return;
        }
        let shared = count == 2;
        let is_first = conns.get(key).is_some_and(Conn::writes_first);
        self.each_place(conns, key, |fanout, place| {
            fanout.set_shared(place, shared);
            fanout.set_outbox_first(place, is_first);
        });
    }
}
