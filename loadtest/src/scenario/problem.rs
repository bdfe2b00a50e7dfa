//! What is wrong in a scenario file, with its place, so that all of it can be told at once.

use std::ops::Range;

/// Everything that is wrong in a file.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    text: &'a str,
    /// Lines, and what is wrong there.
    found: Vec<(usize, String)>,
}

impl<'a> Problems<'a> {
    /// None yet, of this text.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            found: Vec::new(),
        }
    }

    /// Something is wrong at this place of the text.
    pub(super) fn add(&mut self, at: &Range<usize>, what: impl Into<String>) {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        self.found.push((line, what.into()));
    }

    /// The same, if anything is.
    pub(super) fn extend(&mut self, at: &Range<usize>, what: Option<String>) {
        if let Some(what) = what {
            self.add(at, what);
        }
    }

    /// How much is wrong so far.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// A line for each, in the order of the file.
    pub(super) fn told(mut self, file: &str) -> String {
        self.found.sort();
        self.found.dedup();
        let lines = self
            .found
            .iter()
            .map(|(line, what)| format!("\n  {file}:{line}: {what}"));
        format!(
            "{} is not what it should be:{}",
            file,
            lines.collect::<String>()
        )
    }
}
