//! The levels of a topic's name, hashed when they are first looked for.

use std::cell::OnceCell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::id::LevelKey;
use crate::limits::PATTERN_LEVELS_MAX;
use crate::pattern::{levels, split_namespace};

/// One level.
#[derive(Debug)]
pub(super) struct Name<'n> {
    text: &'n str,
    seed: &'n RandomState,
    hash: OnceCell<u64>,
}

impl<'n> Name<'n> {
    pub(super) fn new(text: &'n str, seed: &'n RandomState) -> Self {
        let hash = OnceCell::new();
        Self { text, seed, hash }
    }

    pub(super) fn text(&self) -> &'n str {
        self.text
    }

    /// The hash of this level after another one. Clients choose the texts, so it has a key.
    pub(super) fn hash_after(&self, before: LevelKey) -> u64 {
        let text = *self.hash.get_or_init(|| self.seed.hash_one(self.text));
        // Odd, so that different levels before it give different hashes.
        (text ^ before.index() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// Those of a topic, as many as patterns have.
#[derive(Debug)]
pub(super) struct Names<'n> {
    names: [Name<'n>; PATTERN_LEVELS_MAX],
    len: usize,
    has_more: bool,
    /// The number of levels that a `+` before all others stands for.
    first: usize,
    is_internal: bool,
}

impl<'n> Names<'n> {
    pub(super) fn of(topic: &'n str, seed: &'n RandomState) -> Self {
        let mut texts = levels(topic);
        let mut len = 0;
        let names = std::array::from_fn(|_| {
            let text = texts.next();
            len += usize::from(text.is_some());
            Name::new(text.unwrap_or_default(), seed)
        });
        let (namespace, _) = split_namespace(topic);
        Self {
            names,
            len,
            has_more: texts.next().is_some(),
            first: if namespace.is_empty() { 1 } else { 2 },
            is_internal: topic.starts_with('$'),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&Name<'n>> {
        self.names[..self.len].get(index)
    }

    /// Whether no level comes after so many.
    pub(super) fn is_end(&self, count: usize) -> bool {
        count == self.len && !self.has_more
    }

    /// How many levels there are with one for which a `+` stands.
    pub(super) fn after_plus(&self, count: usize) -> usize {
        if count == 0 { self.first } else { count + 1 }
    }

    /// Whether it is a topic in which the server itself tells something, such as `$SYS/uptime`.
    pub(super) fn is_internal(&self) -> bool {
        self.is_internal
    }
}
