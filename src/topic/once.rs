//! Messages that are to be published once, however often they come: at the home of their topic,
//! so that it does not matter over which connection, and on which shard, they do.

use std::collections::{HashSet, VecDeque};
use std::num::NonZeroU64;

use crate::limits::{ONCE_KEYS_MAX, ONCE_WINDOW};
use crate::time::Now;

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
        while let Some((at, _)) = self.order.front()
            && at.plus(ONCE_WINDOW) <= now
        {
            self.forget_oldest();
        }
        self.known.contains(&once)
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
