//! What callbacks may ask of the homes of topics: their histories, and their clients.

use std::time::Duration;

use crate::config::TopicSettings;
use crate::handler::{
    Census, HistoryError, HistoryFilter, HistoryPage, HomeReply, PresenceError, PresenceList,
    PresenceStats, PublishError, TopicFilter, census_calls, history_calls, presence_calls,
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
            census_calls!(self: &mut Self);

            fn ask_home(
                &mut self,
                topic: &(impl TopicName + ?Sized),
                ask: Ask,
            ) -> Result<(), PublishError> {
                let topic = self.shard.pubsub.topic(topic)?.into_owned();
                self.shard.ask_home(Box::new(Question { topic, ask }))
            }

            fn ask_all(
                &mut self,
                filter: Option<TopicFilter>,
                reply: HomeReply<Census>,
            ) -> Result<(), PublishError> {
                self.shard.ask_all(filter, reply)
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

    /// Whether the namespace of a topic, or of a pattern, must be configured and is not: commands
    /// are then answered with error 102.
    pub(crate) fn is_unknown(&self, name: &str, is_pattern: bool) -> bool {
        let namespaces = &self.shard.env.config.namespaces;
        match is_pattern {
            true => namespaces.is_unknown_pattern(name),
            false => namespaces.is_unknown(name),
        }
    }

    /// Whether the messages of a topic have positions, and are kept.
    pub fn has_history(&self, topic: &str) -> bool {
        self.topic_settings(topic).history.is_some()
    }

    /// Whether a message of a topic has a position after this time, if there is space for it.
    pub(crate) fn has_position_within(&self, topic: &str, time: Duration) -> bool {
        let settings = self.topic_settings(topic);
        settings.history.is_some() && settings.flush.is_none_or(|flush| flush.every < time)
    }
}
