//! The clients of a topic, and what a server has, as an application asks for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::debug_is_text;
use crate::handler::PublishError;
use crate::topic::presence::{ClientInfo, PresenceStats};

/// The clients of a topic.
#[derive(Clone, Debug)]
pub struct PresenceList {
    pub(crate) clients: Vec<Arc<ClientInfo>>,
    pub(crate) stats: PresenceStats,
}

/// Why the clients of a topic are not known.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresenceError {
    /// The topic has no presence.
    #[error("the topic has no presence")]
    Off,
    /// The question found no way to the topic's home.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

debug_is_text!(PresenceError);

impl PresenceList {
    /// The clients, in no order that means anything: at most
    /// [`PRESENCE_CLIENTS_MAX`](crate::limits::PRESENCE_CLIENTS_MAX), and as many as have
    /// [`PRESENCE_BYTES_MAX`](crate::limits::PRESENCE_BYTES_MAX) bytes of info together.
    pub fn clients(&self) -> impl ExactSizeIterator<Item = &ClientInfo> {
        self.clients.iter().map(Arc::as_ref)
    }

    /// How many there are, those that are not listed included.
    pub fn stats(&self) -> PresenceStats {
        self.stats
    }
}

/// What a server has at about one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// Its connections.
    pub connections: usize,
    /// The users that have some of them.
    pub users: usize,
    /// The subscriptions of all of them.
    pub subscriptions: usize,
    /// The topics that have subscribers, or had some a moment ago, or a room.
    pub topics: usize,
    /// The topics that were asked for and have subscribers, by their names, with the numbers of
    /// these.
    pub subscribers: BTreeMap<String, u32>,
    /// There are more than these.
    pub is_cut: bool,
}

/// Says of the name of a topic whether the topic is asked for.
pub(crate) type TopicFilter = Box<dyn Fn(&str) -> bool + Send + Sync>;

impl Census {
    /// A topic has so many subscribers more; of more than `max` topics, no more are listed.
    pub(crate) fn add(&mut self, topic: &str, count: u32, max: usize) {
        let listed = self.subscribers.len();
        match self.subscribers.get_mut(topic) {
            Some(subscribers) => *subscribers += count,
            None if max <= listed => self.is_cut = true,
            None => {
                self.subscribers.insert(topic.to_owned(), count);
            }
        }
    }

    /// Adds what another shard has, but for its topics.
    pub(crate) fn add_numbers(&mut self, other: &Self) {
        self.connections += other.connections;
        self.users += other.users;
        self.subscriptions += other.subscriptions;
        self.topics += other.topics;
        self.is_cut |= other.is_cut;
    }
}

/// The calls about the whole server, of everything that has a method `ask_all`.
macro_rules! census_calls {
    ($this:ident: $receiver:ty) => {
        /// Asks all shards how much they have. `reply` runs on a shard's thread, and must not wait;
        /// it is dropped if the server stops first.
        ///
        /// # Errors
        ///
        /// [`PublishError::Busy`] if a shard has no space for the question: then `reply` is not
        /// called.
        pub fn census(
            $this: $receiver,
            reply: impl FnOnce(Census) + Send + Sync + 'static,
        ) -> Result<(), PublishError> {
            $this.ask_all(None, HomeReply::new(reply))
        }

        /// The same with the topics for whose names `filter` is true, and their subscribers: at
        /// most [`CENSUS_TOPICS_MAX`](crate::limits::CENSUS_TOPICS_MAX).
        ///
        /// # Errors
        ///
        /// The same.
        pub fn census_of(
            $this: $receiver,
            filter: impl Fn(&str) -> bool + Send + Sync + 'static,
            reply: impl FnOnce(Census) + Send + Sync + 'static,
        ) -> Result<(), PublishError> {
            $this.ask_all(Some(Box::new(filter)), HomeReply::new(reply))
        }
    };
}
pub(crate) use census_calls;

/// The calls about presence, of everything that has a method `ask_home`.
macro_rules! presence_calls {
    ($this:ident: $receiver:ty) => {
        /// Asks the home of a topic for the topic's clients: the connections that are subscribed to
        /// it, of all shards. A subscription that its client knows to be live or over is, or is
        /// not, among them. `reply` runs on a shard's thread, and must not wait; it is dropped if
        /// the server stops first.
        ///
        /// # Errors
        ///
        /// [`PublishError::Busy`] if the topic's home has no space for the question,
        /// [`PublishError::TopicName`]: then `reply` is not called.
        pub fn presence(
            $this: $receiver,
            topic: &(impl TopicName + ?Sized),
            reply: impl FnOnce(Result<PresenceList, PresenceError>) + Send + Sync + 'static,
        ) -> Result<(), PublishError> {
            $this.ask_home(topic, Ask::Presence(HomeReply::new(reply)))
        }

        /// Asks for their number alone, and that of their users.
        ///
        /// # Errors
        ///
        /// As with [`presence`](Self::presence).
        pub fn presence_stats(
            $this: $receiver,
            topic: &(impl TopicName + ?Sized),
            reply: impl FnOnce(Result<PresenceStats, PresenceError>) + Send + Sync + 'static,
        ) -> Result<(), PublishError> {
            $this.ask_home(topic, Ask::PresenceStats(HomeReply::new(reply)))
        }
    };
}
pub(crate) use presence_calls;

/// What has happened to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicEvent {
    /// It has subscribers, and had none.
    Occupied,
    /// It has none any more.
    Vacated,
}
