//! Messages of a history, as readers get them.

use std::sync::Arc;

use crate::payload::{Extra, Payload};
use crate::position::{Epoch, Position};

/// A message that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its offset.
    pub offset: u64,
    /// The message.
    pub payload: Payload,
    /// What few messages have.
    pub extra: Option<Arc<Extra>>,
}

/// Messages that follow each other in a topic's history, as many as a segment has space for, and
/// one at least: so what one reader holds is as little as it is of a log. Those that ask for the
/// same share one. Or the state of the topic's room in place of messages.
#[derive(Debug)]
pub struct Page {
    /// Their epoch.
    pub epoch: Epoch,
    /// In their order; not empty.
    pub entries: Box<[Kept]>,
    /// With messages that say that the value of a key is gone.
    pub has_removals: bool,
    /// The only entry is the state of the topic's room after the message at its offset.
    pub is_snapshot: bool,
}

impl Page {
    /// The position before the first message.
    pub(crate) fn before(&self) -> Position {
        let first = self.entries.first();
        self.at(first.map_or(0, |first| first.offset.saturating_sub(1)))
    }

    /// The state of the topic's room, if that is what it has.
    pub(crate) fn snapshot(&self) -> Option<&Payload> {
        let first = self.entries.first().filter(|_| self.is_snapshot);
        first.map(|first| &first.payload)
    }

    /// The position of the last message.
    pub(crate) fn last(&self) -> Position {
        let last = self.entries.last();
        self.at(last.map_or(0, |last| last.offset))
    }

    pub(crate) fn at(&self, offset: u64) -> Position {
        let epoch = self.epoch;
        Position { epoch, offset }
    }
}

impl Kept {
    /// Whether the message says that the value of its key is gone.
    pub fn is_removal(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.is_removal)
    }
}
