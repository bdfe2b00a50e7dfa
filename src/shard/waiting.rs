//! Connections that wait for one thing, in the order in which they are tried.

use std::collections::VecDeque;

use crate::id::ConnId;

/// Connections that wait for one thing.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    ids: VecDeque<ConnId>,
    /// So many, from the front, were not tried since what they wait for may have come.
    untried: usize,
}

impl Waiting {
    /// One more, that has just found nothing.
    pub(super) fn push(&mut self, id: ConnId) {
        self.ids.push_back(id);
    }

    /// The next to try.
    pub(super) fn pop(&mut self) -> Option<ConnId> {
        let id = self.ids.pop_front()?;
        self.untried = self.untried.saturating_sub(1);
        Some(id)
    }

    /// These were not tried after all, and are the next, in the order in which they came.
    pub(super) fn put_back(&mut self, passed_over: Vec<ConnId>) {
        self.untried += passed_over.len();
        for id in passed_over.into_iter().rev() {
            self.ids.push_front(id);
        }
    }

    /// What they wait for may have come for any of them.
    pub(super) fn note_news(&mut self) {
        self.untried = self.ids.len();
    }

    /// It has come for none of them, and somebody will tell when it does.
    pub(super) fn note_none(&mut self) {
        self.untried = 0;
    }

    /// Whether any is still to be tried.
    pub(super) fn has_untried(&self) -> bool {
        self.untried != 0
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether a connection is among them.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn contains(&self, id: ConnId) -> bool {
        self.ids.contains(&id)
    }
}
