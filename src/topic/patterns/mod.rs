//! Patterns that are subscribed to, and which of them match a topic: a tree of their levels, so
//! that a publication is compared with none of those that differ from its topic at any level.

mod level;
mod names;
mod pattern;

use std::collections::hash_map::RandomState;

use hashbrown::HashTable;
use slab::Slab;

use crate::id::{LevelKey, PatternKey};
use crate::topic::patterns::level::{LEVEL_BYTES, Level, ROOT};
use crate::topic::patterns::names::{Name, Names};
use crate::topic::patterns::pattern::Step;
pub use crate::topic::patterns::pattern::{TopicPattern, TopicPatternError};
use crate::topic::tables::{GiveBack, is_sparse};

/// Patterns, each with a value.
#[derive(Debug)]
pub struct Patterns<V> {
    /// The first one is the root, before all first levels. Empty until there is a pattern.
    levels: Slab<Level>,
    /// Those that are a text, by `Level::hash`.
    texts: HashTable<LevelKey>,
    values: Slab<V>,
    seed: RandomState,
}

impl<V> Default for Patterns<V> {
    fn default() -> Self {
        Self {
            levels: Slab::new(),
            texts: HashTable::new(),
            values: Slab::new(),
            seed: RandomState::new(),
        }
    }
}

impl<V> Patterns<V> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Memory of their levels in bytes; values not counted.
    pub fn bytes(&self) -> usize {
        let levels = self.levels.iter().map(|(_, level)| level);
        let levels = levels.filter(|level| level.before.is_some());
        levels.map(|level| LEVEL_BYTES + level.text.len()).sum()
    }

    /// The value of a pattern.
    pub fn get_mut(&mut self, pattern: &TopicPattern) -> Option<&mut V> {
        let key = self.find_end(pattern)?;
        Some(&mut self.values[key.index()])
    }

    /// The value of a pattern, which is added if it is not there.
    pub fn get_or_add(&mut self, pattern: &TopicPattern) -> &mut V
    where
        V: Default,
    {
        let known = self.find_end(pattern);
        let key = known.unwrap_or_else(|| self.add(pattern));
        &mut self.values[key.index()]
    }

    /// Removes a pattern.
    pub fn remove(&mut self, pattern: &TopicPattern) -> Option<V> {
        let at = self.find(pattern)?;
        let level = &mut self.levels[at.index()];
        let end = level.end_mut(pattern.has_rest()).take()?;
        self.prune(at);
        Some(self.values.remove(end.index()))
    }

    /// Calls `visit` with the value of each pattern that matches a topic. Returns how many levels
    /// it has looked at for that.
    pub fn each_match(&self, topic: &str, mut visit: impl FnMut(&V)) -> usize {
        // One that is for some users alone matches none.
        if self.is_empty() || topic.contains('#') {
            return 0;
        }
        let names = Names::of(topic, &self.seed);
        self.walk(ROOT, 0, &names, &mut |key| visit(&self.values[key.index()]))
    }

    /// The patterns that match from the name `next` on, after those before it led to a level. Goes
    /// no deeper than patterns do.
    fn walk(
        &self,
        at: LevelKey,
        next: usize,
        names: &Names<'_>,
        visit: &mut impl FnMut(PatternKey),
    ) -> usize {
        let level = &self.levels[at.index()];
        // As in MQTT, no wildcard stands for the first level of what the server itself tells.
        let is_wild = at != ROOT || !names.is_internal();
        if let Some(rest) = level.rest.filter(|_| is_wild) {
            visit(rest);
        }
        let Some(name) = names.get(next) else {
            if let Some(end) = level.end.filter(|_| names.is_end(next)) {
                visit(end);
            }
            return 1;
        };
        let mut visited = 1;
        if let Some(after) = self.text_after(at, name) {
            visited += self.walk(after, next + 1, names, visit);
        }
        if let Some(plus) = level.plus.filter(|_| is_wild) {
            visited += self.walk(plus, names.after_plus(next), names, visit);
        }
        visited
    }

    /// The last level of a pattern, less `#`.
    fn find(&self, pattern: &TopicPattern) -> Option<LevelKey> {
        if self.levels.is_empty() {
            return None;
        }
        pattern
            .steps()
            .try_fold(ROOT, |at, step| self.after(at, step))
    }

    fn find_end(&self, pattern: &TopicPattern) -> Option<PatternKey> {
        let at = self.find(pattern)?;
        self.levels[at.index()].end(pattern.has_rest())
    }

    fn after(&self, at: LevelKey, step: Step<'_>) -> Option<LevelKey> {
        match step {
            Step::Plus => self.levels[at.index()].plus,
            Step::Text(text) => self.text_after(at, &Name::new(text, &self.seed)),
        }
    }

    fn text_after(&self, at: LevelKey, name: &Name<'_>) -> Option<LevelKey> {
        if self.levels[at.index()].texts == 0 {
            return None;
        }
        let hash = name.hash_after(at);
        let is_it = |key: &LevelKey| {
            let level = &self.levels[key.index()];
            level.hash == hash && level.before == Some(at) && *level.text == *name.text()
        };
        self.texts.find(hash, is_it).copied()
    }

    fn add(&mut self, pattern: &TopicPattern) -> PatternKey
    where
        V: Default,
    {
        if self.levels.is_empty() {
            self.levels.insert(Level::new("", 0, None));
        }
        let mut at = ROOT;
        for step in pattern.steps() {
            at = match self.after(at, step) {
                Some(after) => after,
                None => self.add_level(at, step),
            };
        }
        let key = PatternKey::new(self.values.insert(V::default()));
        *self.levels[at.index()].end_mut(pattern.has_rest()) = Some(key);
        key
    }

    fn add_level(&mut self, before: LevelKey, step: Step<'_>) -> LevelKey {
        let place = self.levels.vacant_entry();
        let key = LevelKey::new(place.key());
        let (text, hash) = match step {
            Step::Plus => ("", 0),
            Step::Text(text) => (text, Name::new(text, &self.seed).hash_after(before)),
        };
        place.insert(Level::new(text, hash, Some(before)));
        if step == Step::Plus {
            self.levels[before.index()].plus = Some(key);
        } else {
            let levels = &self.levels;
            let hash_of = |key: &LevelKey| levels[key.index()].hash;
            self.texts.insert_unique(hash, key, hash_of);
            self.levels[before.index()].texts += 1;
        }
        key
    }

    /// Removes a level that leads to no pattern, and those before it that then lead to none.
    fn prune(&mut self, mut at: LevelKey) {
        while self.levels[at.index()].is_unused()
            && let Some(before) = self.levels[at.index()].before
        {
            let level = self.levels.remove(at.index());
            let parent = &mut self.levels[before.index()];
            if parent.plus == Some(at) {
                parent.plus = None;
            } else {
                parent.texts -= 1;
                if let Ok(place) = self.texts.find_entry(level.hash, |key| *key == at) {
                    place.remove();
                }
            }
            at = before;
        }
    }
}

impl<V> GiveBack for Patterns<V> {
    fn entries(&self) -> usize {
        self.levels.capacity()
    }

    fn give_back(&mut self) -> usize {
        if is_sparse(self.texts.len(), self.texts.capacity()) {
            let levels = &self.levels;
            let hash_of = |key: &LevelKey| levels[key.index()].hash;
            self.texts.shrink_to(2 * self.texts.len(), hash_of);
        }
        self.values.give_back();
        self.levels.give_back()
    }
}

#[cfg(test)]
mod tests;
