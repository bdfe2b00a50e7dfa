//! The identity of a client, and the rights that its token gives it.

use std::fmt;

use data_encoding::BASE64;
use serde_json::{Map, Value};

use crate::auth::rights::Rights;
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
        let topics = self.rights.topics();
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
