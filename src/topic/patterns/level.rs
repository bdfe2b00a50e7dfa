//! A level of the tree.

use crate::id::{LevelKey, PatternKey};

/// Before all first levels.
pub(super) const ROOT: LevelKey = LevelKey::FIRST;

/// A level of patterns that are alike up to it.
#[derive(Debug)]
pub(super) struct Level {
    /// Empty for `+`.
    pub(super) text: Box<str>,
    /// Of the text and of the level before.
    pub(super) hash: u64,
    pub(super) before: Option<LevelKey>,
    /// The `+` after it.
    pub(super) plus: Option<LevelKey>,
    /// How many texts come after it.
    pub(super) texts: u32,
    /// The pattern that ends with it.
    pub(super) end: Option<PatternKey>,
    /// The pattern that ends with `#` after it.
    pub(super) rest: Option<PatternKey>,
}

/// With its place in `texts`.
pub(super) const LEVEL_BYTES: usize = size_of::<Level>() + 8;
const _: () = assert!(LEVEL_BYTES == 56);

impl Level {
    pub(super) fn new(text: &str, hash: u64, before: Option<LevelKey>) -> Self {
        Self {
            text: text.into(),
            hash,
            before,
            plus: None,
            texts: 0,
            end: None,
            rest: None,
        }
    }

    /// The pattern that ends with it, or with `#` after it.
    pub(super) fn end(&self, has_rest: bool) -> Option<PatternKey> {
        if has_rest { self.rest } else { self.end }
    }

    pub(super) fn end_mut(&mut self, has_rest: bool) -> &mut Option<PatternKey> {
        if has_rest {
            &mut self.rest
        } else {
            &mut self.end
        }
    }

    /// Whether it leads to no pattern.
    pub(super) fn is_unused(&self) -> bool {
        self.end.is_none() && self.rest.is_none() && self.plus.is_none() && self.texts == 0
    }
}
