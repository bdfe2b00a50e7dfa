//! Subscribers that are told of the joins and leaves of a topic's clients: they have a second
//! subscription, to a topic of these events that their shard alone knows.
//!
//! So events have logs of their own, and the positions of messages, which are found by the frames
//! of a log, do not depend on them.

use std::sync::Arc;

use crate::id::{ConnKey, TopicKey};
use crate::payload::{ClientEvent, Extra};
use crate::shard::core::conn::subs::Membership;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::topic::Topic;
use crate::topic::presence::ClientInfo;

/// What is to be told of a client at home here.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) topic: Topic,
    pub(crate) event: Arc<Extra>,
}

impl Announcement {
    pub(crate) fn new(topic: &Topic, info: &ClientInfo, event: ClientEvent) -> Self {
        let extra = Extra {
            info: Some(Arc::new(info.into())),
            event: Some(event),
            ..Extra::default()
        };
        Self {
            topic: topic.clone(),
            event: Arc::new(extra),
        }
    }
}

impl PubSub {
    /// Has a connection that has joined a topic told of its events, if it asks for that or all are,
    /// and its protocol can tell it.
    pub(super) fn hear_events<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &Env,
        (key, topic): (ConnKey, TopicKey),
        asks: bool,
    ) {
        let settings = self.fanout.settings(topic, &env.config.namespaces);
        let is_told = settings.is_some_and(|settings| {
            settings.join_leave && (asks || settings.force_push_join_leave)
        });
        let (Some(local), true) = (self.fanout.topic(topic), is_told) else {
            return;
        };
        let (name, home) = (local.topic.clone(), local.home);
        let conn = conns.live(key).filter(|conn| conn.form.wire().is_some());
        let Some(conn) = conn.filter(|conn| conn.subs.get(topic).is_some()) else {
            return;
        };
        let topic = self.fanout.events(&name, home);
        if conn.subs.get(topic).is_none() {
            conn.subs.add(Membership::new(topic, false));
            self.fanout.subscribe(topic, key);
            self.join(conns, key, topic, false);
            self.mark_shared(conns, key);
        }
    }

    /// A subscription to this topic has ended: its connection is not told of events any more.
    pub(super) fn stop_hearing<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        key: ConnKey,
        topic: TopicKey,
    ) {
        let local = self.fanout.topic(topic).filter(|local| !local.is_of_events);
        let events = local.and_then(|local| self.fanout.find_events(&local.topic));
        if let Some(events) = events {
            self.unsubscribe(conns, env, key, events);
        }
    }

    /// How many subscriptions a connection has, beside those to events.
    pub(super) fn count_subscriptions<D>(conns: &Conns<D>, key: ConnKey) -> usize {
        conns
            .get(key)
            .map_or(0, |conn| match conn.protocol.session() {
                Some(session) => session.subs.as_slice().len(),
                // Others are not told of events.
                None => conn.subs.count(),
            })
    }
}
