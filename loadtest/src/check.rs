//! Did every subscriber get every message once and in order? Counts each way it can go wrong.
//!
//! Per subscriber and publisher only the next number is kept; what was skipped is remembered
//! apart, so that a late message can be told from a repeated one.

use std::collections::HashMap;
use std::ops::Range;

use crate::order::{Id, Order};

/// Checks what the subscribers of one thread receive.
#[derive(Debug)]
pub(crate) struct Checker {
    publishers: usize,
    /// Next number of each (subscriber, publisher).
    next: Vec<u32>,
    /// Numbers that were passed over and have not come since.
    gaps: HashMap<(u32, u16), Vec<Range<u32>>>,
    duplicated: u64,
    reordered: u64,
    /// With one publisher its own order is the total order, and nothing more is to check.
    order: Option<Order>,
}

/// What was found wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Never came.
    pub(crate) lost: u64,
    /// Came again.
    pub(crate) duplicated: u64,
    /// Came after a later one of the same publisher.
    pub(crate) reordered: u64,
}

impl Checker {
    /// For `subscribers` that listen to `publishers`, at least one.
    pub(crate) fn new(subscribers: usize, publishers: usize) -> Self {
        Self {
            publishers,
            next: vec![0; subscribers * publishers],
            gaps: HashMap::new(),
            duplicated: 0,
            reordered: 0,
            order: (publishers > 1).then(|| Order::new(subscribers, publishers)),
        }
    }

    /// A message came; says whether for the first time. `publisher` is below the number given.
    /// The last number there is, which nobody can send, is passed over.
    #[inline]
    pub(crate) fn see(&mut self, subscriber: u32, publisher: u16, seq: u32) -> bool {
        let slot = subscriber as usize * self.publishers + usize::from(publisher);
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
        let first = if *next == seq {
            *next = after;
            true
        } else {
            self.see_out_of_turn(subscriber, publisher, seq..after)
        };
        if let Some(order) = &mut self.order
            && first
        {
            order.see(subscriber, Id { publisher, seq });
        }
        first
    }

    #[cold]
    fn see_out_of_turn(&mut self, subscriber: u32, publisher: u16, one: Range<u32>) -> bool {
        let Range {
            start: seq,
            end: after,
        } = one;
        let slot = subscriber as usize * self.publishers + usize::from(publisher);
        let next = self.next[slot];
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

    /// Ends the check, knowing how many messages each publisher sent.
    pub(crate) fn finish(self, published: &[u32]) -> (Faults, Option<Order>) {
        let passed_over: u64 = self
            .gaps
            .values()
            .flatten()
            .map(|gap| u64::from(gap.end - gap.start))
            .sum();
        let never_reached: u64 = self
            .next
            .chunks(self.publishers)
            .flat_map(|next| next.iter().zip(published))
            .map(|(next, published)| u64::from(published.saturating_sub(*next)))
            .sum();
        let faults = Faults {
            lost: passed_over + never_reached,
            duplicated: self.duplicated,
            reordered: self.reordered,
        };
        (faults, self.order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sequence: &[u32], published: u32) -> Faults {
        let mut checker = Checker::new(1, 1);
        for seq in sequence {
            checker.see(0, 0, *seq);
        }
        checker.finish(&[published]).0
    }

    #[test]
    fn a_clean_sequence_has_no_faults() {
        assert_eq!(check(&[0, 1, 2, 3], 4), Faults::default());
    }

    #[test]
    fn lost_messages_are_counted_in_the_middle_and_at_the_end() {
        assert_eq!(
            check(&[0, 2, 3], 4),
            Faults {
                lost: 1,
                ..Faults::default()
            }
        );
        assert_eq!(
            check(&[3], 4),
            Faults {
                lost: 3,
                ..Faults::default()
            }
        );
        assert_eq!(
            check(&[0, 1], 4),
            Faults {
                lost: 2,
                ..Faults::default()
            }
        );
        assert_eq!(
            check(&[], 4),
            Faults {
                lost: 4,
                ..Faults::default()
            }
        );
    }

    #[test]
    fn a_repeated_message_is_duplicated() {
        assert_eq!(
            check(&[0, 0, 1, 2], 3),
            Faults {
                duplicated: 1,
                ..Faults::default()
            }
        );
        assert_eq!(
            check(&[0, 1, 2, 0], 3),
            Faults {
                duplicated: 1,
                ..Faults::default()
            }
        );
    }

    #[test]
    fn a_late_message_is_reordered_and_neither_lost_nor_duplicated() {
        assert_eq!(
            check(&[1, 0, 2], 3),
            Faults {
                reordered: 1,
                ..Faults::default()
            }
        );
        assert_eq!(
            check(&[4, 2, 0, 1, 3], 5),
            Faults {
                reordered: 4,
                ..Faults::default()
            }
        );
    }

    #[test]
    fn a_late_message_that_comes_twice_is_both() {
        let faults = Faults {
            reordered: 1,
            duplicated: 1,
            ..Faults::default()
        };
        assert_eq!(check(&[1, 0, 0, 2], 3), faults);
    }

    #[test]
    fn publishers_and_subscribers_are_counted_apart() {
        let mut checker = Checker::new(2, 2);
        for (subscriber, publisher, seq) in [(0, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1)] {
            assert!(checker.see(subscriber, publisher, seq));
        }
        let (faults, _) = checker.finish(&[2, 1]);
        assert_eq!(
            faults,
            Faults {
                lost: 2,
                ..Faults::default()
            }
        );
    }
}
