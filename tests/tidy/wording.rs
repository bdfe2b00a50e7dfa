//! Lines that are not too long, and the words of docs/LEXICON.md in comments, documents and names
//! of tests.

use crate::complains;
use crate::tree::File;

/// Columns of a line: two files side by side on a screen.
const COLUMNS: usize = 100;

/// Phrases that are not written in comments, documents and names of tests, and what to write.
const PHRASES: &[(&str, &str)] = &[
    ("no room", "no space"),
    ("has room", "has space"),
    ("have room", "have space"),
    ("there is room", "there is space"),
    ("make room", "make space"),
    ("makes room", "makes space"),
    ("room left", "space left"),
    ("come whole", "complete"),
    ("goes nowhere", "is dropped"),
    ("read no further", "is not read, is paused"),
    ("for want of", "because there is no"),
    ("speaks for", "names the client of"),
    ("speak for", "name the client of"),
];

/// Words for people. A socket, a connection and a shard are things: "that", "which", "no client".
const PEOPLE: &[&str] = &[
    "who",
    "whom",
    "whoever",
    "nobody",
    "somebody",
    "everybody",
    "anybody",
];

/// How the name of a test begins that leans on the test before it.
const LEANING: &[&str] = &["so_", "nor_", "neither_", "and_", "but_"];

/// Complains of lines with more columns than a screen has. A string, a row of a table and a word
/// without a space, such as an address, cannot be broken.
pub(crate) fn columns(file: &File) -> Vec<String> {
    let may_be_long = |line: &str| {
        let text = line.trim_start();
        let is_comment = text.starts_with("//");
        let is_row = text.contains(" | ");
        let is_word = text.split_whitespace().count() <= 2;
        if is_comment {
            is_row || is_word
        } else {
            text.contains('"')
        }
    };
    let lines = file.text.lines().enumerate();
    let long = lines.filter(|(_, line)| COLUMNS < line.chars().count() && !may_be_long(line));
    long.map(|(at, _)| format!("{}:{}: more than {COLUMNS} columns", file.path, at + 1))
        .collect()
}

/// Complains of words that the lexicon bans.
pub(crate) fn lexicon(file: &File) -> Vec<String> {
    let is_source = file.path.ends_with(".rs");
    let is_lexicon = ["docs/LEXICON.md", "tests/tidy/wording.rs"].contains(&file.path.as_str());
    if is_lexicon {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let mut is_test = false;
    for (at, line) in file.text.lines().enumerate() {
        let text = line.trim_start();
        let prose = match text {
            _ if !is_source => text.to_owned(),
            _ if text.starts_with("//") => text.to_owned(),
            _ if is_test => test_name(text).replace('_', " "),
            _ => String::new(),
        };
        let prose = prose.to_lowercase();
        let mut complain = |word: &str, instead: &str| {
            let place = format!("{}:{}", file.path, at + 1);
            problems.push(format!("{place}: `{word}`: write {instead}"));
        };
        for (phrase, instead) in PHRASES.iter().filter(|(phrase, _)| has(&prose, phrase)) {
            complain(phrase, instead);
        }
        for word in PEOPLE.iter().filter(|word| is_source && has(&prose, word)) {
            complain(word, "that, which, each client, no connection");
        }
        let name = if is_test { test_name(text) } else { "" };
        if LEANING.iter().any(|word| name.starts_with(word)) {
            complain(name, "a name that stands alone");
        }
        is_test = text == "#[test]" || is_test && text.starts_with("#[");
    }
    problems
}

/// The name of the function that begins in this line.
fn test_name(line: &str) -> &str {
    let name = line.strip_prefix("fn ").unwrap_or_default();
    name.split('(').next().unwrap_or_default()
}

/// Whether a text has these words, not as parts of longer ones.
fn has(text: &str, words: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(words).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + words.len()..].chars().next();
        !before.is_some_and(is_letter) && !after.is_some_and(is_letter)
    })
}

#[test]
fn a_long_line_is_found() {
    let long = "a ".repeat(COLUMNS / 2);
    assert!(!complains(columns, "src/x.rs", &long));
    assert!(complains(columns, "src/x.rs", &format!("{long} b")));
    assert!(complains(columns, "src/x.rs", &format!("// {long} \"b\"")));
    let link = "x".repeat(COLUMNS);
    assert!(!complains(columns, "src/x.rs", &format!("// {link}")));
    assert!(!complains(
        columns,
        "src/x.rs",
        &format!("/// | {long} | b |")
    ));
    assert!(!complains(columns, "src/x.rs", &format!("\"{link}\"")));
}

#[test]
fn every_banned_word_is_found() {
    for (phrase, _) in PHRASES {
        assert!(complains(lexicon, "docs/X.md", &format!("A {phrase}.")));
        assert!(complains(lexicon, "src/x.rs", &format!("/// {phrase}")));
        let name = phrase.replace(' ', "_");
        let test = format!("#[test]\n#[ignore]\nfn a_{name}_b() {{}}");
        assert!(complains(lexicon, "tests/it/x.rs", &test), "{phrase}");
    }
    for word in PEOPLE {
        assert!(complains(
            lexicon,
            "src/x.rs",
            &format!("// A client {word} asks.")
        ));
        assert!(!complains(
            lexicon,
            "docs/X.md",
            &format!("An author {word} asks.")
        ));
        assert!(!complains(
            lexicon,
            "src/x.rs",
            &format!("// a{word} {word}se")
        ));
        assert!(!complains(lexicon, "src/x.rs", &format!("let {word} = 1;")));
    }
    for word in LEANING {
        let test = format!("#[test]\nfn {word}does_another() {{}}");
        assert!(complains(lexicon, "src/x.rs", &test), "{word}");
    }
}
