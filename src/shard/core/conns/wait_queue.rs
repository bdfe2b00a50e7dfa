//! Those who wait for one thing, in the order in which they are tried.

use std::collections::VecDeque;

use crate::id::ConnId;

/// Those who wait for one thing.
#[derive(Debug)]
pub(crate) struct WaitQueue<T = ConnId> {
    queue: VecDeque<T>,
    /// So many, from the front, were not tried since what they wait for may have come.
    untried: usize,
}

impl<T> Default for WaitQueue<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            untried: 0,
        }
    }
}

impl<T> WaitQueue<T> {
    /// One more, that has just found nothing.
    pub(crate) fn push(&mut self, one: T) {
        self.queue.push_back(one);
    }

    /// The next to try.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let one = self.queue.pop_front()?;
        self.untried = self.untried.saturating_sub(1);
        Some(one)
    }

    /// These were not tried after all, and are the next, in the order in which they came.
    pub(crate) fn put_back(&mut self, passed_over: Vec<T>) {
        self.untried += passed_over.len();
        for one in passed_over.into_iter().rev() {
            self.queue.push_front(one);
        }
    }

    /// What they wait for may have come for any of them.
    pub(crate) fn note_news(&mut self) {
        self.untried = self.queue.len();
    }

    /// It has come for none of them, and somebody will tell when it does.
    pub(crate) fn note_none(&mut self) {
        self.untried = 0;
    }

    /// Whether any is still to be tried.
    pub(crate) fn has_untried(&self) -> bool {
        self.untried != 0
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}

impl WaitQueue {
    /// Whether a connection is among them.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn contains(&self, id: ConnId) -> bool {
        self.queue.contains(&id)
    }
}
