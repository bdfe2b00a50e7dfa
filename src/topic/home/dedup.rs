//! Deduplication: a publication with a key is ordered once within a window, at the home of its
//! topic, whichever connections and shards it comes over.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use hashbrown::HashMap;

use crate::limits::{ONCE_KEYS_MAX, ONCE_WINDOW};
use crate::position::Position;
use crate::time::Now;
use crate::topic::tables::GiveBack;
use crate::topic::{ByKeptHash, Topic};

/// A topic and a key that its publisher chose, hashed together: two of the keys that are remembered
/// are the same by chance once in some 10^14 messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DedupKey(NonZeroU64);

/// The keys of late.
#[derive(Debug, Default)]
pub(super) struct Dedup {
    /// With the positions of their publications, of those that have one.
    known: HashMap<DedupKey, Option<Position>, ByKeptHash>,
    /// The same in the order in which they came.
    order: VecDeque<(Now, DedupKey)>,
}

impl DedupKey {
    /// That of this topic and its publisher's key.
    pub(crate) fn new(topic: &Topic, key: &str) -> Self {
        Self(NonZeroU64::new(topic.hash_with(key)).unwrap_or(NonZeroU64::MIN))
    }
}

impl Dedup {
    /// The position of what was published with it within the window, if anything was.
    pub(super) fn find(&mut self, key: DedupKey, now: Now) -> Option<Option<Position>> {
        self.forget_old(now, usize::MAX);
        self.known.get(&key).copied()
    }

    /// When the oldest may be forgotten.
    pub(super) fn deadline(&self) -> Option<Now> {
        let (at, _) = self.order.front()?;
        Some(at.plus(ONCE_WINDOW))
    }

    /// Forgets those of before the window, or so many of them.
    pub(super) fn forget_old(&mut self, now: Now, budget: usize) {
        for _ in 0..budget {
            if self.deadline().is_none_or(|deadline| now < deadline) {
                return;
            }
            self.forget_oldest();
        }
    }

    /// The tables of this.
    pub(super) fn tables(&mut self) -> [&mut dyn GiveBack; 2] {
        [&mut self.known, &mut self.order]
    }

    /// It is published now.
    pub(super) fn note(&mut self, key: DedupKey, position: Option<Position>, now: Now) {
        if self.order.len() == ONCE_KEYS_MAX {
            self.forget_oldest();
        }
        if self.known.insert(key, position).is_none() {
            self.order.push_back((now, key));
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.known.remove(&key);
        }
        if self.order.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dedup, DedupKey};
    use crate::limits::{ONCE_KEYS_MAX, ONCE_WINDOW};
    use crate::time::Now;
    use std::num::NonZeroU64;
    use std::time::Duration;

    fn key(hash: u64) -> DedupKey {
        DedupKey(NonZeroU64::new(hash).unwrap())
    }

    #[test]
    fn what_was_published_is_known_for_the_window() {
        let mut dedup = Dedup::default();
        let start = Now::default();
        let (one, other) = (key(1), key(2));
        assert!(dedup.find(one, start).is_none());
        dedup.note(one, None, start);
        let last = start.plus(ONCE_WINDOW - Duration::from_millis(1));
        assert!(dedup.find(one, last).is_some() && dedup.find(other, last).is_none());
        dedup.note(other, None, last);
        let over = start.plus(ONCE_WINDOW);
        assert!(dedup.find(one, over).is_none() && dedup.find(other, over).is_some());
        dedup.note(one, None, over);
        assert!(dedup.find(one, over).is_some(), "it may be published again");
    }

    #[test]
    fn keys_are_forgotten_although_none_is_looked_up() {
        let mut dedup = Dedup::default();
        let start = Now::default();
        for number in 1..=100 {
            dedup.note(key(number), None, start);
        }
        let over = dedup.deadline().unwrap();
        dedup.forget_old(start, usize::MAX);
        assert_eq!((dedup.order.len(), over), (100, start.plus(ONCE_WINDOW)));
        dedup.forget_old(over, 60);
        assert_eq!((dedup.order.len(), dedup.known.len()), (40, 40));
        dedup.forget_old(over, 60);
        assert_eq!((dedup.known.capacity(), dedup.deadline()), (0, None));
    }

    #[test]
    fn the_oldest_gives_way_where_there_are_too_many() {
        let mut dedup = Dedup::default();
        let now = Now::default();
        let once = |number: usize| key(number as u64 + 1);
        for number in 0..=ONCE_KEYS_MAX {
            dedup.note(once(number), None, now);
        }
        assert!(dedup.find(once(0), now).is_none());
        assert!(
            dedup.find(once(1), now).is_some() && dedup.find(once(ONCE_KEYS_MAX), now).is_some()
        );
    }
}
