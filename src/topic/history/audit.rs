//! What holds between two calls, for tests; the audit of the core asks for it.

use crate::id::RingKey;
use crate::topic::history::History;
use crate::topic::history::ring::Amount;

impl History {
    /// Panics unless what is counted is there, and each ring is found and in its list.
    pub(crate) fn audit(&self) {
        let mut amount = Amount::default();
        let mut listed = Vec::new();
        for key in (0..self.rings.len()).map(RingKey::new) {
            let ring = self.rings.get(key);
            let of_ring = ring.amount();
            amount.entries += of_ring.entries;
            amount.bytes += of_ring.bytes;
            assert_eq!(self.rings.find(&ring.topic), Some(key));
            assert_eq!(ring.is_empty(), of_ring.entries == 0);
            assert!(ring.is_empty() || !ring.age.is_old(), "{ring:?}");
            listed.push(key);
        }
        assert_eq!(amount, self.amount);
        let mut found = self.rings.listed();
        found.sort_unstable();
        assert_eq!(found, listed);
    }
}
