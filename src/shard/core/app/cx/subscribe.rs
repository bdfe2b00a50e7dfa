//! Subscriptions of the connection that a callback is about.

use crate::handler::Subscribe;
use crate::position::Since;
use crate::shard::core::app::cx::Cx;
use crate::shard::core::pubsub::subscribe::SubscribeError;
use crate::shard::core::shard::Shard;
use crate::topic::patterns::TopicPattern;
use crate::topic::{Topic, TopicName};

impl<D, A> Cx<'_, D, A> {
    /// Subscribes the connection to a topic. From [`on_open`](crate::Handler::on_open): the
    /// client hears that it is connected when the subscription is live, so whatever is published
    /// after that reaches it. Twice is once.
    ///
    /// # Errors
    ///
    /// The name is no topic's, or the connection has too many subscriptions.
    pub fn subscribe(&mut self, topic: &(impl TopicName + ?Sized)) -> Result<(), SubscribeError> {
        self.subscribe_as(topic, b"")
    }

    /// The same, with a tag that the topic's room gets with the
    /// [join](crate::Room::on_join), if it asks for joins: a name, for instance, of at most
    /// [`TAG_BYTES_MAX`](crate::limits::TAG_BYTES_MAX) bytes. Of a subscription that is there
    /// already the tag stays as it was.
    ///
    /// # Errors
    ///
    /// The same, and the tag is too long.
    pub fn subscribe_as(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        tag: &[u8],
    ) -> Result<(), SubscribeError> {
        self.subscribe_with(topic, Subscribe::new().tag(tag))
    }

    /// Subscribes the connection to a topic, if that has a history, from a place in it on: what was
    /// published since comes first, then what is published from now on, exactly once and in order.
    /// Without a history it is as [`subscribe`](Self::subscribe).
    ///
    /// What is not there any more, or never was without a history, is a gap. It is told where the
    /// connection's protocol carries positions
    /// ([`Form::carries_positions`](crate::payload::Form::carries_positions)); where it does not,
    /// the connection goes on without what is missing.
    ///
    /// # Errors
    ///
    /// As with [`subscribe`](Self::subscribe).
    pub fn subscribe_since(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        since: Since,
    ) -> Result<(), SubscribeError> {
        self.subscribe_with(topic, Subscribe::new().since(since))
    }

    /// The same with a tag; see [`subscribe_as`](Self::subscribe_as).
    ///
    /// # Errors
    ///
    /// The same, and the tag is too long.
    pub fn subscribe_since_as(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        since: Since,
        tag: &[u8],
    ) -> Result<(), SubscribeError> {
        self.subscribe_with(topic, Subscribe::new().since(since).tag(tag))
    }

    /// The same with all that can be said of a subscription. Of one that is there already all stays
    /// as it was.
    ///
    /// # Errors
    ///
    /// As with [`subscribe`](Self::subscribe), and something that is said is too long.
    pub fn subscribe_with(
        &mut self,
        topic: &(impl TopicName + ?Sized),
        subscribe: Subscribe<'_>,
    ) -> Result<(), SubscribeError> {
        let topic = self.shard.pubsub.topic(topic)?;
        self.shard.pubsub.subscribe(
            &mut self.shard.conns,
            &mut self.shard.env,
            self.key,
            &topic,
            subscribe,
            None,
        )
    }

    /// Subscribes the connection to a pattern: it gets what is published to all topics that match
    /// from then on, that of each topic in its order. The structured protocol tells the topic of
    /// each message; others do not. Homes do not count it as a client of these topics, and their
    /// rooms are not told of it.
    ///
    /// # Errors
    ///
    /// The connection has too many subscriptions, or its shard too many patterns.
    pub fn subscribe_pattern(&mut self, pattern: &TopicPattern) -> Result<(), SubscribeError> {
        let Shard {
            pubsub, conns, env, ..
        } = &mut *self.shard;
        let subscribe = Subscribe::new();
        pubsub.subscribe(conns, env, self.key, pattern.topic(), subscribe, None)
    }

    /// Ends the connection's subscription to a topic, if it has one.
    pub fn unsubscribe(&mut self, topic: &(impl TopicName + ?Sized)) {
        if let Ok(topic) = self.shard.pubsub.topic(topic) {
            self.end_sub(&topic);
        }
    }

    /// Ends the connection's subscription to a pattern, if it has one.
    pub fn unsubscribe_pattern(&mut self, pattern: &TopicPattern) {
        self.end_sub(pattern.topic());
    }

    fn end_sub(&mut self, topic: &Topic) {
        if let Some(topic) = self.shard.pubsub.fanout.find(topic) {
            let Shard {
                pubsub, conns, env, ..
            } = &mut *self.shard;
            pubsub.end_sub(conns, env, (self.key, topic));
        }
    }
}
