//! The clients of a topic, as an application asks for them.

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
