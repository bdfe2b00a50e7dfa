//! The rings of a shard: found by their topics, and in memory without gaps.

use std::ops::{Index, IndexMut};

use crate::config::HistorySettings;
use crate::id::RingKey;
use crate::position::Position;
use crate::time::Now;
use crate::topic::history::ages::{Age, Ages};
use crate::topic::history::ring::Ring;
use crate::topic::index::HashIndex;
use crate::topic::tables::GiveBack;
use crate::topic::{Hashed, Topic};

/// The rings of a shard. The key of one is its place, and changes when another one is removed.
#[derive(Debug, Default)]
pub(super) struct Rings {
    all: Pieces,
    /// By the hash that a topic keeps.
    index: HashIndex<RingKey>,
    pub(super) ages: Ages,
}

/// Rings in pieces of memory, which stay where they are when there are more rings, or fewer: a
/// million of them would be 72 MB to be moved or freed at once.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// All full but the last.
    pieces: Vec<Vec<Ring>>,
}

impl Rings {
    pub(super) fn find(&self, topic: &Topic) -> Option<RingKey> {
        let is_it = |ring: &Ring| ring.topic == *topic;
        self.find_by(topic.hash(), is_it)
    }

    /// The topic of this name, if it has a ring.
    pub(super) fn of_name(&self, name: Hashed<'_>) -> Option<&Topic> {
        let is_it = |ring: &Ring| ring.topic.name() == name.name;
        let key = self.find_by(name.hash, is_it)?;
        Some(&self.get(key).topic)
    }

    fn find_by(&self, hash: u64, is_it: impl Fn(&Ring) -> bool) -> Option<RingKey> {
        let is_it = |key: &RingKey| is_it(self.get(*key));
        self.index.find(hash, is_it).copied()
    }

    /// Adds the ring of a topic that has none.
    pub(super) fn add(
        &mut self,
        topic: &Topic,
        top: Position,
        settings: &HistorySettings,
        now: Now,
    ) -> RingKey {
        let list = self.ages.list_for(settings, None);
        let age = Age::new(list, now.stamp());
        let key = self.all.push(Ring::new(topic.clone(), top, age));
        let all = &self.all;
        self.index
            .insert(topic.hash(), key, |key| hash_of(all, *key));
        self.ages.link(&mut self.all, key, list);
        key
    }

    /// Removes a ring and returns its topic.
    pub(super) fn remove(&mut self, key: RingKey) -> Topic {
        self.ages.unlink(&mut self.all, key);
        let last = self.last();
        let hash = hash_of(&self.all, key);
        self.index.remove(hash, |other| *other == key);
        let moved = (last != key).then(|| hash_of(&self.all, last));
        let Ring { topic, .. } = self.all.swap_remove(key);
        if let Some(hash) = moved {
            if let Some(moved) = self.index.find_mut(hash, |other| *other == last) {
                *moved = key;
            }
            self.ages.note_moved(&mut self.all, key);
        }
        topic
    }

    pub(super) fn get(&self, key: RingKey) -> &Ring {
        &self.all[key]
    }

    pub(super) fn get_mut(&mut self, key: RingKey) -> &mut Ring {
        &mut self.all[key]
    }

    /// Notes that a ring with these settings was written.
    pub(super) fn note_written(&mut self, key: RingKey, settings: &HistorySettings, now: Now) {
        let hint = self.get(key).age.list();
        let list = self.ages.list_for(settings, Some(hint));
        let ages = &mut self.ages;
        ages.note_written(&mut self.all, key, list, now.stamp());
    }

    /// Makes a ring old that is the first of its list.
    pub(super) fn make_old(&mut self, key: RingKey) {
        self.ages.make_old(&mut self.all, key);
    }

    /// The ring that was written first of the old ones, or of the others, with an exception.
    pub(super) fn first_written(&self, is_old: bool, except: Option<RingKey>) -> Option<RingKey> {
        self.ages.first_written(&self.all, is_old, except)
    }

    /// That with the last place.
    pub(super) fn last(&self) -> RingKey {
        RingKey::new(self.len().saturating_sub(1))
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// All keys, as the lists have them.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn listed(&self) -> Vec<RingKey> {
        self.ages.listed(&self.all)
    }

    /// Calls `visit` with each table of this.
    pub(super) fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        let Self { all, index, .. } = self;
        visit(&mut index.hashed_by(|key| hash_of(all, *key)));
    }
}

impl Pieces {
    fn len(&self) -> usize {
        let last = self.pieces.last();
        last.map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.len())
    }

    fn push(&mut self, ring: Ring) -> RingKey {
        let key = RingKey::new(self.len());
        if key.index().is_multiple_of(PIECE) {
            self.pieces.push(Vec::new());
        }
        if let Some(last) = self.pieces.last_mut() {
            last.push(ring);
        }
        key
    }

    /// Removes a ring; the last one takes its place.
    fn swap_remove(&mut self, key: RingKey) -> Ring {
        let (piece, place) = (key.index() / PIECE, key.index() % PIECE);
        let end = self.pieces.len() - 1;
        let removed = if piece == end {
            self.pieces[end].swap_remove(place)
        } else {
            let last = self.pieces[end].len() - 1;
            let last = self.pieces[end].swap_remove(last);
            std::mem::replace(&mut self.pieces[piece][place], last)
        };
        if self.pieces[end].is_empty() {
            self.pieces.pop();
        }
        removed
    }
}

impl Index<RingKey> for Pieces {
    type Output = Ring;

    fn index(&self, key: RingKey) -> &Ring {
        &self.pieces[key.index() / PIECE][key.index() % PIECE]
    }
}

impl IndexMut<RingKey> for Pieces {
    fn index_mut(&mut self, key: RingKey) -> &mut Ring {
        &mut self.pieces[key.index() / PIECE][key.index() % PIECE]
    }
}

/// Rings of a piece: 72 KiB.
const PIECE: usize = 1_024;

fn hash_of(all: &Pieces, key: RingKey) -> u64 {
    all[key].topic.hash()
}
