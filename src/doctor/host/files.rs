//! Files below a root, read without errors: what is not there says nothing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sys::cgroup;

/// Files below a root.
pub(super) struct Files<'r> {
    root: &'r Path,
}

impl<'r> Files<'r> {
    pub(super) fn new(root: &'r Path) -> Self {
        Self { root }
    }

    /// The text of a file, without the end of its last line.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let text = cgroup::text(&self.root.join(path))?;
        Some(text.trim_end().to_owned())
    }

    /// The text of a file that is named as on the host.
    pub(super) fn absolute(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix("/").unwrap_or(path);
        cgroup::text(&self.root.join(below))
    }

    /// The number in a file. One that does not fit is more than any number that is needed.
    pub(super) fn number(&self, path: &str) -> Option<usize> {
        let number: u128 = self.text(path)?.parse().ok()?;
        Some(usize::try_from(number).unwrap_or(usize::MAX))
    }

    /// The numbers in a file.
    pub(super) fn numbers(&self, path: &str) -> Vec<usize> {
        let text = self.text(path).unwrap_or_default();
        let numbers = text.split_whitespace().map_while(|word| word.parse().ok());
        numbers.collect()
    }

    /// The names in a folder, in order.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(path)).into_iter().flatten();
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        names.sort_unstable();
        names
    }

    /// Where a link leads, or the path itself.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The last part of the path that a link leads to.
    pub(super) fn target(&self, path: &str) -> Option<String> {
        let target: PathBuf = fs::canonicalize(self.root.join(path)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }
}
