//! The rings of a shard: found by their topics, and in one piece of memory without gaps.

use hashbrown::HashTable;

use crate::config::HistorySettings;
use crate::id::RingKey;
use crate::position::Position;
use crate::time::Now;
use crate::topic::history::ages::{Age, Ages};
use crate::topic::history::ring::Ring;
use crate::topic::tables::{GiveBack, is_sparse};
use crate::topic::{Hashed, Topic};

/// The rings of a shard. The key of one is its place, and changes when another one is removed.
#[derive(Debug, Default)]
pub(super) struct Rings {
    all: Vec<Ring>,
    /// By the hash that a topic keeps. In parts: when one grows, so few are moved that no turn is
    /// held up.
    index: Vec<HashTable<RingKey>>,
    pub(super) ages: Ages,
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
        let part = self.index.get(part_of(hash))?;
        part.find(hash, |key| is_it(self.get(*key))).copied()
    }

    /// Adds the ring of a topic that has none.
    pub(super) fn add(
        &mut self,
        topic: &Topic,
        top: Position,
        settings: &HistorySettings,
        now: Now,
    ) -> RingKey {
        if self.index.is_empty() {
            self.index.resize_with(PARTS, HashTable::new);
        }
        let list = self.ages.list_for(settings, None);
        let key = RingKey::new(self.all.len());
        let age = Age::new(list, now.stamp());
        self.all.push(Ring::new(topic.clone(), top, age));
        let (all, hash) = (&self.all, topic.hash());
        self.index[part_of(hash)].insert_unique(hash, key, |key| hash_of(all, *key));
        self.ages.link(&mut self.all, key, list);
        key
    }

    /// Removes a ring and returns its topic.
    pub(super) fn remove(&mut self, key: RingKey) -> Topic {
        self.ages.unlink(&mut self.all, key);
        let last = self.last();
        let Ring { topic, .. } = self.all.swap_remove(key.index());
        let part = &mut self.index[part_of(topic.hash())];
        if let Ok(entry) = part.find_entry(topic.hash(), |other| *other == key) {
            entry.remove();
        }
        if last != key {
            let hash = hash_of(&self.all, key);
            let moved = self.index[part_of(hash)].find_mut(hash, |other| *other == last);
            if let Some(moved) = moved {
                *moved = key;
            }
            self.ages.note_moved(&mut self.all, key);
        }
        topic
    }

    pub(super) fn get(&self, key: RingKey) -> &Ring {
        &self.all[key.index()]
    }

    pub(super) fn get_mut(&mut self, key: RingKey) -> &mut Ring {
        &mut self.all[key.index()]
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
        RingKey::new(self.all.len().saturating_sub(1))
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
        visit(all);
        visit(&mut Index { parts: index, all });
    }
}

/// The parts in which a ring is looked up.
struct Index<'r> {
    parts: &'r mut Vec<HashTable<RingKey>>,
    all: &'r [Ring],
}

impl GiveBack for Index<'_> {
    fn entries(&self) -> usize {
        self.parts.iter().map(HashTable::capacity).sum()
    }

    fn give_back(&mut self) -> usize {
        // Topics are spread evenly: one part shows how large all are.
        let one = self.parts.first().map_or(0, HashTable::capacity);
        if !is_sparse(self.all.len(), PARTS * one) {
            return 0;
        }
        let before = self.entries();
        for part in &mut *self.parts {
            part.shrink_to(2 * part.len(), |key| hash_of(self.all, *key));
        }
        before.saturating_sub(self.entries())
    }
}

/// The parts of an index: with ten million topics, one that grows moves 40,000.
const PARTS: usize = 256;

/// Not by the bits that choose the home or a place in the part.
fn part_of(hash: u64) -> usize {
    (hash >> 48) as usize % PARTS
}

fn hash_of(all: &[Ring], key: RingKey) -> u64 {
    all[key.index()].topic.hash()
}
