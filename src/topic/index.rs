//! Entries that are found by a hash, in parts: no step takes long, however many there are.

use hashbrown::HashTable;

use crate::limits::TABLE_ENTRIES_KEPT;
use crate::topic::tables::{GiveBack, is_sparse};

/// Entries that are found by a hash, which they or what they name keep.
///
/// A table of a million entries that grows, or becomes smaller, moves them all at once, and that
/// takes a hundred milliseconds. Here they are in parts, which do so one after the other.
#[derive(Debug)]
pub(crate) struct HashIndex<T> {
    /// None, one, or [`PARTS`] once there are many entries.
    parts: Vec<HashTable<T>>,
    len: usize,
    /// The part that was looked at last, to give memory back.
    next: usize,
}

/// An index with what hashes its entries.
struct WithHashes<'i, T, F> {
    index: &'i mut HashIndex<T>,
    hash_of: F,
}

impl<T> Default for HashIndex<T> {
    fn default() -> Self {
        Self {
            parts: Vec::new(),
            len: 0,
            next: 0,
        }
    }
}

impl<T> HashIndex<T> {
    pub(crate) fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&T> {
        let part = self.parts.get(self.part_of(hash))?;
        part.find(hash, is_it)
    }

    pub(crate) fn find_mut(&mut self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let part = self.part_of(hash);
        self.parts.get_mut(part)?.find_mut(hash, is_it)
    }

    /// Adds an entry that is not there.
    pub(crate) fn insert(&mut self, hash: u64, entry: T, hash_of: impl Fn(&T) -> u64) {
        if self.parts.is_empty() {
            self.spread(1, &hash_of);
        } else if self.parts.len() < PARTS && self.len == TABLE_ENTRIES_KEPT {
            self.spread(PARTS, &hash_of);
        }
        let part = self.part_of(hash);
        self.parts[part].insert_unique(hash, entry, hash_of);
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<T> {
        let part = self.part_of(hash);
        let entry = self.parts.get_mut(part)?.find_entry(hash, is_it).ok()?;
        self.len -= 1;
        Some(entry.remove().0)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// As a table that gives memory back.
    pub(crate) fn hashed_by<F: Fn(&T) -> u64>(&mut self, hash_of: F) -> impl GiveBack {
        WithHashes {
            index: self,
            hash_of,
        }
    }

    fn part_of(&self, hash: u64) -> usize {
        // Not by the bits that choose the home or a place in the part.
        (hash >> 48) as usize & self.parts.len().wrapping_sub(1)
    }

    /// Moves all entries, which are few, to so many parts.
    fn spread(&mut self, parts: usize, hash_of: impl Fn(&T) -> u64) {
        let before = std::mem::take(&mut self.parts);
        self.parts.resize_with(parts, HashTable::new);
        for entry in before.into_iter().flatten() {
            let hash = hash_of(&entry);
            let part = self.part_of(hash);
            self.parts[part].insert_unique(hash, entry, &hash_of);
        }
    }
}

impl<T, F: Fn(&T) -> u64> GiveBack for WithHashes<'_, T, F> {
    fn entries(&self) -> usize {
        self.index.parts.iter().map(HashTable::capacity).sum()
    }

    /// One part does so at a time.
    fn give_back(&mut self) -> usize {
        let Self { index, hash_of } = self;
        let parts = index.parts.len();
        if 1 < parts && index.len < TABLE_ENTRIES_KEPT / 8 {
            let before = self.entries();
            self.index.spread(1, &self.hash_of);
            return before - self.entries();
        }
        for _ in 0..parts.min(PARTS_PER_LOOK) {
            index.next = (index.next + 1) % parts;
            let part = &mut index.parts[index.next];
            let before = part.capacity();
            if is_sparse(parts * part.len(), parts * before) {
                part.shrink_to(2 * part.len(), &*hash_of);
                return before.saturating_sub(part.capacity());
            }
        }
        0
    }
}

/// Of a million entries, one part has 2,000: these are moved in 0.2 ms.
const PARTS: usize = 512;
/// Parts that a turn looks at: some of those that are left have many entries.
const PARTS_PER_LOOK: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::hash_map::RandomState;
    use std::hash::BuildHasher;

    use super::*;

    fn give_back_all(index: &mut HashIndex<u64>, hash_of: impl Fn(&u64) -> u64) -> usize {
        let mut table = index.hashed_by(hash_of);
        while table.give_back() != 0 {}
        table.entries()
    }

    #[test]
    fn entries_are_found_whatever_comes_and_goes() {
        const MANY: u64 = 100_000;
        let seed = RandomState::new();
        let hash_of = |entry: &u64| seed.hash_one(entry);
        let mut index = HashIndex::default();
        let has = |index: &HashIndex<u64>, entry: u64| {
            index
                .find(hash_of(&entry), |other| *other == entry)
                .is_some()
        };
        assert!(!has(&index, 0) && index.remove(0, |_| true).is_none());
        for entry in 0..MANY {
            index.insert(hash_of(&entry), entry, hash_of);
        }
        let grown = give_back_all(&mut index, hash_of);
        assert!((0..MANY).all(|entry| has(&index, entry)) && !has(&index, MANY));
        // Each time more are left than are moved back to one part.
        let mut last = grown;
        for left in [MANY / 10, 1_000, 10, 0] {
            for entry in left..MANY {
                index.remove(hash_of(&entry), |other| *other == entry);
            }
            assert!((0..MANY).all(|entry| has(&index, entry) == (entry < left)));
            assert_eq!(index.len() as u64, left);
            let entries = give_back_all(&mut index, hash_of);
            assert!(entries <= last && entries <= 8 * TABLE_ENTRIES_KEPT.max(index.len()));
            assert!((0..left).all(|entry| has(&index, entry)), "{left}");
            last = entries;
        }
        assert!(last < TABLE_ENTRIES_KEPT / 4, "{last}");
        index.insert(hash_of(&7), 7, hash_of);
        assert!(has(&index, 7));
    }

    #[test]
    fn one_part_at_a_time_gives_memory_back() {
        let mut index = HashIndex::default();
        // Evenly spread, as hashes are.
        let hash_of = |entry: &u64| entry.rotate_right(16) | entry >> 9;
        for entry in 0..1 << 17 {
            index.insert(hash_of(&entry), entry, hash_of);
        }
        let before = index.hashed_by(hash_of).entries();
        for entry in 1_000..1 << 17 {
            index.remove(hash_of(&entry), |other| *other == entry);
        }
        let first = index.hashed_by(hash_of).give_back();
        assert!(0 < first && first <= before / PARTS, "{first} of {before}");
        assert_eq!(index.next, 1);
    }
}
