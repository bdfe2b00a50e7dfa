//! Patterns of topics, in which parts stand for what the client is.

pub(crate) mod glob;
mod wildcards;

use thiserror::Error;

use crate::limits::TOPIC_BYTES_MAX;

/// The client whose names a pattern may have.
pub trait Names {
    /// What `{user}` stands for.
    fn user(&self) -> Option<&str>;

    /// What `{certificate}` stands for.
    fn certificate(&self) -> Option<&str>;

    /// What `{claim.NAME}` stands for.
    fn claim(&self, name: &str) -> Option<String>;
}

/// A pattern of topics. Levels are separated by `/`. The first `:` of the first level also ends a
/// level, for what follows it: `+` and `#` may stand there, as in `sensor:+/state`. At the
/// beginning of a pattern, `+` stands for all before the first `/`, with any `:`.
///
/// | part | stands for |
/// |---|---|
/// | `+` | one whole level, which may be empty |
/// | `#` | all levels from here on, or none; last in the pattern. After `:`, all that follows it |
/// | `{user}` | the client's user |
/// | `{certificate}` | the name of the client's certificate |
/// | `{claim.NAME}` | a claim of the client's token, a text or a whole number |
/// | `{NAME}` | one or more characters except `/`, `:` and those beside it in the pattern |
///
/// A user or a claim that is empty, or has a `/` or a character beside it in the pattern, stands
/// for nothing: it could name the topics of another. A letter or a digit before it does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Level,
    /// `/#` at the end.
    Rest,
    /// `#` alone, or after the `:` that ends a namespace.
    All,
    Run(Beside),
    User(Beside),
    Certificate(Beside),
    Claim(String, Beside),
}

/// The characters beside a name in braces: they separate it from other names, and what it stands
/// for has none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Beside {
    before: Option<char>,
    after: Option<char>,
}

impl Beside {
    fn of(before: &str, after: &str) -> Self {
        // A letter ends a word and no name, as in `room{id}`.
        let before = before.chars().next_back();
        let before = before.filter(|c| !c.is_alphanumeric());
        let after = after.chars().next();
        Self { before, after }
    }

    fn has(self, c: char) -> bool {
        c == '/' || self.before == Some(c) || self.after == Some(c)
    }
}

/// Why a text is no [`Pattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It is empty or longer than a topic may be, twice.
    #[error("a pattern has 1 to {} bytes", 2 * TOPIC_BYTES_MAX)]
    Length,
    /// `+` or `#` beside other characters of its level.
    #[error("+ and # stand for whole levels, between / or after the first : of a name")]
    Wildcard,
    /// `#` before the end.
    #[error("# must be the last level")]
    Rest,
    /// A brace without the other, or a name that is empty or has other characters.
    #[error(
        "a name in braces has letters, digits, _ and -, as in {{id}}, {{user}} or {{claim.team}}"
    )]
    Name,
    /// Two names with nothing between them.
    #[error("between two names in braces there must be a character")]
    Adjacent,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// The first rule that it violates.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() || 2 * TOPIC_BYTES_MAX < text.len() {
            return Err(PatternError::Length);
        }
        let mut parts = Vec::new();
        let (namespace, rest) = split_namespace(text);
        let is_wild = rest.starts_with("+/") || matches!(rest, "+" | "#");
        if !namespace.is_empty() && is_wild {
            parse_level(namespace, &mut parts)?;
            parse_levels(rest, &mut parts)?;
        } else {
            parse_levels(text, &mut parts)?;
        }
        let text = text.to_owned();
        Ok(Self { text, parts })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has a name of the client, so that each client has other topics.
    pub fn names_client(&self) -> bool {
        let is_of_client =
            |part: &Part| matches!(part, Part::User(_) | Part::Certificate(_) | Part::Claim(..));
        self.parts.iter().any(is_of_client)
    }

    /// Whether it has this claim of a token.
    #[cfg(feature = "auth")]
    pub(crate) fn names_claim(&self, name: &str) -> bool {
        let is_it = |part: &Part| matches!(part, Part::Claim(own, _) if own == name);
        self.parts.iter().any(is_it)
    }

    /// Whether it has a name in braces.
    pub(crate) fn has_name(&self) -> bool {
        let is_wild =
            |part: &Part| matches!(part, Part::Text(_) | Part::Level | Part::Rest | Part::All);
        !self.parts.iter().all(is_wild)
    }

    /// Whether a topic matches it, for this client.
    pub fn matches(&self, topic: &str, client: &impl Names) -> bool {
        let mut rest = topic;
        for part in &self.parts {
            let after = match part {
                Part::All => return true,
                Part::Rest => return rest.is_empty() || rest.starts_with('/'),
                Part::Text(text) => rest.strip_prefix(text.as_str()),
                Part::Level => Some(&rest[run(rest, |c| c == '/')..]),
                Part::Run(beside) => {
                    let len = run(rest, |c| c == ':' || beside.has(c));
                    (0 < len).then(|| &rest[len..])
                }
                Part::User(beside) => {
                    let user = client.user();
                    user.and_then(|user| strip(rest, user, *beside))
                }
                Part::Certificate(beside) => {
                    let name = client.certificate();
                    name.and_then(|name| strip(rest, name, *beside))
                }
                Part::Claim(name, beside) => {
                    let text = client.claim(name);
                    text.and_then(|text| strip(rest, &text, *beside))
                }
            };
            match after {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

/// No client: its names stand for nothing.
impl Names for () {
    fn user(&self) -> Option<&str> {
        None
    }

    fn certificate(&self) -> Option<&str> {
        None
    }

    fn claim(&self, _name: &str) -> Option<String> {
        None
    }
}

fn run(text: &str, ends: impl Fn(char) -> bool) -> usize {
    text.find(ends).unwrap_or(text.len())
}

fn strip<'t>(topic: &'t str, value: &str, beside: Beside) -> Option<&'t str> {
    let is_one_name = !value.is_empty() && !value.contains(|c| beside.has(c));
    is_one_name.then(|| topic.strip_prefix(value))?
}

fn push_text(parts: &mut Vec<Part>, more: &str) {
    match parts.last_mut() {
        _ if more.is_empty() => {}
        Some(Part::Text(text)) => text.push_str(more),
        _ => parts.push(Part::Text(more.to_owned())),
    }
}

/// The namespace of a name with its `:`, or nothing, and what follows it.
pub(crate) fn split_namespace(name: &str) -> (&str, &str) {
    match name.find([':', '/']) {
        Some(at) if name.as_bytes()[at] == b':' => name.split_at(at + 1),
        _ => ("", name),
    }
}

/// The levels of a name: its namespace, if it has one, and what `/` separates.
pub(crate) fn levels(name: &str) -> impl Iterator<Item = &str> {
    let (namespace, rest) = split_namespace(name);
    let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
    namespace.into_iter().chain(rest.split('/'))
}

fn parse_levels(text: &str, parts: &mut Vec<Part>) -> Result<(), PatternError> {
    if text == "#" {
        parts.push(Part::All);
        return Ok(());
    }
    let (body, has_rest) = match text.strip_suffix("/#") {
        Some(body) => (body, true),
        None => (text, false),
    };
    for (index, level) in body.split('/').enumerate() {
        if 0 < index {
            push_text(parts, "/");
        }
        match level {
            "+" => parts.push(Part::Level),
            "#" => return Err(PatternError::Rest),
            level => parse_level(level, parts)?,
        }
    }
    if has_rest {
        parts.push(Part::Rest);
    }
    Ok(())
}

fn parse_level(level: &str, parts: &mut Vec<Part>) -> Result<(), PatternError> {
    let mut rest = level;
    while let Some((before, after)) = rest.split_once('{') {
        check_text(before)?;
        push_text(parts, before);
        let (name, after) = after.split_once('}').ok_or(PatternError::Name)?;
        if after.starts_with('{') {
            return Err(PatternError::Adjacent);
        }
        let beside = Beside::of(before, after);
        parts.push(match name.strip_prefix("claim.") {
            Some(claim) if is_name(claim) => Part::Claim(claim.to_owned(), beside),
            None if name == "user" => Part::User(beside),
            None if name == "certificate" => Part::Certificate(beside),
            None if is_name(name) => Part::Run(beside),
            _ => return Err(PatternError::Name),
        });
        rest = after;
    }
    check_text(rest)?;
    push_text(parts, rest);
    Ok(())
}

fn check_text(text: &str) -> Result<(), PatternError> {
    if text.contains(['+', '#']) {
        return Err(PatternError::Wildcard);
    }
    if text.contains('}') {
        return Err(PatternError::Name);
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    !name.is_empty() && name.chars().all(is_letter)
}

#[cfg(test)]
mod tests;
