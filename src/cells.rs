//! A table of fixed size with a number for each key, which all shards share without a lock.

use core::hash::Hash;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers by key. A key has a set of cells, of which a keyed hash chooses one set for it, so that
/// no client can choose which keys it shares a set with. A cell is one word: a tag, which tells the
/// keys of a set apart, above the number.
///
/// Two keys of a set have the same tag once in `2^(64 - value_bits)`: then they share a number.
#[derive(Debug)]
pub(crate) struct Cells {
    /// A power of two.
    words: Box<[AtomicU64]>,
    /// Cells of a set, a power of two.
    ways: usize,
    value_bits: u32,
    hasher: RandomState,
}

/// The cell of a key, as it was when it was looked up, or the one to put its number in.
#[derive(Debug)]
pub(crate) struct Cell<'c> {
    word: &'c AtomicU64,
    seen: u64,
    tag: u64,
    value_bits: u32,
    /// The number of the key, if it has one.
    pub(crate) value: Option<u64>,
    /// The number that is overwritten: that of the key, or else the smallest of its set. 0 where a
    /// cell is free.
    pub(crate) replaces: u64,
}

impl Cells {
    /// A table for at least so many numbers of `value_bits` bits, in sets of `ways`.
    pub(crate) fn new(cells: usize, ways: usize, value_bits: u32) -> Self {
        let ways = ways.next_power_of_two();
        let cells = cells.max(ways).next_power_of_two();
        Self {
            words: (0..cells).map(|_| AtomicU64::new(0)).collect(),
            ways,
            value_bits,
            hasher: RandomState::new(),
        }
    }

    /// The largest number that a cell can have.
    pub(crate) fn value_max(&self) -> u64 {
        (1 << self.value_bits) - 1
    }

    /// The cell of a key.
    pub(crate) fn find(&self, key: &(impl Hash + ?Sized)) -> Cell<'_> {
        let hash = self.hasher.hash_one(key);
        let sets = self.words.len() / self.ways;
        // The low bits choose the set, and the high ones are the tag.
        let set = usize::try_from(hash & u64::from(u32::MAX)).unwrap_or(0) & (sets - 1);
        // No tag is 0: that is a free cell.
        let tag = (hash >> self.value_bits).max(1) << self.value_bits;
        let set = &self.words[set * self.ways..][..self.ways];
        let mut found = Cell {
            word: &set[0],
            seen: 0,
            tag,
            value_bits: self.value_bits,
            value: None,
            replaces: u64::MAX,
        };
        for word in set {
            let seen = word.load(Ordering::Relaxed);
            let value = seen & self.value_max();
            let is_own = seen & !self.value_max() == tag;
            // Threads that put the same key at the same time may have used two cells.
            let is_better = match found.value {
                Some(own) => is_own && own < value,
                None => is_own || value < found.replaces,
            };
            if is_better {
                (found.word, found.seen, found.replaces) = (word, seen, value);
                found.value = is_own.then_some(value);
            }
        }
        found
    }
}

impl Cell<'_> {
    /// Puts in a number; `false` if another thread was faster: the key is to be looked up again.
    pub(crate) fn put(&self, value: u64) -> bool {
        debug_assert_eq!(value >> self.value_bits, 0, "a value has so many bits");
        let put = self.word.compare_exchange(
            self.seen,
            self.tag | value,
            // The word is all that is shared.
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        put.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_number_that_was_put_last() {
        let cells = Cells::new(64, 8, 32);
        assert_eq!(cells.find("ann").value, None);
        assert!(cells.find("ann").put(7));
        assert!(cells.find("ann").put(5));
        assert!(cells.find("bob").put(9));
        assert_eq!(cells.find("ann").value, Some(5));
        assert_eq!(cells.find("bob").value, Some(9));
    }

    #[test]
    fn a_full_set_offers_its_smallest_number() {
        let cells = Cells::new(4, 4, 32);
        for number in [40_u64, 20, 30, 10] {
            let cell = cells.find(&number);
            assert_eq!(cell.replaces, 0);
            assert!(cell.put(number));
        }
        let cell = cells.find("another");
        assert_eq!((cell.value, cell.replaces), (None, 10));
        assert!(cell.put(50));
        assert_eq!(cells.find(&10_u64).value, None);
        assert_eq!(cells.find(&20_u64).value, Some(20));
    }

    #[test]
    fn a_cell_that_has_changed_is_not_written() {
        let cells = Cells::new(4, 4, 32);
        let [first, second] = [cells.find("ann"), cells.find("ann")];
        assert!(first.put(1));
        assert!(!second.put(2));
        assert_eq!(cells.find("ann").value, Some(1));
    }

    #[test]
    fn threads_lose_no_number() {
        let cells = Cells::new(1 << 12, 8, 44);
        let add_one = |key: i32| {
            let put = |cell: Cell<'_>| cell.put(cell.value.unwrap_or(0) + 1);
            while !put(cells.find(&key)) {}
        };
        let add = || (0..50_000).map(|n| n % 10).for_each(add_one);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(add);
            }
        });
        for key in 0..10 {
            assert_eq!(cells.find(&key).value, Some(20_000), "{key}");
        }
    }
}
