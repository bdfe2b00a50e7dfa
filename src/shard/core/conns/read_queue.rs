//! Connections to read from, each at most once, in the order in which they are read.

use std::collections::VecDeque;

use crate::id::{ConnId, ConnKey};

/// Connections to read from.
///
/// Those that were idle go before those that have had their part and left more: a client that
/// sends a little now and then does not wait behind clients that send without a pause.
#[derive(Debug, Default)]
pub(crate) struct ReadQueue {
    /// Told of by an event.
    fresh: VecDeque<ConnId>,
    /// Stopped before all was read.
    left_over: VecDeque<ConnId>,
    /// Told of by an event as gone, with much that ends with them: they hold up none of the others.
    leaving: VecDeque<ConnId>,
    /// By the key of the connection: `QUEUED`, `TO_THE_END`, `HELD`, `AWAITS`.
    flags: Vec<u8>,
}

/// It is in one of the queues.
const QUEUED: u8 = 1 << 0;
/// A short read does not say that the socket is empty.
const TO_THE_END: u8 = 1 << 1;
/// It was its turn, and it is not read now: it is put back when it is read again.
const HELD: u8 = 1 << 2;
/// It has bytes that wait for something else.
const AWAITS: u8 = 1 << 3;

impl ReadQueue {
    /// A new connection has this key. An older one's entry is passed over by its generation.
    pub(crate) fn begin(&mut self, key: ConnKey) {
        let key = key.index();
        if self.flags.len() <= key {
            self.flags.resize(key + 1, 0);
        }
        self.flags[key] = 0;
    }

    /// An event told of bytes, or of the end of the stream: then all must be read `to_the_end`.
    pub(crate) fn note(&mut self, id: ConnId, to_the_end: bool) {
        if self.mark(id.key, to_the_end) {
            self.fresh.push_back(id);
        }
    }

    /// The same of the end of the stream of a connection with which much ends.
    pub(crate) fn note_leaving(&mut self, id: ConnId) {
        if self.mark(id.key, true) {
            self.leaving.push_back(id);
        }
    }

    /// The next of those.
    pub(crate) fn next_leaving(&mut self) -> Option<ConnId> {
        self.leaving.pop_front()
    }

    /// There is more to read, of which no event will tell.
    pub(crate) fn put_back(&mut self, id: ConnId) {
        if self.mark(id.key, true) {
            self.left_over.push_back(id);
        }
    }

    /// A connection that is paused is not read now.
    pub(crate) fn hold(&mut self, key: ConnKey) {
        if let Some(flags) = self.flags.get_mut(key.index()) {
            *flags |= HELD;
        }
    }

    /// A connection is paused no more.
    pub(crate) fn release(&mut self, id: ConnId) {
        if let Some(flags) = self.flags.get_mut(id.key.index())
            && *flags & HELD != 0
        {
            *flags &= !HELD;
            self.put_back(id);
        }
    }

    /// Returns whether it is new in the queue.
    fn mark(&mut self, key: ConnKey, to_the_end: bool) -> bool {
        let Some(flags) = self.flags.get_mut(key.index()) else {
            return false;
        };
        let is_new = *flags & QUEUED == 0;
        *flags |= QUEUED | if to_the_end { TO_THE_END } else { 0 };
        is_new
    }

    /// The next to read, of those left over first or of the others, and whether it was idle.
    pub(crate) fn next(&mut self, left_over_first: bool) -> Option<(ConnId, bool)> {
        let Self {
            fresh, left_over, ..
        } = self;
        let mut next_fresh = || Some((fresh.pop_front()?, true));
        let mut next_left_over = || Some((left_over.pop_front()?, false));
        if left_over_first {
            next_left_over().or_else(next_fresh)
        } else {
            next_fresh().or_else(next_left_over)
        }
    }

    /// How many wait that were idle.
    pub(crate) fn fresh_len(&self) -> usize {
        self.fresh.len()
    }

    /// A connection has left the queue, and is there still; returns whether it is to be read to
    /// the end.
    pub(crate) fn take(&mut self, key: ConnKey) -> bool {
        let Some(flags) = self.flags.get_mut(key.index()) else {
            return false;
        };
        let to_the_end = *flags & TO_THE_END != 0;
        *flags &= !(QUEUED | TO_THE_END);
        to_the_end
    }

    /// A connection's bytes wait for something else than their turn, or not any more.
    pub(crate) fn set_awaits(&mut self, key: ConnKey, awaits: bool) {
        if let Some(flags) = self.flags.get_mut(key.index()) {
            *flags = *flags & !AWAITS | if awaits { AWAITS } else { 0 };
        }
    }

    /// Whether a connection has bytes that wait to be read.
    pub(crate) fn has(&self, key: ConnKey) -> bool {
        let flags = self.flags.get(key.index());
        flags.is_some_and(|flags| flags & (QUEUED | AWAITS) != 0)
    }

    /// How many wait, and entries of connections that have gone.
    pub(crate) fn len(&self) -> usize {
        self.fresh.len() + self.left_over.len() + self.leaving.len()
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(key: u32) -> ConnId {
        ConnId {
            key: ConnKey(key),
            generation: 7,
        }
    }

    fn next(queue: &mut ReadQueue, left_over_first: bool) -> Option<ConnId> {
        queue.next(left_over_first).map(|(id, _)| id)
    }

    fn queue(keys: u32) -> ReadQueue {
        let mut queue = ReadQueue::default();
        (0..keys).for_each(|key| queue.begin(ConnKey(key)));
        queue
    }

    #[test]
    fn one_that_is_told_of_often_is_read_once() {
        let mut queue = queue(2);
        queue.note(id(0), false);
        queue.put_back(id(0));
        queue.note(id(1), false);
        queue.note(id(0), false);
        assert_eq!(queue.len(), 2);
        assert_eq!(next(&mut queue, false), Some(id(0)));
        assert!(
            queue.take(ConnKey(0)),
            "what any of them asked for is remembered"
        );
        assert_eq!(next(&mut queue, false), Some(id(1)));
        assert!(!queue.take(ConnKey(1)));
        assert_eq!(next(&mut queue, false), None);
    }

    #[test]
    fn connections_that_are_left_over_wait_for_idle_ones_unless_it_is_their_turn() {
        let mut queue = queue(4);
        queue.put_back(id(0));
        queue.put_back(id(1));
        queue.note(id(2), false);
        queue.note(id(3), true);
        assert_eq!(next(&mut queue, false), Some(id(2)));
        assert_eq!(next(&mut queue, true), Some(id(0)));
        assert_eq!(next(&mut queue, true), Some(id(1)));
        assert_eq!(next(&mut queue, true), Some(id(3)));
    }

    #[test]
    fn a_new_tenant_of_a_key_has_a_place_of_its_own() {
        let mut queue = queue(1);
        queue.note(id(0), true);
        queue.begin(ConnKey(0));
        assert!(!queue.has(ConnKey(0)));
        let tenant = ConnId {
            key: ConnKey(0),
            generation: 8,
        };
        queue.note(tenant, false);
        assert_eq!(next(&mut queue, false), Some(id(0)), "its generation tells");
        assert_eq!(next(&mut queue, false), Some(tenant));
        assert!(!queue.take(ConnKey(0)));
    }
}
