//! Namespaces: what holds for the topics of a name, such as whether they have a history.

use std::sync::Arc;
use std::time::Duration;

use crate::config::SlowConsumer;

/// What holds for a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicSettings {
    /// What its home keeps of what was published; `None`: nothing, and its messages have no
    /// position.
    pub history: Option<HistorySettings>,
    /// What a new subscriber gets first that asks for nothing else.
    pub first: First,
    /// What happens to a subscriber that is too slow; `None`: as in
    /// [`Config::slow_consumer`](crate::Config::slow_consumer).
    pub slow_consumer: Option<SlowConsumer>,
}

/// What the home of a topic keeps of what was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistorySettings {
    /// Messages at most; at least 1.
    pub entries_max: u32,
    /// Bytes of their payloads at most; the newest message is kept in any case.
    pub bytes_max: usize,
    /// How long a message is kept.
    pub ttl: Duration,
    /// How long the position is kept after the last message; at least `ttl`.
    pub meta_ttl: Duration,
    /// Of each key only the newest message is kept, and of those without a key the newest.
    pub is_keyed: bool,
}

/// What a new subscriber gets first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    /// Nothing: what is published from then on.
    #[default]
    Nothing,
    /// So many of the newest messages, as far as they are there.
    Last(u32),
}

/// The settings of all topics, by their names.
#[derive(Clone, Debug, Default)]
pub struct Namespaces(Arc<Table>);

#[derive(Debug, Default)]
struct Table {
    /// Those of a topic that no namespace has.
    default: TopicSettings,
    /// By the part of a topic's name before the first `:`.
    named: Vec<(String, TopicSettings)>,
}

impl Namespaces {
    /// Those of topics in no namespace, and of each namespace by its name.
    pub fn new(default: TopicSettings, named: Vec<(String, TopicSettings)>) -> Self {
        Self(Arc::new(Table { default, named }))
    }

    /// Those of the topic of this name.
    pub fn of(&self, topic: &str) -> &TopicSettings {
        if !self.0.named.is_empty()
            && let Some((namespace, _)) = topic.split_once(':')
            && let Some((_, found)) = self.0.named.iter().find(|(name, _)| name == namespace)
        {
            return found;
        }
        &self.0.default
    }
}
