//! What is to be done with connections of users, until a turn has time for it.

use std::collections::VecDeque;
use std::ops::Range;

use crate::limits::{USER_WORK_BYTES_MAX, USER_WORK_MAX};
use crate::shard::mail::{UserCommand, Weigh};
use crate::topic::tables::GiveBack;

/// Commands or orders in the order in which they came, within bounds: what finds no space stays
/// where it comes from.
#[derive(Debug)]
pub(crate) struct UserQueue<T> {
    queue: VecDeque<T>,
    bytes: usize,
}

/// A command at the home of its user.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) command: UserCommand,
    /// The ages of the connections that it was not passed on for yet: those that enter after it are
    /// none of them.
    pub(crate) ages: Range<u64>,
}

impl Weigh for Pending {
    fn weight(&self) -> usize {
        self.command.weight()
    }
}

impl<T> Default for UserQueue<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<T: Weigh> UserQueue<T> {
    /// Whether there is space for one more.
    pub(crate) fn has_space(&self) -> bool {
        self.queue.len() < USER_WORK_MAX && self.bytes < USER_WORK_BYTES_MAX
    }

    /// Adds one, after `has_space` said yes.
    pub(crate) fn push(&mut self, work: T) {
        self.bytes += work.weight();
        self.queue.push_back(work);
    }

    /// The first.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let work = self.queue.pop_front()?;
        self.bytes -= work.weight();
        Some(work)
    }

    /// Takes back what is left of the first.
    pub(crate) fn put_back(&mut self, work: T) {
        self.bytes += work.weight();
        self.queue.push_front(work);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn table(&mut self) -> &mut impl GiveBack {
        &mut self.queue
    }
}
