//! Questions about the history of a topic: from any thread to the topic's home, which answers.

use crate::handler::HistoryReply;
use crate::topic::Topic;
use crate::topic::history::Filter;

/// Something is to be done with the history of a topic: to its home.
#[derive(Debug)]
pub struct HistoryQuestion {
    pub(crate) topic: Topic,
    pub(crate) act: HistoryAct,
    pub(crate) reply: HistoryReply,
}

/// What is to be done with the history of a topic.
#[derive(Clone, Copy, Debug)]
pub enum HistoryAct {
    /// Messages are read.
    Read(Filter),
    /// All messages are removed.
    Remove,
}
