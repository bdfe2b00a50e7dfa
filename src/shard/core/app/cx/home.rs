//! What callbacks may ask of the homes of topics: their histories, and their clients.

use std::time::Duration;

use crate::config::TopicSettings;
use crate::handler::{
    Census, HistoryError, HistoryFilter, HistoryPage, HomeReply, PresenceError, PresenceList,
    PresenceStats, PublishError, history_calls, presence_calls,
};
use crate::shard::core::app::cx::Cx;
use crate::shard::core::app::shard_cx::ShardCx;
use crate::shard::mail::{Ask, Question};
use crate::topic::TopicName;

macro_rules! asks_homes {
    ($($context:ident)*) => {$(
        impl<D, A> $context<'_, D, A> {
            history_calls!(self: &mut Self);
            presence_calls!(self: &mut Self);

            fn ask_home(
                &mut self,
                topic: &(impl TopicName + ?Sized),
                ask: Ask,
            ) -> Result<(), PublishError> {
                let topic = self.shard.pubsub.topic(topic)?.into_owned();
                self.shard.ask_home(Box::new(Question { topic, ask }))
            }

            /// Asks all shards how much they have. `reply` runs on a shard's thread, and must not
            /// wait; it is dropped if the server stops first.
            ///
            /// # Errors
            ///
            /// [`PublishError::Busy`] if a shard has no space for the question: then `reply` is not
            /// called.
            pub fn census(
                &mut self,
                reply: impl FnOnce(Census) + Send + Sync + 'static,
            ) -> Result<(), PublishError> {
                self.shard.ask_all(None, HomeReply::new(reply))
            }

            /// The same with the topics for whose names `filter` is true, and their subscribers:
            /// at most [`CENSUS_TOPICS_MAX`](crate::limits::CENSUS_TOPICS_MAX) of each shard.
            ///
            /// # Errors
            ///
            /// The same.
            pub fn census_of(
                &mut self,
                filter: impl Fn(&str) -> bool + Send + Sync + 'static,
                reply: impl FnOnce(Census) + Send + Sync + 'static,
            ) -> Result<(), PublishError> {
                let filter = Box::new(filter);
                self.shard.ask_all(Some(filter), HomeReply::new(reply))
            }
        }
    )*};
}

asks_homes! { Cx ShardCx }

impl<D, A> Cx<'_, D, A> {
    /// What holds for a topic, by its name.
    pub(crate) fn topic_settings(&self, topic: &str) -> &TopicSettings {
        self.shard.env.config.namespaces.of(topic)
    }

    /// Whether the messages of a topic have positions, and are kept.
    pub fn has_history(&self, topic: &str) -> bool {
        let settings = self.shard.env.config.namespaces.of(topic);
        settings.history.is_some()
    }

    /// Whether a message of a topic has a position after this time, if there is space for it.
    pub(crate) fn has_position_within(&self, topic: &str, time: Duration) -> bool {
        let settings = self.shard.env.config.namespaces.of(topic);
        settings.history.is_some() && settings.flush.is_none_or(|flush| flush.every < time)
    }
}
