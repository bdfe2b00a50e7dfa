//! Messages at the home of their topic, on their way to its room or its order.

use std::collections::VecDeque;

use crate::limits::{STAGED_BYTES_MAX, STAGED_MAX};
use crate::shard::mail::{Publication, Weigh};
use crate::topic::Topic;

/// Messages on their way to rooms: of each topic in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct RoomQueue {
    queue: VecDeque<Publication>,
    /// Those that found no space, and what came behind them for the same topics: tried again in the
    /// next turn. Other topics do not wait for them.
    held: VecDeque<Publication>,
    bytes: usize,
    /// A publication found no place, and its publisher is to be told when there is one.
    refused: bool,
}

impl RoomQueue {
    /// All of them.
    pub(crate) fn len(&self) -> usize {
        self.queue.len() + self.held.len()
    }

    /// How many were not tried.
    pub(crate) fn untried(&self) -> usize {
        self.queue.len()
    }

    /// Bytes of those messages.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is a place for one more of this topic; a `false` is remembered.
    pub(crate) fn has_space_for(&mut self, topic: &Topic) -> bool {
        let is_full =
            STAGED_MAX <= self.len() || STAGED_BYTES_MAX <= self.bytes || self.holds(topic);
        self.refused |= is_full;
        !is_full
    }

    /// Whether one found no place since the last call.
    pub(crate) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    pub(crate) fn has(&self, topic: &Topic) -> bool {
        self.holds(topic) || self.queue.iter().any(|staged| staged.topic == *topic)
    }

    /// Whether messages of a topic found no space.
    pub(crate) fn holds(&self, topic: &Topic) -> bool {
        self.held.iter().any(|staged| staged.topic == *topic)
    }

    pub(crate) fn push(&mut self, staged: Publication) {
        self.bytes += staged.weight();
        self.queue.push_back(staged);
    }

    /// One found no space.
    pub(crate) fn hold(&mut self, staged: Publication) {
        self.bytes += staged.weight();
        self.held.push_back(staged);
    }

    /// Has those that found no space tried again, before what came later.
    pub(crate) fn retry(&mut self) {
        self.held.append(&mut self.queue);
        std::mem::swap(&mut self.held, &mut self.queue);
    }

    /// The first that was not tried.
    pub(crate) fn pop(&mut self) -> Option<Publication> {
        let staged = self.queue.pop_front()?;
        self.bytes -= staged.weight();
        Some(staged)
    }
}
