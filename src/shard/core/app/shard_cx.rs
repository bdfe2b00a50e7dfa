//! What a handler may ask for without being called about a connection: of its shard, and of any
//! connection there.

use std::fmt;
use std::time::Duration;

use crate::close_reason::CloseReason;
use crate::handler::{Publish, PublishError, Sent, check_message};
use crate::id::{ConnId, ShardId};
use crate::payload::Payload;
use crate::position::Since;
use crate::proto::Kind;
use crate::shard::core::app::cx::Cx;
use crate::shard::core::pubsub::subscribe::SubscribeError;
use crate::shard::core::shard::Shard;
use crate::shard::mail::Origin;
use crate::time::Now;
use crate::topic::TopicName;

/// The shard that a callback is about, without a connection.
pub struct ShardCx<'a, D, A: 'static = ()> {
    pub(crate) shard: &'a mut Shard<D, A>,
}

/// A connection that the callback is not about.
pub struct ConnCx<'a, D, A: 'static = ()>(pub(crate) Cx<'a, D, A>);

impl<D, A> fmt::Debug for ShardCx<'_, D, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardCx")
            .field("shard", &self.shard())
            .finish_non_exhaustive()
    }
}

impl<D, A> fmt::Debug for ConnCx<'_, D, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnCx")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl<D, A> ShardCx<'_, D, A> {
    /// The shard that the callback runs on.
    pub fn shard(&self) -> ShardId {
        self.shard.env.shard
    }

    /// The time since the shard started, in whole milliseconds, as of this turn.
    pub fn now(&self) -> Duration {
        self.shard.env.now.since(Now::default())
    }

    /// How many connections the shard has.
    pub fn connections(&self) -> usize {
        self.shard.conns.len()
    }

    /// Publishes to all subscribers of a topic, on all shards.
    ///
    /// # Errors
    ///
    /// [`PublishError::Busy`] while the home of the topic cannot take it, or if the home is this
    /// shard and the turn has no more time to compress. Then no subscriber gets it.
    pub fn publish(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), PublishError> {
        self.publish_with(topic, kind, payload, Publish::default())
    }

    /// The same with more that is said of it.
    ///
    /// # Errors
    ///
    /// As with [`publish`](Self::publish), and [`PublishError::Options`].
    pub fn publish_with(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        kind: Kind,
        payload: &[u8],
        publish: Publish<'_>,
    ) -> Result<(), PublishError> {
        publish.check()?;
        check_message(kind, payload)?;
        let topic = self.shard.pubsub.topic(topic)?;
        let bytes = payload;
        self.shard
            .publish(&topic, Payload { kind, bytes }, Origin::Shard, publish)
    }

    /// A connection of this shard, if it is there.
    pub fn connection(&mut self, id: ConnId) -> Option<ConnCx<'_, D, A>> {
        self.shard.open_connection(id)
    }
}

impl<D, A> ConnCx<'_, D, A> {
    /// Its id.
    pub fn id(&self) -> ConnId {
        self.0.id()
    }

    /// What the application keeps for it.
    pub fn data(&mut self) -> Option<&mut D> {
        self.0.data()
    }

    /// Subscribes it to a topic; see [`Cx::subscribe`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn subscribe(&mut self, topic: &(impl TopicName + ?Sized)) -> Result<(), SubscribeError> {
        self.0.subscribe(topic)
    }

    /// The same with a tag; see [`Cx::subscribe_as`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn subscribe_as(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        tag: &[u8],
    ) -> Result<(), SubscribeError> {
        self.0.subscribe_as(topic, tag)
    }

    /// Subscribes it to a topic from a place in its history on; see [`Cx::subscribe_since`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn subscribe_since(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        since: Since,
    ) -> Result<(), SubscribeError> {
        self.0.subscribe_since(topic, since)
    }

    /// Ends its subscription to a topic, if it has one.
    pub fn unsubscribe(&mut self, topic: &(impl TopicName + ?Sized)) {
        self.0.unsubscribe(topic);
    }

    /// Sends to it alone; see [`Cx::send`].
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Sent {
        self.0.send(kind, payload)
    }

    /// Bytes for it alone that its socket has not taken yet; see [`Cx::buffered`].
    pub fn buffered(&self) -> usize {
        self.0.buffered()
    }

    /// Closes it once its replies are sent.
    pub fn close(&mut self, reason: CloseReason) {
        self.0.close(reason);
    }
}

impl<D, A> Shard<D, A> {
    pub(crate) fn open_connection(&mut self, id: ConnId) -> Option<ConnCx<'_, D, A>> {
        self.conns
            .current(id)
            .filter(|conn| conn.state.is_accepted())?;
        let key = id.key;
        Some(ConnCx(Cx { shard: self, key }))
    }
}
