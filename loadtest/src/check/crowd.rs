//! The same checks for many subscribers, in a few bytes of each.
//!
//! Where all is well, every subscriber of a topic has had a front part of one list, so only its
//! length is kept of each. The list is clean: of each publisher it has the numbers from 0 on. A
//! subscriber that gets anything else than its next entry, or comes back, is a stray from there on,
//! with a check of its own.

use std::collections::{HashMap, VecDeque};

use crate::check::order::{Id, Order};
use crate::check::{Checker, Faults};

/// Checks what the subscribers of one topic receive on one thread.
pub(crate) struct Crowd {
    /// The list, without its first `dropped` entries, which all but strays have had.
    list: VecDeque<Id>,
    dropped: u64,
    /// What a subscriber that has had all of the dropped expects next of each publisher.
    dropped_next: Vec<u32>,
    /// The same of all of the list.
    next: Vec<u32>,
    /// Entries each subscriber has had.
    had: Vec<u64>,
    strays: HashMap<u32, Checker>,
    /// With one publisher its own order is the total order, and nothing more is to check.
    order: Option<Order>,
    /// Length of the list at which those that have had least are looked for.
    trim_at: usize,
}

/// Entries that are kept without a look at which subscribers still need them: 32 KiB, of each
/// topic.
const KEPT: usize = 1 << 12;
/// What a stray has had: its place is beyond every list.
const STRAY: u64 = u64::MAX;

impl Crowd {
    /// For `subscribers` that listen to `publishers`, at least one.
    pub(crate) fn new(subscribers: usize, publishers: usize) -> Self {
        Self {
            list: VecDeque::new(),
            dropped: 0,
            dropped_next: vec![0; publishers],
            next: vec![0; publishers],
            had: vec![0; subscribers],
            strays: HashMap::new(),
            order: (publishers > 1).then(|| Order::new(subscribers, publishers)),
            trim_at: KEPT,
        }
    }

    /// A message came; says whether for the first time. `publisher` is below the number given.
    #[inline]
    pub(crate) fn see(&mut self, subscriber: u32, publisher: u32, seq: u32) -> bool {
        let id = Id { publisher, seq };
        let first = self.follow(subscriber, id) || self.lead(subscriber, id);
        if let Some(order) = &mut self.order
            && first
        {
            order.see(subscriber, id);
        }
        first
    }

    /// Whether a message is the next of the list for one that has not strayed.
    #[inline]
    fn follow(&mut self, subscriber: u32, id: Id) -> bool {
        let Some(had) = self.had.get_mut(subscriber as usize) else {
            return false;
        };
        let at = usize::try_from(had.wrapping_sub(self.dropped)).unwrap_or(usize::MAX);
        let is_next = self.list.get(at) == Some(&id);
        *had += u64::from(is_next);
        is_next
    }

    /// A message that is not the next of the list: it lengthens it, or its receiver strays.
    fn lead(&mut self, subscriber: u32, id: Id) -> bool {
        let had = self.had[subscriber as usize];
        let is_ahead = had == self.dropped + self.list.len() as u64;
        if is_ahead && self.next[id.publisher as usize] == id.seq && id.seq < u32::MAX {
            self.next[id.publisher as usize] += 1;
            self.list.push_back(id);
            self.had[subscriber as usize] += 1;
            if self.list.len() > self.trim_at {
                self.trim();
            }
            return true;
        }
        self.stray(subscriber).see(id.publisher, id.seq)
    }

    /// The check of one that has strayed, or strays now.
    fn stray(&mut self, subscriber: u32) -> &mut Checker {
        let had = std::mem::replace(&mut self.had[subscriber as usize], STRAY);
        self.strays.entry(subscriber).or_insert_with(|| {
            let mut next = self.dropped_next.clone();
            let behind = usize::try_from(had - self.dropped).unwrap_or(usize::MAX);
            for id in self.list.iter().take(behind) {
                next[id.publisher as usize] = id.seq + 1;
            }
            Checker::new(next)
        })
    }

    /// A subscriber has come back: it begins with whatever message comes next.
    pub(crate) fn come_back(&mut self, subscriber: u32) {
        self.stray(subscriber).come_back();
    }

    /// Subscribers that have had all of a single publisher's messages.
    pub(crate) fn complete(&self, sent: u32) -> usize {
        let steady = self.had.iter().filter(|had| **had == u64::from(sent));
        let strays = self.strays.values();
        steady.count() + strays.filter(|stray| stray.is_complete(sent)).count()
    }

    /// Drops what all have had. Each look at all subscribers is paid for by as many messages.
    #[cold]
    fn trim(&mut self) {
        let least = self.had.iter().copied().min().unwrap_or(u64::MAX);
        let end = self.dropped + self.list.len() as u64;
        while self.dropped < least.min(end) {
            let Some(id) = self.list.pop_front() else {
                break;
            };
            self.dropped += 1;
            self.dropped_next[id.publisher as usize] = id.seq + 1;
        }
        self.trim_at = KEPT + self.had.len().max(2 * self.list.len());
    }

    /// Ends the check, knowing how many messages each publisher sent.
    pub(crate) fn finish(self, sent: &[u32]) -> (Faults, Option<Order>) {
        let all: u64 = sent.iter().copied().map(u64::from).sum();
        let steady = self.had.iter().filter(|had| **had != STRAY);
        let mut faults = Faults {
            lost: steady.map(|had| all.saturating_sub(*had)).sum(),
            ..Faults::default()
        };
        for stray in self.strays.into_values() {
            faults.add(stray.finish(sent));
        }
        (faults, self.order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_may_be_first_with_any_message_and_the_others_follow() {
        let mut crowd = Crowd::new(2, 2);
        for (subscriber, publisher) in [(0, 0), (1, 0), (1, 1), (0, 1)] {
            assert!(crowd.see(subscriber, publisher, 0));
        }
        assert_eq!(crowd.finish(&[1, 1]).0, Faults::default());
    }

    #[test]
    fn a_crowd_finds_what_a_check_of_each_finds() {
        // Pseudo-random sequences, most of them right, of three publishers to four subscribers.
        let mut seed = 7_u32;
        let mut random = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % below
        };
        let sent = [4, 4, 4];
        for _ in 0..500 {
            let (mut crowd, mut expected) = (Crowd::new(4, 3), Faults::default());
            let list: Vec<(u32, u32)> = (0..12).map(|k| (k % 3, k / 3)).collect();
            for subscriber in 0..4 {
                let mut checker = Checker::new(vec![0; 3]);
                let mut list = list.clone();
                if random(3) == 0 {
                    let (a, b) = (random(12) as usize, random(12) as usize);
                    match random(3) {
                        0 => list.swap(a, b),
                        1 => drop(list.remove(a)),
                        _ => list.insert(a, list[b]),
                    }
                }
                for (publisher, seq) in list {
                    let first = checker.see(publisher, seq);
                    assert_eq!(crowd.see(subscriber, publisher, seq), first);
                }
                expected.add(checker.finish(&sent));
            }
            assert_eq!(crowd.finish(&sent).0, expected);
        }
    }

    #[test]
    fn the_list_is_kept_no_longer_than_it_is_needed() {
        let mut crowd = Crowd::new(2, 1);
        let messages = 5 * u32::try_from(KEPT).unwrap();
        for seq in 0..messages {
            assert!(crowd.see(0, 0, seq) && crowd.see(1, 0, seq));
        }
        assert!(crowd.list.len() <= 2 * KEPT);
        assert_eq!(crowd.complete(messages), 2);
        crowd.see(1, 0, 3);
        let faults = crowd.finish(&[messages]).0;
        assert_eq!((faults.lost, faults.duplicated), (0, 1));
    }

    #[test]
    fn a_subscriber_that_comes_back_may_miss_what_was_sent_meanwhile() {
        let mut crowd = Crowd::new(2, 1);
        assert!(crowd.see(0, 0, 0) && crowd.see(1, 0, 0));
        crowd.come_back(1);
        assert!((1..5).all(|seq| crowd.see(0, 0, seq)) && crowd.see(1, 0, 4));
        assert_eq!((crowd.complete(5), crowd.complete(4)), (2, 0));
        assert_eq!(crowd.finish(&[5]).0, Faults::default());
    }
}
