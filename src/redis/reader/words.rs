//! What a reader is told, and what it wants.

use crate::position::Position;
use crate::shard::mail::Inward;
use crate::topic::history::Kept;

/// What a reader wants done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Where does the topic stand? Answered with [`Reader::compared`].
    Compare { turn: u32 },
    /// What follows `since`, or all that is kept. Answered with [`Reader::read`].
    Read { since: Option<Position>, turn: u32 },
    /// This is for the home.
    Deliver(Inward),
}

/// A range of a topic, as it was read.
#[derive(Debug)]
pub(crate) struct Range {
    /// Where the topic stood.
    pub(crate) top: Position,
    /// The messages in their order.
    pub(crate) entries: Vec<Kept>,
    /// They are all that there were after `since`.
    pub(crate) is_whole: bool,
}

/// What a reader found, for the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Holes in what was pushed.
    pub(crate) gaps: u64,
    /// Holes, and what a lost connection has missed, that were read again whole.
    pub(crate) mended: u64,
    /// Messages of topics without history that have not come.
    pub(crate) lost: u64,
}

/// How a message stands to what the home has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Follows,
    IsKnown,
    IsBeyond,
}

/// How far a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// What is published may not come.
    Deaf,
    /// What is published comes, and where the topic stands is asked.
    Comparing,
    /// A range is read.
    Reading,
    /// All has come that there is.
    Live,
}
