//! What has no place in a file: too many lines, notes to oneself, paths of one machine.

use crate::complains;
use crate::tree::File;

/// Lines above which a file is worth a second look.
pub(crate) const LINES_LOOK_TWICE: usize = 300;
/// Lines above which a file is refused.
const LINES_MAX: usize = 600;

/// Words that nobody commits. Put together here, so that this file does not have them.
const WORDS: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("X", "XX"),
    concat!("db", "g!("),
    concat!("todo", "!("),
    concat!("unimpl", "emented!("),
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("sha", "red/"),
];

/// Complains of files that are too long.
pub(crate) fn size(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    let problem = format!("{}: {lines} lines, more than {LINES_MAX}", file.path);
    (LINES_MAX < lines).then_some(problem).into_iter().collect()
}

/// Complains of a first line that does not say what the file knows.
pub(crate) fn first_line(file: &File) -> Vec<String> {
    let is_sibling = file.path.starts_with("src/") && file.path.ends_with("tests.rs");
    let problem = format!("{}: the first line says nothing: write //!", file.path);
    let fine = is_sibling || file.text.starts_with("//! ");
    (!fine).then_some(problem).into_iter().collect()
}

/// Complains of words that were meant to go.
pub(crate) fn words(file: &File) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        for word in WORDS.iter().filter(|word| line.contains(*word)) {
            problems.push(format!("{}:{}: `{word}`", file.path, at + 1));
        }
    }
    problems
}

#[test]
fn a_long_file_is_found() {
    assert!(complains(size, "src/x.rs", &"\n".repeat(LINES_MAX + 1)));
    assert!(!complains(size, "src/x.rs", &"\n".repeat(LINES_MAX)));
}

#[test]
fn a_file_that_says_nothing_is_found() {
    assert!(complains(first_line, "src/x.rs", "use std::io;"));
    assert!(!complains(first_line, "src/x.rs", "//! X."));
    assert!(!complains(
        first_line,
        "src/proto/x_tests.rs",
        "use std::io;"
    ));
}

#[test]
fn every_leftover_is_found() {
    for word in WORDS {
        assert!(
            complains(words, "docs/X.md", &format!("a\nb {word} c")),
            "{word}"
        );
    }
    assert!(!complains(words, "docs/X.md", "a todo list"));
}
