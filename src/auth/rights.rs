//! The rights that a token gives its client.

use crate::auth::rules::Action;

/// Rights that a token carries. All are about topics as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights(Vec<Right>);

/// Topics, and what is allowed with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Right {
    pub(crate) topics: Vec<String>,
    /// Whether `*` in a topic stands for any number of characters.
    pub(crate) has_wildcards: bool,
    pub(crate) allow: Vec<Action>,
}

impl Rights {
    /// The topics of all of them.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flat_map(|right| &right.topics)
    }

    #[cfg(any(test, feature = "auth"))]
    pub(crate) fn new(rights: Vec<Right>) -> Self {
        Self(rights)
    }

    /// Whether the token allows it.
    pub fn allow(&self, action: Action, topic: &str) -> bool {
        self.any(action, topic, covers)
    }

    /// Whether the token allows to subscribe to a pattern: it names the pattern, or all its topics.
    pub(crate) fn allow_pattern(&self, pattern: &str) -> bool {
        self.any(Action::Subscribe, pattern, covers_pattern)
    }

    /// Whether a right to this action names the text, or covers it with a wildcard.
    fn any(&self, action: Action, text: &str, covers: fn(&str, &str) -> bool) -> bool {
        let mut rights = self.0.iter().filter(|right| right.allow.contains(&action));
        rights.any(|right| {
            let mut topics = right.topics.iter();
            topics.any(|own| own == text || (right.has_wildcards && covers(own, text)))
        })
    }
}

/// Stands for what a wildcard of a pattern matches.
const HOLE: &str = "\u{10FFFF}";

/// Whether a text with `*` for any number of characters covers a topic. Returns to the last `*`
/// alone, so that the time is bounded by the product of both lengths.
fn covers(pattern: &str, topic: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| topic.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        // The first place is as good as any: what follows may begin with anything.
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

/// Whether a text with `*` covers all topics of a pattern: only a `*` covers what wildcards stand
/// for.
fn covers_pattern(own: &str, pattern: &str) -> bool {
    let (before, rest) = match pattern.strip_suffix("/#") {
        Some(before) => (before, Some("/")),
        None => (pattern, None),
    };
    let topic = before.replace(['+', '#'], HOLE);
    let covers_rest = |rest| covers(own, &format!("{topic}{rest}{HOLE}"));
    !own.contains(HOLE) && covers(own, &topic) && rest.is_none_or(covers_rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_number_of_characters() {
        for (pattern, topic, expected) in [
            ("a*", "a", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*", "", true),
            ("*b", "ab", true),
            ("*b", "abc", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "axxbxxc", true),
            ("a*b*c", "axxcxxb", false),
            ("**", "x", true),
            ("a", "ab", false),
        ] {
            assert_eq!(covers(pattern, topic), expected, "{pattern} {topic}");
        }
    }

    #[test]
    fn a_right_is_for_its_topics_and_actions_alone() {
        let right = |has_wildcards| {
            Rights::new(vec![Right {
                topics: vec!["news*".to_owned()],
                has_wildcards,
                allow: vec![Action::Subscribe],
            }])
        };
        assert!(right(true).allow(Action::Subscribe, "news/1"));
        assert!(!right(true).allow(Action::Publish, "news/1"));
        assert!(!right(true).allow(Action::Subscribe, "new"));
        assert!(!right(false).allow(Action::Subscribe, "news/1"));
        assert!(right(false).allow(Action::Subscribe, "news*"));
    }

    #[test]
    fn a_right_is_for_a_pattern_if_it_names_it_or_covers_all_its_topics() {
        for (own, pattern, expected) in [
            ("sensor:+", "sensor:+", true),
            ("sensor:*", "sensor:+", true),
            ("sensor:*", "sensor:#", true),
            ("sensor:*", "sensor:+/temp", true),
            ("sensor:*/temp", "sensor:+/temp", true),
            ("sensor:*/temp", "sensor:+", false),
            ("sensor:a*", "sensor:+", false),
            ("sensor:+*", "sensor:+/temp", false),
            ("a/*", "a/#", false),
            ("a*", "a/#", true),
            ("*", "#", true),
            ("a", "+", false),
            ("a\u{10FFFF}*", "a/#", false),
        ] {
            let right = Rights::new(vec![Right {
                topics: vec![own.to_owned()],
                has_wildcards: true,
                allow: vec![Action::Subscribe],
            }]);
            assert_eq!(right.allow_pattern(pattern), expected, "{own} {pattern}");
        }
        let publish = Rights::new(vec![Right {
            topics: vec!["*".to_owned()],
            has_wildcards: true,
            allow: vec![Action::Publish],
        }]);
        assert!(!publish.allow_pattern("a/+"));
    }
}
