//! Did a subscriber get every message once and in order? Counts each way it can go wrong.
//!
//! Of each publisher only the next number is kept. What was skipped is kept apart, so that a late
//! message can be told from a repeated one.

pub(crate) mod crowd;
pub(crate) mod message;
pub(crate) mod order;
pub(crate) mod reach;
pub(crate) mod timeline;

use std::ops::Range;

/// Checks what one subscriber receives.
pub(crate) struct Checker {
    /// Next number of each publisher.
    next: Vec<u32>,
    /// Publishers, and numbers of theirs that were skipped and have not come since.
    gaps: Vec<(u32, Range<u32>)>,
    faults: Faults,
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
    pub(crate) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
    }
}

/// The next number of a subscriber that has come back: whatever comes.
const ANY: u32 = u32::MAX;

impl Checker {
    /// For a subscriber that has had all below the `next` number of each publisher.
    pub(crate) fn new(next: Vec<u32>) -> Self {
        Self {
            next,
            gaps: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// A message came; says whether for the first time. The last number there is, which no
    /// publisher can send, is passed over.
    pub(crate) fn see(&mut self, publisher: u32, seq: u32) -> bool {
        let (Some(next), Some(after)) = (self.next.get_mut(publisher as usize), seq.checked_add(1))
        else {
            return false;
        };
        if *next == seq || *next == ANY {
            *next = after;
            return true;
        }
        if seq > *next {
            self.gaps.push((publisher, *next..seq));
            *next = after;
            return true;
        }
        let mut gaps = self.gaps.iter();
        let Some(at) = gaps.position(|(of, gap)| *of == publisher && gap.contains(&seq)) else {
            self.faults.duplicated += 1;
            return false;
        };
        let (_, gap) = self.gaps.swap_remove(at);
        let parts = [gap.start..seq, after..gap.end].into_iter();
        let parts = parts.filter(|part| !part.is_empty());
        self.gaps.extend(parts.map(|part| (publisher, part)));
        self.faults.reordered += 1;
        true
    }

    /// The subscriber has come back: what it skipped before is lost, and the next message of each
    /// publisher is the right one, whichever it is.
    pub(crate) fn come_back(&mut self) {
        self.faults.lost += total(&self.gaps);
        self.gaps.clear();
        self.next.fill(ANY);
    }

    /// Whether it has had all of the first publisher's messages up to `sent`.
    pub(crate) fn is_complete(&self, sent: u32) -> bool {
        self.next.first() == Some(&sent)
    }

    /// Ends the check, knowing how many messages each publisher sent. A subscriber that has come
    /// back and has had none since misses none.
    pub(crate) fn finish(self, sent: &[u32]) -> Faults {
        let behind = self.next.iter().zip(sent);
        let behind = behind.map(|(next, sent)| u64::from(sent.saturating_sub(*next)));
        Faults {
            lost: self.faults.lost + total(&self.gaps) + behind.sum::<u64>(),
            ..self.faults
        }
    }
}

fn total(gaps: &[(u32, Range<u32>)]) -> u64 {
    let lengths = gaps.iter().map(|(_, gap)| u64::from(gap.end - gap.start));
    lengths.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_be_wrong_is_counted() {
        let cases: [(&[u32], u32, [u64; 3]); 11] = [
            (&[0, 1, 2, 3], 4, [0, 0, 0]),
            // Lost in the middle, at the beginning and at the end.
            (&[0, 2, 3], 4, [1, 0, 0]),
            (&[3], 4, [3, 0, 0]),
            (&[0, 1], 4, [2, 0, 0]),
            (&[], 4, [4, 0, 0]),
            (&[0, 0, 1, 2], 3, [0, 1, 0]),
            (&[0, 1, 2, 0], 3, [0, 1, 0]),
            // A late one is neither lost nor duplicated; one that comes late and again is both.
            (&[1, 0, 2], 3, [0, 0, 1]),
            (&[4, 2, 0, 1, 3], 5, [0, 0, 4]),
            (&[1, 0, 0, 2], 3, [0, 1, 1]),
            (&[0, u32::MAX, 1], 2, [0, 0, 0]),
        ];
        for (sequence, published, expected) in cases {
            let mut checker = Checker::new(vec![0]);
            for seq in sequence {
                checker.see(0, *seq);
            }
            let found = checker.finish(&[published]);
            let found = [found.lost, found.duplicated, found.reordered];
            assert_eq!(found, expected, "{sequence:?} of {published}");
        }
    }

    #[test]
    fn publishers_are_counted_apart() {
        let mut checker = Checker::new(vec![0, 0]);
        for (publisher, seq) in [(1, 0), (0, 1), (1, 2)] {
            assert!(checker.see(publisher, seq));
        }
        assert!(checker.see(1, 1), "late, and of the right publisher");
        let faults = checker.finish(&[2, 3]);
        assert_eq!((faults.lost, faults.reordered), (1, 1));
    }

    #[test]
    fn a_subscriber_that_comes_back_begins_anywhere_and_has_lost_what_it_skipped() {
        let mut checker = Checker::new(vec![0]);
        assert!(checker.see(0, 0) && checker.see(0, 2));
        checker.come_back();
        assert!([7, 8, 10].iter().all(|seq| checker.see(0, *seq)));
        assert!(checker.is_complete(11) && !checker.is_complete(10));
        assert_eq!(checker.finish(&[12]).lost, 3);
        let mut checker = Checker::new(vec![0]);
        checker.come_back();
        assert_eq!(checker.finish(&[12]), Faults::default());
    }
}
