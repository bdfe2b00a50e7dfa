//! Patterns of the names of topics, as `/api/channels` takes them and Centrifugo does: `*` is any
//! characters, `?` is one, `[a-c]` one of these and `[!a-c]` one that is none of these, `{one,two}`
//! either, and `\*` the character.

use std::ops::RangeInclusive;
use std::str::Chars;

use crate::limits::{GLOB_ALTERNATIVES_MAX, TOPIC_BYTES_MAX};

/// A pattern: a name matches if it matches one of these.
pub(crate) struct Glob(Vec<Vec<Part>>);

/// What a pattern has at one place.
#[derive(Clone)]
enum Part {
    /// Any characters, also none.
    Any,
    One,
    Literal(char),
    /// One of these, or none of these.
    Class(Vec<RangeInclusive<char>>, bool),
}

impl Glob {
    /// Reads a pattern; `None` if it is none, or too long.
    pub(crate) fn parse(pattern: &str) -> Option<Self> {
        if TOPIC_BYTES_MAX < pattern.len() {
            return None;
        }
        let mut chars = pattern.chars();
        let mut all = vec![Vec::new()];
        while let Some(next) = chars.next() {
            let part = match next {
                '*' => Part::Any,
                '?' => Part::One,
                '[' => class(&mut chars)?,
                '{' => {
                    all = either(&all, &mut chars)?;
                    continue;
                }
                '\\' => Part::Literal(chars.next()?),
                literal => Part::Literal(literal),
            };
            for parts in &mut all {
                parts.push(part.clone());
            }
        }
        Some(Self(all))
    }

    /// Whether a name matches.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|parts| matches(parts, name))
    }
}

impl Part {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Literal(literal) => *literal == character,
            Self::Class(ranges, is_in) => {
                ranges.iter().any(|range| range.contains(&character)) == *is_in
            }
        }
    }
}

/// Reads what is between `[` and `]`.
fn class(chars: &mut Chars<'_>) -> Option<Part> {
    let (inside, rest) = chars.as_str().split_once(']')?;
    *chars = rest.chars();
    let (inside, is_in) = match inside.strip_prefix('!') {
        Some(inside) => (inside, false),
        None => (inside, true),
    };
    let inside: Vec<char> = inside.chars().collect();
    let mut ranges = Vec::new();
    let mut left = &inside[..];
    while let [first, rest @ ..] = left {
        let (last, rest) = match rest {
            ['-', last, rest @ ..] => (last, rest),
            _ => (first, rest),
        };
        ranges.push(*first..=*last);
        left = rest;
    }
    (!ranges.is_empty()).then_some(Part::Class(ranges, is_in))
}

/// Reads what is between `{` and `}`, and adds each choice to each pattern.
fn either(all: &[Vec<Part>], chars: &mut Chars<'_>) -> Option<Vec<Vec<Part>>> {
    let (inside, rest) = chars.as_str().split_once('}')?;
    *chars = rest.chars();
    let mut longer = Vec::new();
    for choice in inside.split(',') {
        let Glob(choices) = Glob::parse(choice)?;
        if GLOB_ALTERNATIVES_MAX < longer.len() + all.len() * choices.len() {
            return None;
        }
        for choice in &choices {
            longer.extend(all.iter().map(|parts| [&parts[..], choice].concat()));
        }
    }
    Some(longer)
}

/// If what follows the last `*` does not match, that takes a character more: what is before it need
/// not be tried again.
fn matches(parts: &[Part], name: &str) -> bool {
    let (mut at, mut left) = (0, name);
    let mut last_any = None;
    loop {
        let mut chars = left.chars();
        match (parts.get(at), chars.next()) {
            (None, None) => return true,
            (Some(Part::Any), _) => {
                at += 1;
                last_any = Some((at, left));
                continue;
            }
            (Some(part), Some(character)) if part.takes(character) => {
                at += 1;
                left = chars.as_str();
                continue;
            }
            _ => {}
        }
        let Some((behind, end)) = last_any else {
            return false;
        };
        let mut chars = end.chars();
        if chars.next().is_none() {
            return false;
        }
        (at, left) = (behind, chars.as_str());
        last_any = Some((at, left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_what_it_says_and_nothing_else() {
        for (pattern, yes, no) in [
            ("", &[""][..], &["a"][..]),
            ("*", &["", "a", "a:b/ü"], &[]),
            ("a?c", &["abc", "aüc"], &["ac", "abbc"]),
            (
                "room:*",
                &["room:", "room:1", "room:*"],
                &["room", "a:room:1"],
            ),
            ("*:1", &[":1", "a:1", "a:1:1"], &["a:11", "1"]),
            ("a*b*c", &["abc", "aXbXbXc", "abbc"], &["ac", "abcX", "acb"]),
            ("**?", &["a", "ab"], &[""]),
            ("[a-cx]1", &["a1", "c1", "x1"], &["d1", "-1", "1"]),
            ("[!a-c]", &["d", "ü"], &["a", "", "dd"]),
            ("[-a]", &["-", "a"], &["b"]),
            (
                "{cat,[bd]at,*fish}s",
                &["cats", "bats", "fishs", "x fishs"],
                &["cat", "s"],
            ),
            ("{a,}b{1,2}", &["b1", "ab2"], &["a1", "b", "ab"]),
            (r"\*\{", &["*{"], &["a{", r"\*\{"]),
        ] {
            let glob = Glob::parse(pattern).unwrap();
            for name in yes {
                assert!(glob.matches(name), "{pattern} {name}");
            }
            for name in no {
                assert!(!glob.matches(name), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn what_is_not_closed_or_too_much_is_no_pattern() {
        let many = "{a,b}".repeat(7);
        let long = "a".repeat(256);
        for wrong in ["[", "[]", "[!]", "{a", r"a\", "{a,{b}}", &many, &long] {
            assert!(Glob::parse(wrong).is_none(), "{wrong}");
        }
    }
}
