//! Patterns with `+` and `#` alone, which clients subscribe to: which rules are about their topics.

use crate::pattern::{Names, Pattern};

impl Pattern {
    /// Whether it matches, for this client, each topic that `wildcards` matches: a pattern without
    /// names in braces. No name in braces covers a wildcard.
    ///
    /// Only wildcards match both the empty text and a longer one where `wildcards` has one: so two
    /// topics stand for all.
    pub(crate) fn covers(&self, wildcards: &str, client: &impl Names) -> bool {
        let (before, rest) = if let Some(before) = wildcards.strip_suffix("/#") {
            (before, "/a:a")
        } else if let Some(before) = wildcards.strip_suffix('#') {
            (before, "a:a/a:a")
        } else {
            (wildcards, "")
        };
        let shortest = before.replace('+', "");
        let longest = before.replace('+', "a:a") + rest;
        self.matches(&shortest, client) && self.matches(&longest, client)
    }

    /// Whether a topic may match both. Of names in braces is assumed that they stand for anything.
    pub(crate) fn overlaps(&self, wildcards: &str) -> bool {
        let begins_wild = wildcards.starts_with(['+', '#']);
        if begins_wild && self.text.starts_with('$') {
            return false;
        }
        let (mut own, mut others) = (slash_levels(&self.text), slash_levels(wildcards));
        loop {
            return match (own.next(), others.next()) {
                (Some(own), Some(other)) if own.overlaps(&other) => continue,
                (Some(_), Some(_)) => false,
                (Some(_), None) => wildcards.ends_with('#'),
                (None, Some(_)) => self.text.ends_with('#'),
                (None, None) => true,
            };
        }
    }
}

/// What is between two `/` of a pattern.
struct Level<'p> {
    /// What is before its first wildcard or name in braces.
    text: &'p str,
    is_whole: bool,
}

impl Level<'_> {
    fn overlaps(&self, other: &Self) -> bool {
        (self.text == other.text)
            || !self.is_whole && other.text.starts_with(self.text)
            || !other.is_whole && self.text.starts_with(other.text)
    }
}

/// The levels of a pattern before a `/#` at its end.
fn slash_levels(pattern: &str) -> impl Iterator<Item = Level<'_>> {
    let levels = pattern.strip_suffix("/#").unwrap_or(pattern).split('/');
    levels.map(|level| {
        let text = level.split(['+', '#', '{']).next().unwrap_or_default();
        Level {
            text,
            is_whole: text.len() == level.len(),
        }
    })
}

#[cfg(test)]
#[path = "wildcards_tests.rs"]
mod tests;
