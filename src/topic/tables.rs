//! Tables that give memory back when most of what they held is gone.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};

use hashbrown::HashMap;
use slab::Slab;

use crate::limits::TABLE_ENTRIES_KEPT;

/// A table that can give memory back.
pub trait GiveBack {
    /// Entries that there is memory for.
    fn entries(&self) -> usize;

    /// Gives back memory for entries that are gone, once they are seven of eight: what has to be
    /// moved for that is so little that those that are gone have paid for it. Returns how many
    /// entries there is memory for no more.
    fn give_back(&mut self) -> usize;
}

/// Whether so few entries are left that a table is to give memory back.
pub(crate) fn is_sparse(len: usize, entries: usize) -> bool {
    TABLE_ENTRIES_KEPT < entries && len < entries / 8
}

/// Tables with places for twice as many entries as they have, when they have become smaller.
macro_rules! gives_back {
    ($(($($param:tt)*) $table:ty;)*) => {$(
        impl<$($param)*> GiveBack for $table {
            fn entries(&self) -> usize {
                self.capacity()
            }

            fn give_back(&mut self) -> usize {
                let before = self.capacity();
                if is_sparse(self.len(), before) {
                    self.shrink_to(2 * self.len());
                }
                before.saturating_sub(self.capacity())
            }
        }
    )*};
}

gives_back! {
    (K: Eq + Hash, V, S: BuildHasher) HashMap<K, V, S>;
    (T: Eq + Hash, S: BuildHasher) HashSet<T, S>;
    (T) VecDeque<T>;
    (T) Vec<T>;
}

/// Its keys stay: it ends behind the last entry that is there, wherever that is. So what is large
/// is kept there in boxes, and an entry that is gone costs 16 bytes until those behind it are.
impl<T> GiveBack for Slab<T> {
    fn entries(&self) -> usize {
        self.capacity()
    }

    fn give_back(&mut self) -> usize {
        let before = self.capacity();
        if is_sparse(self.len(), self.capacity()) {
            self.shrink_to_fit();
        }
        before.saturating_sub(self.capacity())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::hash_map::RandomState;

    use super::*;

    const MANY: usize = 100 * TABLE_ENTRIES_KEPT;

    #[test]
    fn a_table_that_is_nearly_empty_is_small_and_one_that_is_not_stays() {
        let mut map: HashMap<usize, u64, RandomState> = (0..MANY).map(|key| (key, 1)).collect();
        let mut queue: VecDeque<usize> = (0..MANY).collect();
        let mut slab: Slab<Box<usize>> = (0..MANY).map(|key| (key, Box::new(key))).collect();
        let before = [map.entries(), queue.entries(), slab.entries()];
        let half = |key: &usize| *key < MANY / 2;
        map.retain(|key, _| half(key));
        queue.retain(half);
        slab.retain(|_, key| half(key));
        let tables: [&mut dyn GiveBack; 3] = [&mut map, &mut queue, &mut slab];
        for (table, before) in tables.into_iter().zip(before) {
            table.give_back();
            // A map counts some of the places of what is gone as taken.
            assert!(before / 2 < table.entries(), "{before}");
        }
        map.retain(|key, _| *key < 10);
        queue.truncate(10);
        slab.retain(|_, key| **key < 10);
        let tables: [&mut dyn GiveBack; 3] = [&mut map, &mut queue, &mut slab];
        for table in tables {
            table.give_back();
            assert!(table.entries() <= TABLE_ENTRIES_KEPT);
        }
        assert!((0..10).all(|key| map.contains_key(&key) && *slab[key] == key));
        assert_eq!(
            slab.insert(Box::new(7)),
            10,
            "keys go on behind those that are left"
        );
    }
}
