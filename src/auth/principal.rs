//! The identity of a client, and the rights that its token gives it.

use std::fmt;

use data_encoding::BASE64;
use serde_json::{Map, Value};

use crate::auth::rules::Action;
use crate::pattern::Names;

/// A client, as its credential describes it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Principal {
    /// Its identity.
    pub identity: Identity,
    /// What its token allows beyond the rules of the server.
    pub rights: Rights,
    /// When its connection ends, in seconds since the beginning of 1970.
    pub expires_at: Option<u64>,
    /// All claims of its token.
    pub claims: Map<String, Value>,
}

/// The identity of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// It has sent no credential.
    #[default]
    Anonymous,
    /// The user that its token names; empty: a token for an anonymous user.
    User(String),
    /// It has sent the API key of this name.
    Key(String),
    /// It has shown a certificate with this name.
    Certificate(String),
}

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

impl Principal {
    /// A client with this identity and no token.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            ..Self::default()
        }
    }

    /// The name that `{user}` in a pattern stands for.
    pub fn user(&self) -> Option<&str> {
        match &self.identity {
            Identity::User(name) if !name.is_empty() => Some(name),
            _ => None,
        }
    }

    /// The name that `{certificate}` in a pattern stands for.
    pub fn certificate(&self) -> Option<&str> {
        match &self.identity {
            Identity::Certificate(name) => Some(name),
            _ => None,
        }
    }

    /// The topics that its token subscribes it to (`channels`, `subs`).
    pub(crate) fn topics(&self) -> impl Iterator<Item = &str> {
        let channels = self.claims.get("channels").and_then(Value::as_array);
        let channels = channels.into_iter().flatten().filter_map(Value::as_str);
        let subs = self.claims.get("subs").and_then(Value::as_object);
        let subs = subs.into_iter().flat_map(Map::keys);
        channels.chain(subs.map(String::as_str))
    }

    /// A claim that is a text; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.claims
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// What others are told of it, as its token says: JSON, or any bytes.
    pub(crate) fn info(&self) -> Vec<u8> {
        claim(&self.claims, "info", "b64info")
    }

    /// Drops all that does not tell whether its token is revoked.
    pub(crate) fn keep_token_alone(&mut self) {
        self.rights = Rights::default();
        self.claims
            .retain(|name, _| matches!(name.as_str(), "iat" | "jti"));
    }

    /// Memory that it takes, about: a token may have many claims.
    pub(crate) fn held_bytes(&self) -> usize {
        let Rights(rights) = &self.rights;
        let topics = rights.iter().flat_map(|right| &right.topics);
        let topics = topics.map(|topic| size_of::<String>() + topic.capacity());
        size_of::<Self>() + bytes_of_members(&self.claims) + topics.sum::<usize>()
    }
}

impl Names for Principal {
    fn user(&self) -> Option<&str> {
        self.user()
    }

    fn certificate(&self) -> Option<&str> {
        self.certificate()
    }

    /// A claim that is a text or a whole number, as text.
    fn claim(&self, name: &str) -> Option<String> {
        match self.claims.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            _ => None,
        }
    }
}

/// The JSON of a claim, or the bytes of another in base64.
pub(crate) fn claim(claims: &Map<String, Value>, name: &str, b64name: &str) -> Vec<u8> {
    let bytes = claims.get(b64name).and_then(Value::as_str);
    let bytes = bytes.and_then(|text| BASE64.decode(text.as_bytes()).ok());
    bytes.unwrap_or_else(|| {
        let json = claims.get(name).map(Value::to_string);
        json.map(String::into_bytes).unwrap_or_default()
    })
}

fn bytes_of_members(members: &Map<String, Value>) -> usize {
    let bytes =
        |(name, value): (&String, &Value)| size_of::<String>() + name.capacity() + bytes_of(value);
    members.iter().map(bytes).sum()
}

/// As deep as the parser of tokens goes.
fn bytes_of(value: &Value) -> usize {
    let more = match value {
        Value::String(text) => text.capacity(),
        Value::Array(values) => values.iter().map(bytes_of).sum(),
        Value::Object(members) => bytes_of_members(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + more
}

impl Identity {
    /// Whether it has no name: a token without a user is that of an anonymous client.
    pub fn is_anonymous(&self) -> bool {
        match self {
            Self::Anonymous => true,
            Self::User(name) => name.is_empty(),
            _ => false,
        }
    }
}

impl Rights {
    #[cfg(any(test, feature = "auth"))]
    pub(crate) fn new(rights: Vec<Right>) -> Self {
        Self(rights)
    }

    /// Whether the token allows it.
    pub fn allow(&self, action: Action, topic: &str) -> bool {
        let mut rights = self.0.iter();
        rights.any(|right| right.allow.contains(&action) && right.covers(topic))
    }
}

impl Right {
    fn covers(&self, topic: &str) -> bool {
        let mut topics = self.topics.iter();
        topics.any(|own| own == topic || (self.has_wildcards && covers(own, topic)))
    }
}

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

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(name) => write!(f, "user {name:?}"),
            Self::Key(name) => write!(f, "API key {name:?}"),
            Self::Certificate(name) => write!(f, "certificate {name:?}"),
        }
    }
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
}
