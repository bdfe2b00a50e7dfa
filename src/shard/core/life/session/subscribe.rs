//! Subscriptions of sessions, as they begin: by a command, or because the server has them.

use std::sync::Arc;

use crate::handler::{Failure, ServerSubscription, Subscribe, Subscribed};
use crate::id::ConnKey;
use crate::limits::WORK_OF_SUBSCRIBING;
use crate::position::{Position, Since};
use crate::proto::centrifuge::{DisconnectCode, ErrorCode, SubscribeRequest, SubscribeResult};
use crate::shard::core::conn::session::pending::Pending;
use crate::shard::core::conn::session::subs::{Aside, Subscription};
use crate::shard::core::conn::session::whole_secs;
use crate::shard::core::pubsub::subscribe::SubscribeError;
use crate::shard::core::shard::Shard;
use crate::topic::Topic;

impl<D, A> Shard<D, A> {
    /// Subscribes the client of a session to what it has not asked for. `before`: where it was, as
    /// it says when it comes back.
    pub(crate) fn subscribe_for_client(
        &mut self,
        key: ConnKey,
        before: Option<&SubscribeRequest>,
        subscription: &ServerSubscription,
    ) -> Result<(), Failure> {
        let settings = self.env.config.namespaces.of(&subscription.channel);
        let is_recoverable = subscription.recoverable.unwrap_or(settings.force_recovery);
        let is_positioned = subscription
            .positioned
            .unwrap_or(settings.force_positioning);
        let is_positioned = settings.history.is_some() && (is_recoverable || is_positioned);
        let place = match before {
            Some(before) => before
                .recover
                .then(|| (before.epoch.clone(), before.offset)),
            None => place_of(subscription.since),
        };
        let recover = place.is_some();
        let (epoch, offset) = place.unwrap_or_default();
        let request = SubscribeRequest {
            channel: subscription.channel.clone(),
            recover,
            epoch,
            offset,
            recoverable: is_recoverable,
            join_leave: subscription.joins || settings.force_push_join_leave,
            ..SubscribeRequest::default()
        };
        let subscribed = subscription.subscribed.clone();
        let done = self.subscribe_session(key, 0, &request, subscribed, is_positioned);
        done.map_err(|failure| match failure {
            Failure::Error(error) if error == ErrorCode::LimitExceeded.into() => {
                DisconnectCode::ChannelLimit.into()
            }
            Failure::Error(_) => DisconnectCode::BadRequest.into(),
            other => other,
        })
    }

    /// Subscribes the client of a session that is there, because the application says so. Other
    /// protocols do not name the topics of messages: their clients have the topics that they have.
    pub(crate) fn subscribe_later(&mut self, key: ConnKey, subscription: &ServerSubscription) {
        let session = self.conns.session(key);
        if !session.is_some_and(|session| session.has_client()) {
            return;
        }
        if let Err(Failure::Close(reason)) = self.subscribe_for_client(key, None, subscription) {
            return self.close(key, reason);
        }
        // One that is about to be connected waits for this as well.
        let Self {
            pubsub, conns, env, ..
        } = self;
        pubsub.ask_to_join_all(conns, env, key);
    }

    /// Ends a subscription of the client of a session, which is told so: to a topic, or to the
    /// pattern of this text.
    pub(crate) fn unsubscribe_later(&mut self, key: ConnKey, topic: &Topic) {
        let Self {
            pubsub, conns, env, ..
        } = self;
        let topic = pubsub.find_channel(topic.name());
        if let Ok(Some(topic)) = topic
            && conns.session(key).is_some()
        {
            pubsub.end_sub(conns, env, (key, topic));
        }
    }

    /// Sets what others are told of the client of a session, from its next subscriptions and
    /// messages on.
    pub(crate) fn describe(&mut self, key: ConnKey, conn_info: Arc<[u8]>) {
        if let Some(session) = self.conns.session(key) {
            session.client.describe(conn_info);
        }
    }

    /// Subscribes the client of a session, by this command, or without one if that has no number.
    pub(crate) fn subscribe_session(
        &mut self,
        key: ConnKey,
        id: u32,
        request: &SubscribeRequest,
        subscribed: Subscribed,
        is_positioned: bool,
    ) -> Result<(), Failure> {
        self.env.work.charge(WORK_OF_SUBSCRIBING);
        let topic = self.pubsub.channel(&request.channel)?.into_owned();
        let settings = self.env.config.namespaces.of(&request.channel);
        let is_positioned = is_positioned && !topic.is_pattern();
        let has_asked = request.recoverable || request.recover;
        let is_recoverable = match id {
            0 => request.recoverable,
            _ => settings.force_recovery || has_asked,
        };
        let is_recoverable = is_positioned && is_recoverable;
        let has_asked_for_deltas = !request.delta.is_empty() && !topic.is_pattern();
        let since = match request.recover && is_recoverable {
            true => Since::after(&request.epoch, request.offset),
            false => Since::Default,
        };
        let left = subscribed.expires_at.map(|end| self.env.left_until(end));
        let result = SubscribeResult {
            expires: left.is_some(),
            ttl: left.map_or(0, whole_secs),
            recoverable: is_recoverable,
            positioned: is_positioned,
            was_recovering: request.recover,
            data: subscribed.data,
            // One that falls behind is to get what it lacks whole: out of the history.
            delta: has_asked_for_deltas && settings.delta && settings.history.is_some(),
            ..SubscribeResult::default()
        };
        let Self {
            pubsub, conns, env, ..
        } = self;
        let Some(session) = conns.session(key) else {
            return Ok(());
        };
        let mut subscribe = Subscribe::new().since(since);
        let info = subscribed.info;
        subscribe.conn_info = session.client.conn_info().cloned();
        subscribe.chan_info = (!info.is_empty()).then(|| info.into());
        subscribe.is_of_many = !session.is_connected();
        if request.join_leave && !topic.is_pattern() {
            subscribe = subscribe.joins();
        }
        let sub = Subscription {
            is_positioned,
            is_of_server: id == 0,
            until: env.sub_until(subscribed.expires_at),
            ..Subscription::default()
        };
        let aside = Aside {
            pending: Some(Box::new(Pending::new(id, request, result))),
            chan_info: subscribe.chan_info.clone(),
        };
        let asked = Some((sub, aside));
        let subscribed = pubsub.subscribe(conns, env, key, &topic, subscribe, asked);
        self.arm(key);
        match subscribed {
            // It is not this client that has too many: it goes on without, as where a topic has no
            // space for it.
            Err(SubscribeError::TooManyPatterns) if id == 0 => Ok(()),
            other => Ok(other?),
        }
    }
}

/// The epoch and the offset by which a client would say that it was there.
fn place_of(since: Since) -> Option<(String, u64)> {
    match since {
        Since::Position(Position { epoch, offset }) => Some((epoch.to_string(), offset)),
        Since::Offset(offset) => Some((String::new(), offset)),
        Since::Foreign => Some((NO_EPOCH.to_owned(), 0)),
        Since::Default | Since::Last(_) => None,
    }
}

/// No epoch is written like this.
const NO_EPOCH: &str = "-";
