//! Did every subscriber get every message once and in order? Counts each way it can go wrong.
//!
//! Per subscriber and publisher only the next number is kept; what was skipped is remembered
//! apart, so that a late message can be told from a repeated one.

use std::collections::HashMap;
use std::ops::Range;

/// Checks what the subscribers of one thread receive.
#[derive(Debug)]
pub(crate) struct Checker {
    publishers: usize,
    /// Next number of each (subscriber, publisher).
    next: Vec<u32>,
    /// Numbers that were passed over and have not come since.
    gaps: HashMap<(u32, u32), Vec<Range<u32>>>,
    /// Passed over for good, by subscribers that have come back since.
    missed: u64,
    duplicated: u64,
    reordered: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Never came.
    pub(crate) lost: u64,
    /// Came again.
    pub(crate) duplicated: u64,
    /// Came after a later one of the same publisher.
    pub(crate) reordered: u64,
}

impl Faults {
    /// Adds what was found by another check.
    pub(crate) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
    }
}

/// The next number of a subscriber that has come back: whatever comes.
const ANY: u32 = u32::MAX;

impl Checker {
    /// For `subscribers` that listen to `publishers`, at least one.
    pub(crate) fn new(subscribers: usize, publishers: usize) -> Self {
        Self::going_on(publishers, vec![0; subscribers * publishers])
    }

    /// For subscribers that have had all below the `next` numbers, in the order of publishers.
    pub(crate) fn going_on(publishers: usize, next: Vec<u32>) -> Self {
        Self {
            publishers,
            next,
            gaps: HashMap::new(),
            missed: 0,
            duplicated: 0,
            reordered: 0,
        }
    }

    /// A message came; says whether for the first time. `publisher` is below the number given.
    /// The last number there is, which no publisher can send, is passed over.
    #[inline]
    pub(crate) fn see(&mut self, subscriber: u32, publisher: u32, seq: u32) -> bool {
        let slot = self.slot(subscriber, publisher);
        let Some(next) = self.next.get_mut(slot) else {
            debug_assert!(
                false,
                "subscriber {subscriber} or publisher {publisher} is unknown"
            );
            return false;
        };
        let Some(after) = seq.checked_add(1) else {
            return false;
        };
        if *next == seq {
            *next = after;
            true
        } else {
            self.see_out_of_turn(subscriber, publisher, seq..after)
        }
    }

    #[cold]
    fn see_out_of_turn(&mut self, subscriber: u32, publisher: u32, one: Range<u32>) -> bool {
        let Range {
            start: seq,
            end: after,
        } = one;
        let slot = self.slot(subscriber, publisher);
        let next = self.next[slot];
        if next == ANY {
            self.next[slot] = after;
            return true;
        }
        let gaps = self.gaps.entry((subscriber, publisher)).or_default();
        if seq > next {
            gaps.push(next..seq);
            self.next[slot] = after;
            return true;
        }
        let Some(at) = gaps.iter().position(|gap| gap.contains(&seq)) else {
            self.duplicated += 1;
            return false;
        };
        let gap = gaps.swap_remove(at);
        gaps.extend(
            [gap.start..seq, after..gap.end]
                .into_iter()
                .filter(|part| !part.is_empty()),
        );
        self.reordered += 1;
        true
    }

    /// A subscriber has come back: what it passed over before is lost, and the next message of
    /// each publisher is the right one, whichever it is.
    pub(crate) fn come_back(&mut self, subscriber: u32) {
        for publisher in (0..).take(self.publishers) {
            if let Some(gaps) = self.gaps.remove(&(subscriber, publisher)) {
                self.missed += total(&gaps);
            }
            let slot = self.slot(subscriber, publisher);
            self.next[slot] = ANY;
        }
    }

    /// Subscribers that have had all of the first publisher's messages up to `sent`.
    pub(crate) fn complete(&self, sent: u32) -> usize {
        let firsts = self.next.iter().step_by(self.publishers);
        firsts.filter(|next| **next == sent).count()
    }

    /// Ends the check, knowing how many messages each publisher sent to a subscriber; a subscriber
    /// that has come back and has had none since misses none.
    pub(crate) fn finish<'a>(self, sent: impl Fn(usize) -> &'a [u32]) -> Faults {
        let never_reached: u64 = self
            .next
            .chunks(self.publishers)
            .enumerate()
            .flat_map(|(subscriber, next)| next.iter().zip(sent(subscriber)))
            .map(|(next, sent)| u64::from(sent.saturating_sub(*next)))
            .sum();
        let passed_over: u64 = self.gaps.values().map(|gaps| total(gaps)).sum();
        Faults {
            lost: self.missed + passed_over + never_reached,
            duplicated: self.duplicated,
            reordered: self.reordered,
        }
    }

    #[inline]
    fn slot(&self, subscriber: u32, publisher: u32) -> usize {
        subscriber as usize * self.publishers + publisher as usize
    }
}

fn total(gaps: &[Range<u32>]) -> u64 {
    gaps.iter().map(|gap| u64::from(gap.end - gap.start)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(lost: u64, duplicated: u64, reordered: u64) -> Faults {
        Faults {
            lost,
            duplicated,
            reordered,
        }
    }

    fn check(sequence: &[u32], published: u32) -> Faults {
        let mut checker = Checker::new(1, 1);
        for seq in sequence {
            checker.see(0, 0, *seq);
        }
        checker.finish(|_| std::slice::from_ref(&published))
    }

    #[test]
    fn a_clean_sequence_has_no_faults() {
        assert_eq!(check(&[0, 1, 2, 3], 4), Faults::default());
    }

    #[test]
    fn lost_messages_are_counted_in_the_middle_and_at_the_end() {
        assert_eq!(check(&[0, 2, 3], 4), faults(1, 0, 0));
        assert_eq!(check(&[3], 4), faults(3, 0, 0));
        assert_eq!(check(&[0, 1], 4), faults(2, 0, 0));
        assert_eq!(check(&[], 4), faults(4, 0, 0));
    }

    #[test]
    fn a_repeated_message_is_duplicated() {
        assert_eq!(check(&[0, 0, 1, 2], 3), faults(0, 1, 0));
        assert_eq!(check(&[0, 1, 2, 0], 3), faults(0, 1, 0));
    }

    #[test]
    fn a_late_message_is_reordered_and_neither_lost_nor_duplicated() {
        assert_eq!(check(&[1, 0, 2], 3), faults(0, 0, 1));
        assert_eq!(check(&[4, 2, 0, 1, 3], 5), faults(0, 0, 4));
    }

    #[test]
    fn a_late_message_that_comes_twice_is_both() {
        assert_eq!(check(&[1, 0, 0, 2], 3), faults(0, 1, 1));
    }

    #[test]
    fn publishers_and_subscribers_are_counted_apart() {
        let mut checker = Checker::new(2, 2);
        for (subscriber, publisher, seq) in [(0, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1)] {
            assert!(checker.see(subscriber, publisher, seq));
        }
        assert_eq!(checker.finish(|_| &[2, 1]), faults(2, 0, 0));
    }

    #[test]
    fn one_that_comes_back_begins_where_it_is_and_has_lost_what_it_passed_over() {
        let mut checker = Checker::new(1, 1);
        for seq in [0, 2] {
            checker.see(0, 0, seq);
        }
        checker.come_back(0);
        for seq in [7, 8, 10] {
            assert!(checker.see(0, 0, seq));
        }
        assert_eq!((checker.complete(11), checker.complete(10)), (1, 0));
        assert_eq!(checker.finish(|_| &[12]), faults(3, 0, 0));
        let mut checker = Checker::new(1, 1);
        checker.come_back(0);
        assert_eq!(checker.finish(|_| &[12]), faults(0, 0, 0));
    }
}
