//! The figures as lines for people.

use std::io::{self, Write};

use crate::host::warning::Warning;

/// Lines of a table: a name and what is to say.
pub(crate) struct Table(Vec<(String, String)>);

impl Table {
    /// One that begins with the verdict.
    pub(crate) fn new(passed: bool) -> Self {
        let mut table = Self(Vec::new());
        let word = if passed { "passed" } else { "FAILED" };
        table.row("result", word);
        table
    }

    pub(crate) fn row(&mut self, name: &str, text: impl Into<String>) {
        self.0.push((name.to_owned(), text.into()));
    }

    pub(crate) fn warnings(&mut self, warnings: &[Warning]) {
        for warning in warnings {
            self.row("warning", warning.to_string());
        }
    }

    /// Writes the lines to stdout.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(self.lines().as_bytes())?;
        out.flush()
    }

    pub(crate) fn lines(&self) -> String {
        let lines = self.0.iter();
        let lines = lines.map(|(name, text)| format!("{name:<14} {text}\n"));
        lines.collect()
    }
}
