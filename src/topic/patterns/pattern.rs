//! A pattern that is subscribed to.

use thiserror::Error;

use crate::limits::{PATTERN_LEVELS_MAX, PATTERN_PLUS_MAX};
use crate::pattern::{Pattern, PatternError, levels};
use crate::topic::patterns::level::LEVEL_BYTES;
use crate::topic::{Topic, TopicNameError};

/// A pattern that a client subscribes to: a [`Pattern`] with `+` or `#` and without names in
/// braces.
///
/// Levels are separated by `/`, and a `:` before the first `/` ends a level as well: `sensor:+`
/// matches `sensor:17`, `sensor:+/temp` matches `sensor:17/temp`, and `sensor:#` all that begins
/// with `sensor:`.
/// A `+` or `#` that begins a pattern matches no topic that begins with `$`. No pattern matches a
/// topic with a `#` in its name: that may list the users that alone may read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TopicPattern(Topic);

/// Why a text is no [`TopicPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TopicPatternError {
    /// It is the name of one topic.
    #[error("it has no + and no #")]
    OneTopic,
    /// It is no pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// It has a name in braces.
    #[error("names in braces are for rules")]
    Name,
    /// It is longer than a topic may be.
    #[error(transparent)]
    Length(#[from] TopicNameError),
    /// It has too many levels.
    #[error("a pattern has at most {PATTERN_LEVELS_MAX} levels, {PATTERN_PLUS_MAX} of them +")]
    Levels,
}

/// A level of a pattern, except `#`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'p> {
    Plus,
    Text(&'p str),
}

impl TopicPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// The first rule that it violates.
    pub fn parse(text: &str) -> Result<Self, TopicPatternError> {
        if !text.contains(['+', '#']) {
            return Err(TopicPatternError::OneTopic);
        }
        if Pattern::parse(text)?.has_name() {
            return Err(TopicPatternError::Name);
        }
        let pattern = Self(Topic::pattern(text)?);
        let plus = pattern.steps().filter(|step| *step == Step::Plus);
        if PATTERN_LEVELS_MAX < pattern.steps().count() || PATTERN_PLUS_MAX < plus.count() {
            return Err(TopicPatternError::Levels);
        }
        Ok(pattern)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.0.name()
    }

    /// It as what subscribers are found by.
    pub(crate) fn topic(&self) -> &Topic {
        &self.0
    }

    /// The pattern that this is, if it is one.
    pub(crate) fn of(topic: &Topic) -> Option<Self> {
        topic.is_pattern().then(|| Self(topic.clone()))
    }

    /// Memory that an index takes for it, at most.
    pub(crate) fn bytes(&self) -> usize {
        self.as_str().len() + LEVEL_BYTES * self.steps().count()
    }

    pub(super) fn has_rest(&self) -> bool {
        self.as_str().ends_with('#')
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let steps = levels(self.as_str()).filter(|level| *level != "#");
        steps.map(|level| {
            if level == "+" {
                Step::Plus
            } else {
                Step::Text(level)
            }
        })
    }
}
