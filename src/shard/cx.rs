//! What a handler may ask for during a callback.

use crate::close_reason::CloseReason;
use crate::conn::{CLOSING, OPEN};
use crate::handler::{Busy, Wait};
use crate::id::{ConnId, ShardId};
use crate::limits::OUTBOX_BYTES_HIGH;
use crate::payload::Form;
use crate::proto::Kind;
use crate::shard::inner::Inner;
use crate::shard::subscribe::SubscribeError;

/// The shard and the connection that a callback is about.
#[derive(Debug)]
pub struct Cx<'a, D> {
    pub(super) inner: &'a mut Inner<D>,
    pub(super) key: u32,
}

impl<D> Cx<'_, D> {
    /// The connection's id, unique on its shard.
    pub fn id(&self) -> ConnId {
        self.inner.id(self.key)
    }

    /// The shard that the callback runs on.
    pub fn shard(&self) -> ShardId {
        self.inner.shard
    }

    /// What the application keeps for the connection; `None` while it is being opened.
    pub fn data(&mut self) -> Option<&mut D> {
        self.inner
            .conns
            .get_mut(self.key as usize)
            .and_then(|conn| conn.data.as_mut())
    }

    /// Subscribes the connection to a topic. From [`on_open`](crate::Handler::on_open): the
    /// client hears that it is connected when the subscription is live, so whatever is published
    /// after that reaches it. Twice is once.
    ///
    /// # Errors
    ///
    /// The name is no topic's, or the connection has too many subscriptions.
    pub fn subscribe(&mut self, topic: &str) -> Result<(), SubscribeError> {
        self.inner.subscribe(self.key, topic)
    }

    /// Ends the connection's subscription to a topic, if it has one.
    pub fn unsubscribe(&mut self, topic: &str) {
        if let Some(topic) = self.inner.topics.find(topic) {
            self.inner.unsubscribe(self.key, topic);
        }
    }

    /// Publishes to all subscribers of a topic, on all shards, this connection included.
    ///
    /// # Errors
    ///
    /// [`Busy`] while the home of the topic cannot take it; nobody gets it then.
    pub fn publish(&mut self, topic: &str, kind: Kind, payload: &[u8]) -> Result<(), Busy> {
        self.inner.publish(topic, kind, payload)
    }

    /// Sends to this connection alone.
    ///
    /// # Errors
    ///
    /// [`Busy`] while more than [`OUTBOX_BYTES_HIGH`] bytes of its replies are unsent.
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Busy> {
        let Some(conn) = self.inner.conn(self.key).filter(|conn| !conn.is(CLOSING)) else {
            return Ok(());
        };
        if OUTBOX_BYTES_HIGH < conn.outbox_len() {
            return Err(Busy(Wait::Outbox));
        }
        let form: Form = conn.form();
        if form.carries(payload.len()) {
            self.inner
                .reply(self.key, |out| form.encode(out, kind, payload));
        }
        Ok(())
    }

    /// Closes the connection once its replies are sent.
    pub fn close(&mut self, reason: CloseReason) {
        if self.inner.conn(self.key).is_some_and(|conn| conn.is(OPEN)) {
            self.inner.close(self.key, reason);
        }
    }
}
