//! Subscribe and unsubscribe.

use std::borrow::Cow;

use crate::handler::{Failure, Handler, Query};
use crate::id::ConnKey;
use crate::limits::WORK_OF_UNSUBSCRIBING;
use crate::proto::centrifuge::{
    Answer, DisconnectCode, Empty, ErrorCode, SubscribeRequest, UnsubscribeRequest,
};
use crate::shard::core::ShardCore;
use crate::shard::core::session::{Answered, is_pattern};
use crate::shard::core::shard::Shard;

impl<H: Handler> ShardCore<H> {
    pub(super) fn subscribe(
        &mut self,
        key: ConnKey,
        id: u32,
        request: &SubscribeRequest,
    ) -> Answered {
        check(request)?;
        if self.shard.has_session_sub(key, &request.channel)? {
            return Err(ErrorCode::AlreadySubscribed.into());
        }
        let subscribed = self.ask_to_subscribe(key, request)?;
        let is_positioned = self.watches(key, request)?;
        let request = self.without_denied(key, request)?;
        self.shard
            .subscribe_session(key, id, &request, subscribed, is_positioned)?;
        Ok(None)
    }

    /// What it asks for without joins and leaves, if it may not know which
    /// clients are there.
    fn without_denied<'r>(
        &mut self,
        key: ConnKey,
        request: &'r SubscribeRequest,
    ) -> Result<Cow<'r, SubscribeRequest>, Failure> {
        let settings = self.shard.env.config.namespaces.of(&request.channel);
        if !request.join_leave || !settings.join_leave || settings.force_push_join_leave {
            return Ok(Cow::Borrowed(request));
        }
        match self.ask_query(key, Query::Presence, &request.channel) {
            Ok(()) => Ok(Cow::Borrowed(request)),
            Err(Failure::Error(_)) => Ok(Cow::Owned(SubscribeRequest {
                join_leave: false,
                ..request.clone()
            })),
            Err(other) => Err(other),
        }
    }

    /// Whether the client is to be told of gaps, and may come back to where it was: as it asks, if
    /// it may read the history of the topic, or as the topic's settings say.
    fn watches(&mut self, key: ConnKey, request: &SubscribeRequest) -> Result<bool, Failure> {
        if is_pattern(&request.channel) {
            return Ok(false);
        }
        let settings = self.shard.env.config.namespaces.of(&request.channel);
        if settings.positions_all() {
            return Ok(true);
        }
        if settings.history.is_none()
            || !(request.positioned || request.recoverable || request.recover)
        {
            return Ok(false);
        }
        match self.ask_query(key, Query::History, &request.channel) {
            Ok(()) => Ok(true),
            Err(Failure::Error(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    pub(super) fn unsubscribe(&mut self, key: ConnKey, request: &UnsubscribeRequest) -> Answered {
        self.shard.unsubscribe_session(key, &request.channel)?;
        Ok(Some(Answer::Unsubscribe(Empty {})))
    }
}

/// Refuses what the server does not offer.
fn check(request: &SubscribeRequest) -> Result<(), Failure> {
    if !matches!(&*request.delta, "" | "fossil") {
        return Err(DisconnectCode::BadRequest.into());
    }
    match request.r#type {
        0 if request.tf.is_some() => Err(ErrorCode::BadRequest.into()),
        0 => Ok(()),
        1..=4 => Err(ErrorCode::NotAvailable.into()),
        _ => Err(ErrorCode::BadRequest.into()),
    }
}

impl<D, A> Shard<D, A> {
    /// Whether a session has subscribed to a channel, or is about to.
    pub(super) fn has_session_sub(&self, key: ConnKey, channel: &str) -> Result<bool, Failure> {
        let topic = self.pubsub.find_channel(channel)?;
        let conn = self.conns.get(key);
        Ok(topic
            .zip(conn)
            .is_some_and(|(topic, conn)| conn.subs.get(topic).is_some()))
    }

    /// Ends a subscription of a session; if its command waits, that is answered first.
    fn unsubscribe_session(&mut self, key: ConnKey, channel: &str) -> Result<(), Failure> {
        let Some(topic) = self.pubsub.find_channel(channel)? else {
            return Ok(());
        };
        let Some(session) = self.conns.session(key) else {
            return Ok(());
        };
        let wire = session.wire();
        self.env.work.charge(WORK_OF_UNSUBSCRIBING);
        if let Some(pending) = session.take_waiting(topic) {
            self.tell(key, &pending.finish(wire, None, false));
        }
        let Self {
            pubsub, conns, env, ..
        } = self;
        pubsub.unsubscribe(conns, env, key, topic);
        Ok(())
    }
}
