//! The history of a topic, as an application reads it.

use std::fmt;

use crate::config::TopicSettings;
use crate::error::debug_is_text;
use crate::handler::{HistoryFilter, PublishError};
use crate::position::Position;
use crate::proto::Kind;
use crate::proto::centrifuge::ClientInfo;
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::history::{self, History, Kept, ReadAnswer};

/// The history of a topic, at its home.
#[derive(Debug)]
pub(crate) struct TopicHistory<'a> {
    pub(crate) topic: &'a Topic,
    pub(crate) settings: &'a TopicSettings,
    pub(crate) history: &'a mut History,
    pub(crate) now: Now,
}

/// Messages of a topic's history, and where the topic stands.
#[derive(Clone, Debug)]
pub struct HistoryPage(ReadAnswer);

/// A message of a topic's history.
#[derive(Clone, Copy, Debug)]
pub struct HistoryMessage<'p> {
    /// Its position.
    pub position: Position,
    kept: &'p Kept,
}

/// Why a topic's history was not read or removed.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The topic has no history.
    #[error("the topic has no history")]
    Off,
    /// The position is of another epoch: what followed it is not known.
    #[error("the position is of another epoch")]
    Foreign,
    /// In reverse from before the first message, where nothing can be.
    #[error("nothing can be before the first message")]
    BeforeFirst,
    /// The question found no way to the topic's home.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

debug_is_text!(HistoryError);

/// Takes the answer of a topic's home.
#[doc(hidden)]
pub struct HomeReply<T>(Box<dyn FnOnce(T) + Send + Sync>);

/// That about its history.
#[doc(hidden)]
pub type HistoryReply = HomeReply<Result<HistoryPage, HistoryError>>;

impl HistoryPage {
    pub(crate) fn new(answer: ReadAnswer) -> Self {
        Self(answer)
    }

    /// The position of the topic's newest message, or before its first.
    pub fn position(&self) -> Position {
        self.0.position
    }

    /// The messages, as they are kept.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.0.entries.iter()
    }

    /// The messages, in the order that was asked for.
    pub fn messages(&self) -> impl ExactSizeIterator<Item = HistoryMessage<'_>> {
        let epoch = self.0.position.epoch;
        let entries = self.0.entries.iter();
        entries.map(move |kept| HistoryMessage {
            position: Position {
                epoch,
                offset: kept.offset,
            },
            kept,
        })
    }
}

impl TopicHistory<'_> {
    pub(crate) fn read(&mut self, filter: HistoryFilter) -> Result<HistoryPage, HistoryError> {
        let Self {
            topic,
            settings,
            history,
            now,
        } = self;
        let answer = history.read(topic, settings, filter, *now);
        answer.map(HistoryPage::new).map_err(HistoryError::from)
    }

    /// Removes all messages; the answer has none.
    pub(crate) fn remove(&mut self) -> Result<HistoryPage, HistoryError> {
        let answer = self.read(HistoryFilter {
            limit: Some(0),
            ..HistoryFilter::default()
        })?;
        self.history.remove(self.topic);
        Ok(answer)
    }
}

impl From<history::HistoryError> for HistoryError {
    fn from(error: history::HistoryError) -> Self {
        match error {
            history::HistoryError::Off => Self::Off,
            history::HistoryError::Foreign => Self::Foreign,
            history::HistoryError::BeforeFirst => Self::BeforeFirst,
        }
    }
}

impl<'p> HistoryMessage<'p> {
    /// Text or binary.
    pub fn kind(&self) -> Kind {
        self.kept.payload.kind
    }

    /// The published bytes; UTF-8 if it is text.
    pub fn payload(&self) -> &'p [u8] {
        &self.kept.payload.bytes
    }

    /// Of what it is the newest value, as its publisher has [said](crate::Publish::key).
    pub fn key(&self) -> Option<&'p str> {
        self.kept.extra.as_ref()?.key.as_deref()
    }

    /// The client that has published it by a command of the structured protocol.
    pub(crate) fn client(&self) -> Option<&'p ClientInfo> {
        self.kept.extra.as_ref()?.info.as_deref()
    }

    /// Whether the value of its key is [gone](crate::Publish::removal) with it.
    pub fn is_removal(&self) -> bool {
        self.kept.is_removal()
    }

    /// What its publisher has [said](crate::Publish::tag) of it: names and values, in the order in
    /// which they were given.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = (&'p str, &'p str)> + use<'p> {
        let tags = self
            .kept
            .extra
            .as_ref()
            .map_or(&[][..], |extra| &extra.tags);
        tags.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl<T> HomeReply<T> {
    pub(crate) fn new(reply: impl FnOnce(T) + Send + Sync + 'static) -> Self {
        Self(Box::new(reply))
    }

    pub(crate) fn give(self, answer: T) {
        (self.0)(answer);
    }
}

impl<T> fmt::Debug for HomeReply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HomeReply")
    }
}

/// The calls about history, of everything that has a method `ask_home`.
macro_rules! history_calls {
    ($this:ident: $receiver:ty) => {
        /// Reads messages of a topic's history at its home, behind what the same thread or callback
        /// has published there. `reply` runs on a shard's thread, and must not wait; it is dropped
        /// if the server stops first.
        ///
        /// # Errors
        ///
        /// [`PublishError::Busy`] if the topic's home has no space for the question,
        /// [`PublishError::TopicName`]: then `reply` is not called.
        pub fn history(
            $this: $receiver,
            topic: &(impl TopicName + ?Sized),
            filter: HistoryFilter,
            reply: impl FnOnce(Result<HistoryPage, HistoryError>) + Send + Sync + 'static,
        ) -> Result<(), PublishError> {
            $this.ask_home(topic, Ask::ReadHistory(filter, HomeReply::new(reply)))
        }

        /// Removes all messages of a topic's history. Its position stays, so that the next message
        /// has the next offset. The answer is a page without messages.
        ///
        /// # Errors
        ///
        /// As with [`history`](Self::history).
        pub fn remove_history(
            $this: $receiver,
            topic: &(impl TopicName + ?Sized),
            reply: impl FnOnce(Result<HistoryPage, HistoryError>) + Send + Sync + 'static,
        ) -> Result<(), PublishError> {
            $this.ask_home(topic, Ask::RemoveHistory(HomeReply::new(reply)))
        }
    };
}
pub(crate) use history_calls;
