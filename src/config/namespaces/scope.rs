//! The topics that settings are for, by their names.

use thiserror::Error;

use crate::limits::TOPIC_BYTES_MAX;
use crate::pattern::{Pattern, PatternError, split_namespace};

/// The topics that settings are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those whose names have this before their first `:`.
    Name(String),
    /// Those whose whole names match.
    Pattern(Pattern),
}

/// Why a text is no [`Scope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// The name is empty or longer than that of a topic.
    #[error("a name has 1 to {TOPIC_BYTES_MAX} bytes")]
    Length,
    /// The name has a `:`.
    #[error("the name of a namespace ends before the first `:`")]
    Colon,
    /// The pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The pattern has a name of the client, and settings are the same for all clients.
    #[error("settings do not depend on the client; write {{id}} or + in place of its name")]
    Client,
}

impl Scope {
    /// The topics whose names have `name` before their first `:`.
    ///
    /// # Errors
    ///
    /// No topic has that.
    pub fn name(name: &str) -> Result<Self, ScopeError> {
        if name.is_empty() || TOPIC_BYTES_MAX < name.len() {
            return Err(ScopeError::Length);
        }
        if name.contains(':') {
            return Err(ScopeError::Colon);
        }
        Ok(Self::Name(name.to_owned()))
    }

    /// The topics that match a pattern, as in the rules of [`auth`](crate::auth).
    ///
    /// # Errors
    ///
    /// It is no pattern of topics alone.
    pub fn pattern(text: &str) -> Result<Self, ScopeError> {
        let pattern = Pattern::parse(text)?;
        if pattern.names_client() {
            return Err(ScopeError::Client);
        }
        Ok(Self::Pattern(pattern))
    }

    /// Whether it has the topic of this name.
    pub(crate) fn has(&self, topic: &str) -> bool {
        match self {
            Self::Name(name) => {
                let rest = topic.strip_prefix(name.as_str());
                rest.is_some_and(|rest| rest.starts_with(':'))
            }
            Self::Pattern(pattern) => pattern.matches(topic, &()),
        }
    }

    /// Whether it may have a topic that matches a pattern with `+` and `#` alone, which has a
    /// namespace.
    pub(super) fn may_have(&self, wildcards: &str) -> bool {
        match self {
            Self::Name(name) => namespace_of(wildcards) == Some(name),
            Self::Pattern(pattern) => pattern.overlaps(wildcards),
        }
    }
}

/// What a name has before the first `:` of its first level. What lists users is no namespace, as in
/// `#acme:ann`.
pub(super) fn namespace_of(name: &str) -> Option<&str> {
    let (namespace, _) = split_namespace(name);
    let namespace = namespace.strip_suffix(':')?;
    (!namespace.contains('#')).then_some(namespace)
}
