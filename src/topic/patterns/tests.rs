use std::collections::BTreeSet;

use super::*;
use crate::internals::Rng;
use crate::limits::{PATTERN_LEVELS_MAX, PATTERN_PLUS_MAX, TOPIC_BYTES_MAX};
use crate::pattern::{Pattern, PatternError};

type Index = Patterns<String>;

fn pattern(text: &str) -> TopicPattern {
    TopicPattern::parse(text).unwrap()
}

fn index(patterns: &[&str]) -> Index {
    let mut index = Index::default();
    for text in patterns {
        *index.get_or_add(&pattern(text)) = (*text).to_owned();
    }
    index
}

fn found(index: &Index, topic: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    index.each_match(topic, |text| assert!(found.insert(text.clone()), "{topic}"));
    found
}

/// By the words of the documentation, without the parts of a pattern.
fn naive(pattern: &str, topic: &str) -> bool {
    if topic.starts_with('$') && pattern.starts_with(['+', '#']) {
        return false;
    }
    let (mut patterns, mut topics) = (pattern.split('/'), topic.split('/'));
    let (first, first_of_topic) = (patterns.next().unwrap(), topics.next().unwrap());
    if first == "#" {
        return true;
    }
    if let Some(namespace) = first.strip_suffix('#') {
        return topic.starts_with(namespace);
    }
    let is_first = match first.strip_suffix('+') {
        Some(namespace) => first_of_topic.starts_with(namespace),
        None => first == first_of_topic,
    };
    is_first && naive_rest(&mut patterns, &mut topics)
}

fn naive_rest<'t>(
    patterns: &mut impl Iterator<Item = &'t str>,
    topics: &mut impl Iterator<Item = &'t str>,
) -> bool {
    match (patterns.next(), topics.next()) {
        (None, None) | (Some("#"), _) => true,
        (Some(pattern), Some(topic)) if pattern == "+" || pattern == topic => {
            naive_rest(patterns, topics)
        }
        _ => false,
    }
}

/// A name of few and short levels, so that many are alike; with wildcards, perhaps a pattern.
fn name(rng: &mut Rng, has_wildcards: bool) -> String {
    let texts = ["a", "b", "", "$a", "a:b"];
    let mut name = ["", "", "a:", "b:", ":", "$a:", "$"][rng.below(7)].to_owned();
    let count = 1 + rng.below(4);
    for at in 0..count {
        if 0 < at {
            name.push('/');
        }
        match rng.below(3) {
            0 if has_wildcards => name.push('+'),
            1 if has_wildcards && at + 1 == count => name.push('#'),
            _ => name.push_str(texts[rng.below(texts.len())]),
        }
    }
    name
}

#[test]
fn an_index_finds_exactly_the_patterns_that_match() {
    for seed in 0..200 {
        let rng = &mut Rng::new(seed);
        let (mut index, mut present) = (Index::default(), BTreeSet::new());
        for _ in 0..200 {
            let text = name(rng, true);
            let Ok(pattern) = TopicPattern::parse(&text) else {
                continue;
            };
            if rng.below(3) == 0 {
                assert_eq!(index.remove(&pattern).is_some(), present.remove(&text));
            } else {
                index.get_or_add(&pattern).clone_from(&text);
                present.insert(text);
            }
            assert_eq!(index.len(), present.len());
            let topic = name(rng, false);
            let expected = present.iter().filter(|text| naive(text, &topic));
            let expected: BTreeSet<String> = expected.cloned().collect();
            assert_eq!(found(&index, &topic), expected, "seed {seed}: {topic}");
            let is_of_rule = |text: &String| Pattern::parse(text).unwrap().matches(&topic, &());
            if !topic.starts_with('$') {
                assert!(
                    present
                        .iter()
                        .all(|text| naive(text, &topic) == is_of_rule(text))
                );
            }
        }
        for text in present {
            assert_eq!(index.remove(&pattern(&text)).as_ref(), Some(&text));
        }
        assert_eq!(
            (index.bytes(), index.levels.len(), index.texts.len()),
            (0, 1, 0)
        );
    }
}

#[test]
fn a_colon_before_the_first_slash_ends_a_level() {
    let index = index(&[
        "sensor:+",
        "sensor:+/temp",
        "sensor:#",
        "+/temp",
        "+",
        "sensor:7/+",
    ]);
    for (topic, expected) in [
        ("sensor:7", vec!["+", "sensor:#", "sensor:+"]),
        (
            "sensor:7/temp",
            vec!["+/temp", "sensor:#", "sensor:+/temp", "sensor:7/+"],
        ),
        ("sensor:", vec!["+", "sensor:#", "sensor:+"]),
        ("sensor", vec!["+"]),
        ("a:b/temp", vec!["+/temp"]),
        ("a/sensor:7", vec![]),
    ] {
        let found = found(&index, topic);
        assert!(found.iter().eq(expected), "{topic}: {found:?}");
    }
}

#[test]
fn a_wildcard_that_begins_a_pattern_matches_no_topic_of_the_server_itself() {
    let index = index(&["#", "+/a", "$SYS/#", "$SYS/+", "a/+", "+/#"]);
    let found = |topic| found(&index, topic);
    assert!(found("$SYS/a").iter().eq(&["$SYS/#", "$SYS/+"]));
    assert!(found("a/$SYS").iter().eq(&["#", "+/#", "a/+"]));
    assert!(found("$").is_empty());
}

#[test]
fn an_index_without_patterns_finds_none_and_takes_no_memory() {
    let mut index = Index::default();
    assert!(found(&index, "a/b").is_empty());
    assert_eq!(index.remove(&pattern("a/+")), None);
    assert_eq!(index.get_mut(&pattern("a/+")), None);
    assert_eq!((index.entries(), index.texts.capacity()), (0, 0));
}

#[test]
fn a_topic_with_more_levels_than_patterns_have_matches_those_that_end_with_the_rest() {
    let deep = ["a"; PATTERN_LEVELS_MAX].join("/");
    let index = index(&["a/#", &format!("{deep}/#"), &format!("+{}", &deep[1..])]);
    assert_eq!(found(&index, &deep).len(), 3);
    assert_eq!(found(&index, &format!("{deep}/a")).len(), 2);
    assert_eq!(found(&index, &"/".repeat(TOPIC_BYTES_MAX)).len(), 0);
}

#[test]
fn a_text_that_is_no_pattern_to_subscribe_to_is_refused() {
    let parse = |text: &str| TopicPattern::parse(text).unwrap_err();
    let joined = |level: &str, count: usize| vec![level; count].join("/");
    assert_eq!(parse("a/b"), TopicPatternError::OneTopic);
    assert_eq!(
        parse("a+"),
        TopicPatternError::Pattern(PatternError::Wildcard)
    );
    assert_eq!(parse("{user}/#"), TopicPatternError::Name);
    assert_eq!(parse("a/{id}/+"), TopicPatternError::Name);
    assert_eq!(
        parse(&joined("+", PATTERN_PLUS_MAX + 1)),
        TopicPatternError::Levels
    );
    let deep = format!("{}/#", joined("a", PATTERN_LEVELS_MAX + 1));
    assert_eq!(parse(&deep), TopicPatternError::Levels);
    let long = format!("{}/#", "x".repeat(TOPIC_BYTES_MAX - 1));
    assert!(matches!(parse(&long), TopicPatternError::Length(_)));
    assert_eq!(pattern(&long[1..]).as_str(), &long[1..]);
    pattern(&format!("{}/#", joined("+", PATTERN_PLUS_MAX)));
}

#[test]
fn a_topic_for_some_users_alone_matches_no_pattern() {
    let index = index(&["#", "dialog/+", "+/+"]);
    for topic in ["#ann", "dialog/#ann", "dialog#ann,bob", "dialog/a#ann"] {
        assert!(found(&index, topic).is_empty(), "{topic}");
    }
    assert_eq!(found(&index, "dialog/ann").len(), 3);
}

#[test]
fn a_pattern_takes_no_more_than_it_says() {
    let mut index = Index::default();
    for text in ["#", "a/+", "a/b/c/#", "sensor:+/temp"] {
        let (pattern, before) = (pattern(text), index.bytes());
        index.get_or_add(&pattern);
        assert!(index.bytes() - before <= pattern.bytes(), "{text}");
    }
}

#[test]
fn an_index_that_is_nearly_empty_is_small() {
    let mut index = Index::default();
    let each = |number: usize| pattern(&format!("{number}/+"));
    for number in 0..20_000 {
        index.get_or_add(&each(number));
    }
    let before = index.entries();
    for number in 10..20_000 {
        index.remove(&each(number)).unwrap();
    }
    assert!(before / 2 < index.give_back());
    assert!(index.entries() < 100 && index.texts.capacity() < 100);
    assert!((0..10).all(|number| index.get_mut(&each(number)).is_some()));
}
