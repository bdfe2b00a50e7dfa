//! Questions about a topic: from any thread to the topic's home, which answers.

use crate::handler::{HistoryReply, HomeReply, PresenceError, PresenceList};
use crate::topic::Topic;
use crate::topic::history::Filter;
use crate::topic::presence::PresenceStats;

/// Something is asked of the home of a topic, or to be done there.
#[derive(Debug)]
pub struct Question {
    pub(crate) topic: Topic,
    pub(crate) ask: Ask,
}

/// What is asked, and where the answer goes.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Messages of its history are read.
    ReadHistory(Filter, HistoryReply),
    /// All of them are removed.
    RemoveHistory(HistoryReply),
    /// Its clients are listed.
    Presence(HomeReply<Result<PresenceList, PresenceError>>),
    /// They are counted.
    PresenceStats(HomeReply<Result<PresenceStats, PresenceError>>),
}

impl Ask {
    /// Whether it is about clients: then the home must have been told of all joins and leaves that
    /// happened before.
    pub(crate) fn is_of_clients(&self) -> bool {
        match self {
            Self::Presence(_) | Self::PresenceStats(_) => true,
            Self::ReadHistory(..) | Self::RemoveHistory(_) => false,
        }
    }
}
