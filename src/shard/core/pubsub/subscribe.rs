//! Subscribing: interest in topics, and when a subscription is live.

use crate::counters::Limit;
use crate::error::debug_is_text;
use crate::handler::Subscribe;
use crate::id::{ConnId, ConnKey, TopicKey};
use crate::limits::{CLIENT_INFO_BYTES_MAX, TAG_BYTES_MAX, TOPIC_BYTES_MAX};
use crate::shard::core::conn::session::Session;
use crate::shard::core::conn::session::subs::{Aside, Subscription};
use crate::shard::core::conn::state::State;
use crate::shard::core::conn::subs::{CATCHING_UP, Membership, WAITING};
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::mail::Happening;
use crate::topic::fanout::Place;
use crate::topic::patterns::TopicPattern;
use crate::topic::{Topic, TopicNameError};

/// Why a subscription was not made.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The name is empty, too long, `.` or `..`.
    #[error("a topic's name has 1 to {TOPIC_BYTES_MAX} bytes, and is not . or ..")]
    TopicName,
    /// The tag is too long.
    #[error("a tag has at most {TAG_BYTES_MAX} bytes")]
    Tag,
    /// What is said of the client is too long.
    #[error("what is said of a client has at most {CLIENT_INFO_BYTES_MAX} bytes")]
    Info,
    /// The connection has as many subscriptions as it may.
    #[error("the connection has as many subscriptions as it may")]
    TooMany,
    /// Clients of its shard have subscribed to as many patterns as they may.
    #[error("there are too many patterns")]
    TooManyPatterns,
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
}

debug_is_text!(SubscribeError);

impl From<TopicNameError> for SubscribeError {
    fn from(_: TopicNameError) -> Self {
        Self::TopicName
    }
}

fn check(subscribe: &Subscribe<'_>) -> Result<(), SubscribeError> {
    if TAG_BYTES_MAX < subscribe.tag.len() {
        return Err(SubscribeError::Tag);
    }
    let infos = [&subscribe.conn_info, &subscribe.chan_info];
    let mut infos = infos.into_iter().flatten();
    if infos.any(|info| CLIENT_INFO_BYTES_MAX < info.len()) {
        return Err(SubscribeError::Info);
    }
    Ok(())
}

impl PubSub {
    /// Subscribes a connection; a session may have `asked` for it by a command. It is live at once
    /// if the topic is, its room is not told of joins and its history is not asked for, else when
    /// its home has answered.
    pub(crate) fn subscribe<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        key: ConnKey,
        topic: &Topic,
        subscribe: Subscribe<'_>,
        asked: Option<(Subscription, Aside)>,
    ) -> Result<(), SubscribeError> {
        check(&subscribe)?;
        let known = self.fanout.find(topic);
        let conn = conns.live(key).filter(|conn| !conn.state.is_closing());
        let conn = conn.ok_or(SubscribeError::Closed)?;
        if known.is_some_and(|topic| conn.subs.get(topic).is_some()) {
            return Ok(());
        }
        if env.config.subscriptions_max <= Self::count_subscriptions(conns, key) {
            env.counters.hit(Limit::Subscriptions);
            return Err(SubscribeError::TooMany);
        }
        let topic_key = match (known, TopicPattern::of(topic)) {
            (Some(key), _) => key,
            (None, Some(pattern)) => self.add_pattern(env, &pattern)?,
            (None, None) => self.add_topic(env, topic),
        };
        let Some(conn) = conns.get_mut(key) else {
            return Err(SubscribeError::Closed);
        };
        let has_deltas = asked.as_ref().is_some_and(|(_, aside)| aside.has_deltas());
        conn.subs.add(Membership::new(topic_key, has_deltas));
        if env.is_traced() {
            let id = ConnId {
                key,
                generation: conn.generation,
            };
            env.trace(Some(id), Some(topic), || Happening::Subscribed);
        }
        if let Some(session) = conn.protocol.session_mut() {
            session.subs.add(topic_key, asked);
        }
        let since = self.fanout.begins(
            topic_key,
            conn.form,
            subscribe.since,
            &env.config.namespaces,
        );
        if self.fanout.subscribe(topic_key, key) && since.is_none() {
            self.join_announced(conns, env, (key, topic_key));
        } else {
            conn.waiting += u16::from(conn.state != State::Open);
            let is_of_many = subscribe.is_of_many;
            if since.is_some() || subscribe.says_more() {
                self.joins.note(key, topic_key, since, subscribe);
            }
            if !is_of_many {
                self.ask_to_join(conns, env, key, topic_key);
            }
        }
        self.mark_shared(conns, key);
        Ok(())
    }

    /// Ends a subscription; what was not sent of it is not.
    pub(crate) fn unsubscribe<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        key: ConnKey,
        topic: TopicKey,
    ) {
        conns.end_delay(key);
        let fanout = &mut self.fanout;
        let Some(conn) = conns.get_mut(key) else {
            return;
        };
        let Some(sub) = conn.subs.get(topic) else {
            return;
        };
        let (form, index) = (sub.form(conn.form), sub.index());
        conn.subs.remove(topic);
        if env.is_traced() {
            let id = ConnId {
                key,
                generation: conn.generation,
            };
            let local = fanout.topic(topic).map(|local| &local.topic);
            env.trace(Some(id), local, || Happening::Unsubscribed);
        }
        if let Some(session) = conn.protocol.session_mut() {
            session.subs.remove(topic);
        }
        let joins = fanout.topic(topic).is_some_and(|topic| topic.joins);
        fanout.unsubscribe(topic, env.now);
        match index {
            WAITING => self.is_live_for(conns, env, key),
            CATCHING_UP => self.stop_catching_up(key, topic),
            index => self.leave_feed(conns, Place { topic, form, index }),
        }
        if joins {
            self.leave(conns, env, key, topic, index);
        } else {
            self.forget_join(key, topic);
        }
        self.mark_shared(conns, key);
        self.stop_hearing(conns, env, key, topic);
    }

    /// A topic at home here is live, now that the handler was asked for its room.
    pub(crate) fn own_topic_is_live<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        topic: &Topic,
        joins: bool,
    ) {
        let key = self.fanout.find(topic);
        let topic = key.and_then(|key| Some((key, self.fanout.topic(key)?)));
        if let Some((key, topic)) = topic.filter(|(_, topic)| !topic.is_live()) {
            self.topic_is_live(conns, env, key, topic.generation, joins);
        }
    }

    /// The home has answered: connections that waited for that are members now, or ask to be.
    pub(crate) fn topic_is_live<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        topic: TopicKey,
        generation: u32,
        joins: bool,
    ) {
        if self.fanout.current(topic, generation).is_none() {
            return;
        }
        for key in self.fanout.set_live(topic, joins) {
            // A connection that has left may be named here, or one that has its key now.
            let sub = conns.live(key).and_then(|conn| conn.subs.get(topic));
            if sub.is_none_or(|sub| sub.index() != WAITING) {
                continue;
            }
            if joins || self.joins.begins(key, topic) {
                self.ask_to_join(conns, env, key, topic);
            } else {
                self.forget_join(key, topic);
                self.join_announced(conns, env, (key, topic));
                self.is_live_for(conns, env, key);
            }
        }
    }

    /// A subscription is live that has asked its home for nothing.
    fn join_announced<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): (ConnKey, TopicKey),
    ) {
        let is_refused = !self.announce(conns, env, (key, topic), None);
        self.join(conns, key, topic, false);
        if is_refused {
            self.unsubscribe(conns, env, key, topic);
        }
    }

    /// A connection waits for one topic less: an open one for none, as it has its greeting.
    pub(crate) fn is_live_for<D>(&mut self, conns: &mut Conns<D>, env: &mut Env, key: ConnKey) {
        if self.is_last(conns, env, key) == Some(false) {
            self.ask_to_join_all(conns, env, key);
        }
    }

    /// The same for a topic that it had to ask for: then all that it waits for were asked for.
    pub(crate) fn is_joined<D>(&mut self, conns: &mut Conns<D>, env: &mut Env, key: ConnKey) {
        self.is_last(conns, env, key);
    }

    /// Whether it waits for nothing more, if it did.
    fn is_last<D>(&mut self, conns: &mut Conns<D>, env: &mut Env, key: ConnKey) -> Option<bool> {
        let conn = conns.get_mut(key).filter(|conn| conn.waiting != 0)?;
        conn.waiting -= 1;
        let is_last = conn.waiting == 0;
        if is_last {
            self.uncork(conns, env, key);
        }
        Some(is_last)
    }

    /// Lets a connection go on when its subscriptions are all live.
    pub(crate) fn uncork<D>(&mut self, conns: &mut Conns<D>, env: &mut Env, key: ConnKey) {
        let Some(conn) = conns.get_mut(key) else {
            return;
        };
        // A connection that waits to be opened sends nothing yet.
        if conn.state == State::Corked {
            conn.move_to(State::Open);
            for sub in conn.subs.as_slice() {
                self.joins.note_not_early(key, sub.topic);
            }
            let connected = conn.protocol.session_mut().and_then(Session::connect);
            self.set_detached(conns, key, false);
            self.mark_all_dirty(conns, key);
            if let Some(reply) = connected {
                conns.tell_first(key, &reply);
            }
            conns.queue_resume(env, key);
        }
    }
}
