//! Messages that are to be published once, however often they come: at the home of their topic,
//! so that it does not matter over which connection, and on which shard, they do.

use std::collections::{HashSet, VecDeque};
use std::num::NonZeroU64;

use crate::limits::{ONCE_KEYS_MAX, ONCE_WINDOW};
use crate::time::Now;
use crate::topic::tables::GiveBack;

/// A topic and a key of its publisher's choice, hashed together by what all shards share: two of
/// the keys that are remembered are the same by chance once in some 10^14 messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Once(NonZeroU64);

/// What was published so of late.
#[derive(Debug, Default)]
pub struct Onces {
    known: HashSet<Once>,
    /// The same in the order in which they came.
    order: VecDeque<(Now, Once)>,
}

impl Once {
    /// Of the hash of both.
    pub(crate) fn new(hash: u64) -> Self {
        Self(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN))
    }
}

impl Onces {
    /// Whether it was published within the window.
    pub(crate) fn knows(&mut self, once: Once, now: Now) -> bool {
        self.forget_old(now, usize::MAX);
        self.known.contains(&once)
    }

    /// When the oldest may be forgotten.
    pub(crate) fn deadline(&self) -> Option<Now> {
        let (at, _) = self.order.front()?;
        Some(at.plus(ONCE_WINDOW))
    }

    /// Forgets those of before the window, or so many of them.
    pub(crate) fn forget_old(&mut self, now: Now, budget: usize) {
        for _ in 0..budget {
            if self.deadline().is_none_or(|deadline| now < deadline) {
                return;
            }
            self.forget_oldest();
        }
    }

    /// The tables of this.
    pub(crate) fn tables(&mut self) -> [&mut dyn GiveBack; 2] {
        [&mut self.known, &mut self.order]
    }

    /// It is published now.
    pub(crate) fn note(&mut self, once: Once, now: Now) {
        if self.order.len() == ONCE_KEYS_MAX {
            self.forget_oldest();
        }
        if self.known.insert(once) {
            self.order.push_back((now, once));
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, once)) = self.order.pop_front() {
            self.known.remove(&once);
        }
        if self.order.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Once, Onces};
    use crate::limits::{ONCE_KEYS_MAX, ONCE_WINDOW};
    use crate::time::Now;
    use std::time::Duration;

    #[test]
    fn what_was_published_is_known_for_the_window() {
        let mut onces = Onces::default();
        let start = Now::default();
        let (one, other) = (Once::new(1), Once::new(2));
        assert!(!onces.knows(one, start));
        onces.note(one, start);
        let last = start.plus(ONCE_WINDOW - Duration::from_millis(1));
        assert!(onces.knows(one, last) && !onces.knows(other, last));
        onces.note(other, last);
        let over = start.plus(ONCE_WINDOW);
        assert!(!onces.knows(one, over) && onces.knows(other, over));
        onces.note(one, over);
        assert!(onces.knows(one, over), "it may be published again");
    }

    #[test]
    fn keys_are_forgotten_when_nobody_asks_for_any() {
        let mut onces = Onces::default();
        let start = Now::default();
        for number in 1..=100 {
            onces.note(Once::new(number), start);
        }
        let over = onces.deadline().unwrap();
        onces.forget_old(start, usize::MAX);
        assert_eq!((onces.order.len(), over), (100, start.plus(ONCE_WINDOW)));
        onces.forget_old(over, 60);
        assert_eq!((onces.order.len(), onces.known.len()), (40, 40));
        onces.forget_old(over, 60);
        assert_eq!((onces.known.capacity(), onces.deadline()), (0, None));
    }

    #[test]
    fn the_oldest_gives_way_where_there_are_too_many() {
        let mut onces = Onces::default();
        let now = Now::default();
        let once = |number: usize| Once::new(number as u64 + 1);
        for number in 0..=ONCE_KEYS_MAX {
            onces.note(once(number), now);
        }
        assert!(!onces.knows(once(0), now));
        assert!(onces.knows(once(1), now) && onces.knows(once(ONCE_KEYS_MAX), now));
    }
}
