//! What is wrong in a scenario file, with its line, so that all of it can be told at once.

use std::collections::BTreeSet;
use std::ops::Range;

/// Everything that is wrong in a file.
pub(super) struct Problems<'a> {
    text: &'a str,
    /// Lines, and what is wrong there.
    found: BTreeSet<(usize, String)>,
}

impl<'a> Problems<'a> {
    /// None yet, of this text.
    pub(super) fn new(text: &'a str) -> Self {
        let found = BTreeSet::new();
        Self { text, found }
    }

    /// Something is wrong at this place of the text.
    pub(super) fn add(&mut self, at: Range<usize>, what: impl Into<String>) {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        self.found
            .insert((before.matches('\n').count() + 1, what.into()));
    }

    /// How much is wrong so far.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// A line for each, in the order of the file.
    pub(super) fn told(&self, file: &str) -> String {
        let lines = self.found.iter();
        let lines = lines.map(|(line, what)| format!("\n  {file}:{line}: {what}"));
        format!(
            "{file} is not what it should be:{}",
            lines.collect::<String>()
        )
    }
}
