//! Things that do not belong into a file: too many lines, notes to oneself, paths of one machine.

use std::collections::BTreeMap;

use crate::complains;
use crate::tree::File;

/// Lines above which a file needs a reason.
const LINES_LOOK_TWICE: usize = 300;
/// Lines above which a file is refused whatever the reason.
const LINES_MAX: usize = 600;
/// Files of a folder, without its folders.
const FILES_MAX: usize = 14;

/// Files that are longer, and why they are not split.
const LONG: &[(&str, &str)] = &[
    ("loadtest/src/client/frame.rs", "a third is its tests"),
    ("loadtest/src/commands/floor/mod.rs", "one bare server"),
    (
        "loadtest/src/commands/hostile/foes.rs",
        "one application, with all that it does wrong",
    ),
    (
        "loadtest/src/commands/hostile/script.rs",
        "a list of scripts",
    ),
    (
        "loadtest/src/commands/ratio/mod.rs",
        "one comparison, from rounds to table",
    ),
    ("loadtest/tests/it/floor.rs", "a list of tests"),
    (
        "src/mesh/lane.rs",
        "both ends of one thing; a third is its tests",
    ),
    ("src/settings/keys.rs", "one table"),
    ("tests/tidy/layers.rs", "one table and its tests"),
];

/// The only source of dependencies.
const INDEX: &str = r#"source = "registry+https://github.com/rust-lang/crates.io-index""#;

/// Words that must not be committed. They are composed here, so that this file does not contain
/// them.
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
    concat!("/wor", "kspace/"),
    concat!("/Us", "ers/"),
    concat!("/mn", "t/"),
    concat!("/op", "t/"),
    concat!("/var", "/tmp"),
    concat!("sha", "red/"),
];

/// Outside tests, where a reader would see it.
const SCRATCH: &str = concat!("/t", "mp/");

/// Complains of files that are too long.
pub(crate) fn size(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    let has_reason = LONG.iter().any(|(path, _)| *path == file.path);
    let max = if has_reason {
        LINES_MAX
    } else {
        LINES_LOOK_TWICE
    };
    let problem = format!("{}: {lines} lines, more than {max}", file.path);
    (max < lines).then_some(problem).into_iter().collect()
}

/// Complains of folders of the sources with more files than are seen at once.
pub(crate) fn folders(files: &[File]) -> Vec<String> {
    let mut counts = BTreeMap::new();
    let sources = files.iter().filter(|file| file.path.starts_with("src/"));
    for (folder, _) in sources.filter_map(|file| file.path.rsplit_once('/')) {
        *counts.entry(folder).or_default() += 1;
    }
    let full = counts.iter().filter(|(_, count)| FILES_MAX < **count);
    full.map(|(folder, count)| format!("{folder}: {count} files, more than {FILES_MAX}"))
        .collect()
}

/// Complains of reasons for files that do not exist.
pub(crate) fn reasons(files: &[File]) -> Vec<String> {
    let gone = |path: &str| !files.iter().any(|file| file.path == path);
    LONG.iter()
        .filter(|(path, _)| gone(path))
        .map(|(path, _)| format!("{path}: listed as long, and not there"))
        .collect()
}

/// Complains of packages that come from elsewhere than the public index.
pub(crate) fn package_sources(lock: &File) -> Vec<String> {
    let lines = lock.text.lines().enumerate();
    lines
        .filter(|(_, line)| line.trim_start().starts_with("source") && *line != INDEX)
        .map(|(at, line)| format!("{}:{}: {line}", lock.path, at + 1))
        .collect()
}

/// Complains of a first line that is not a description of the file.
pub(crate) fn first_line(file: &File) -> Vec<String> {
    let is_sibling = file.path.starts_with("src/") && file.path.ends_with("tests.rs");
    let problem = format!("{}: the first line says nothing: write //!", file.path);
    let fine = is_sibling || file.text.starts_with("//! ");
    (!fine).then_some(problem).into_iter().collect()
}

/// Complains of leftover words.
pub(crate) fn words(file: &File) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        let is_test = file.path.starts_with("tests/") || file.path.starts_with("loadtest/tests/");
        let scratch = (!is_test).then_some(&SCRATCH);
        let words = WORDS.iter().chain(scratch);
        for word in words.filter(|word| line.contains(**word)) {
            problems.push(format!("{}:{}: `{word}`", file.path, at + 1));
        }
    }
    problems
}

#[test]
fn a_long_file_is_found() {
    let listed = LONG[0].0;
    for (path, max) in [("src/x.rs", LINES_LOOK_TWICE), (listed, LINES_MAX)] {
        assert!(complains(size, path, &"\n".repeat(max + 1)), "{path}");
        assert!(!complains(size, path, &"\n".repeat(max)), "{path}");
    }
    assert_eq!(reasons(&[File::new(listed, "")]).len(), LONG.len() - 1);
}

#[test]
fn a_full_folder_is_found() {
    let files_in = |folder: &str, count: usize| {
        let file = |at| File::new(&format!("{folder}/x{at}.rs"), "");
        folders(&(0..count).map(file).collect::<Vec<_>>())
    };
    assert_eq!(files_in("src/x", FILES_MAX).len(), 0);
    assert_eq!(files_in("src/x", FILES_MAX + 1).len(), 1);
    assert_eq!(files_in("tests/x", FILES_MAX + 1).len(), 0);
}

#[test]
fn a_package_from_elsewhere_is_found() {
    for bad in [
        "source = \"registry+https://mirror.example/index\"",
        "source = \"sparse+https://mirror.example/index/\"",
        "source = \"git+https://example.com/x#1\"",
    ] {
        assert!(complains(package_sources, "Cargo.lock", bad), "{bad}");
    }
    assert!(!complains(package_sources, "Cargo.lock", INDEX));
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
    for place in ["docs/X.md", "src/x.rs", "README.md"] {
        assert!(complains(words, place, SCRATCH), "{place}");
    }
    assert!(!complains(words, "tests/it/x.rs", SCRATCH));
}
