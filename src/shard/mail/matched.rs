//! Messages for the subscribers of patterns.

use std::sync::Arc;

use crate::id::ConnId;
use crate::payload::{Extra, Payload};
use crate::position::Position;
use crate::shard::mail::Weigh;
use crate::time::Micros;
use crate::topic::Topic;
use crate::topic::home::Interest;

/// A message of a topic for one shard, where patterns match: for the subscribers of these, and of
/// the topic itself if those are on another shard than its home. So it takes one place in a lane,
/// however many patterns match.
#[derive(Clone, Debug)]
pub struct Matched {
    /// The topic.
    pub topic: Topic,
    /// Its place, if the topic has a history.
    pub position: Option<Position>,
    /// The message.
    pub payload: Payload,
    /// What few have.
    pub extra: Option<Arc<Extra>>,
    /// The connection on the receiving shard that has published it and does not get it.
    pub excluded: Option<ConnId>,
    /// When it got its place in the order.
    pub ordered_at: Micros,
    /// Those that have still to get it, the next one last.
    pub interests: Vec<Interest>,
}

impl Weigh for Matched {
    fn weight(&self) -> usize {
        let extra = self.extra.as_ref().map_or(0, |extra| extra.weight());
        self.payload.bytes.len() + extra + size_of_val(&self.interests[..])
    }
}
