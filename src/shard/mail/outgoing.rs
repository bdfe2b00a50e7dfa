//! Mail on its way out: within the space that its lane had when it was last looked at.

use std::collections::VecDeque;

use crate::shard::mail::Weigh;

/// Space in a lane: an under-estimate, as only its own shard sends on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Space {
    /// Messages that fit.
    pub messages: usize,
    /// Bytes of payload that fit; the last message may go over.
    pub bytes: usize,
}

/// Mail of one turn for one peer in one direction, within the space that its lane had.
#[derive(Debug)]
pub struct Outgoing<M> {
    mail: VecDeque<M>,
    space: Space,
    /// A message found no space since the last report of it.
    starved: bool,
    /// Something happened since `set_space`.
    touched: bool,
    /// The lane has been told, had no space, and will ring.
    awaits_ring: bool,
}

impl<M> Default for Outgoing<M> {
    fn default() -> Self {
        Self {
            mail: VecDeque::new(),
            space: Space::default(),
            starved: false,
            touched: true,
            awaits_ring: false,
        }
    }
}

impl<M: Weigh> Outgoing<M> {
    /// Whether one more message may be pushed; a `false` is remembered.
    pub fn has_space(&mut self) -> bool {
        let space = 0 < self.space.messages && 0 < self.space.bytes;
        self.starved |= !space;
        self.touched |= !space;
        space
    }

    /// Adds a message, after `has_space` said yes.
    pub fn push(&mut self, message: M) {
        debug_assert!(0 < self.space.messages);
        self.space.messages = self.space.messages.saturating_sub(1);
        self.space.bytes = self.space.bytes.saturating_sub(message.weight());
        self.mail.push_back(message);
        self.touched = true;
    }

    /// Whether there is mail, or a message found no space, since the space was last set.
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    pub(crate) fn is_due(&self) -> bool {
        self.starved || !self.mail.is_empty()
    }

    /// Whether there is mail that has not been sent.
    #[cfg(any(test, feature = "internals"))]
    pub fn has_mail(&self) -> bool {
        !self.mail.is_empty()
    }

    /// Mail that has not been sent.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.mail.len()
    }

    /// All mail that has not been sent, to be changed.
    #[cfg(any(test, feature = "internals"))]
    pub fn each_mut(&mut self) -> impl Iterator<Item = &mut M> {
        self.mail.iter_mut()
    }

    /// Takes back mail that the lane refused.
    pub fn put_back(&mut self, message: M) {
        self.mail.push_front(message);
        self.space = Space::default();
    }

    /// The next message to put into the lane.
    pub fn pop(&mut self) -> Option<M> {
        self.mail.pop_front()
    }

    /// Whether the lane must be told that a message waits for space in it; told once.
    pub fn take_starved(&mut self) -> bool {
        std::mem::take(&mut self.starved)
    }

    /// Notes whether the lane will ring when it has space.
    pub(crate) fn await_ring(&mut self, awaits: bool) {
        self.awaits_ring = awaits;
    }

    /// Whether a ring may have been for a message that found no space.
    pub(crate) fn awaits_ring(&self) -> bool {
        self.awaits_ring
    }

    /// Sets the space that the lane has, all pushed mail sent.
    pub fn set_space(&mut self, space: Space) {
        debug_assert!(self.mail.is_empty());
        self.space = space;
        self.touched = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{Outgoing, Space, Weigh};

    struct Letter(usize);

    impl Weigh for Letter {
        fn weight(&self) -> usize {
            self.0
        }
    }

    fn outgoing(messages: usize, bytes: usize) -> Outgoing<Letter> {
        let mut outgoing = Outgoing::default();
        outgoing.set_space(Space { messages, bytes });
        outgoing
    }

    #[test]
    fn space_ends_with_its_messages_or_its_bytes() {
        let mut few = outgoing(2, 1000);
        let mut light = outgoing(1000, 10);
        for mail in [&mut few, &mut light] {
            for _ in 0..2 {
                assert!(mail.has_space());
                // The last one may go over.
                mail.push(Letter(9));
            }
            assert!(!mail.has_space());
        }
    }

    #[test]
    fn a_want_of_space_is_told_once() {
        let mut mail = outgoing(1, 1);
        assert!(mail.has_space() && !mail.is_touched() && !mail.take_starved());
        mail.push(Letter(1));
        assert!(mail.is_touched() && !mail.take_starved());
        assert!(!mail.has_space());
        assert!(mail.take_starved());
        assert!(!mail.take_starved());
        assert!(
            !mail.has_space() && mail.take_starved(),
            "found once more, told once more"
        );
    }

    #[test]
    fn an_outgoing_box_without_a_lane_has_no_space_and_asks_for_some() {
        let mut mail = Outgoing::<Letter>::default();
        assert!(mail.is_touched());
        assert!(!mail.has_space());
        assert!(mail.take_starved());
    }

    #[test]
    fn mail_leaves_in_the_order_in_which_it_came() {
        let mut mail = outgoing(3, 100);
        for weight in 1..=3 {
            mail.push(Letter(weight));
        }
        let first = mail.pop().unwrap();
        mail.put_back(first);
        let order: Vec<usize> = std::iter::from_fn(|| mail.pop()).map(|l| l.0).collect();
        assert_eq!(order, [1, 2, 3]);
        assert!(!mail.has_space(), "a lane that refused has no space");
    }
}
