//! The settings of the program's handler.

use std::fmt;
use std::hint::black_box;

/// The settings of [`Relay`](crate::Relay), the same on every shard.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RelaySettings {
    /// The key for publishing over `/api`. Without a key the API is off.
    pub api_key: Option<ApiKey>,
    /// Whether each client of the structured protocol with a user is subscribed to the topic of
    /// that: `#ann`.
    pub has_user_topics: bool,
}

impl RelaySettings {
    /// Sets the key of the API.
    #[must_use]
    pub fn with_api_key(mut self, key: impl Into<ApiKey>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Has clients of the structured protocol subscribed to the topics of their users.
    #[must_use]
    pub fn with_user_topics(mut self, has_user_topics: bool) -> Self {
        self.has_user_topics = has_user_topics;
        self
    }
}

/// A secret that is not shown in debug output. An empty one allows nothing.
#[derive(Clone)]
pub struct ApiKey(String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

impl<T: Into<String>> From<T> for ApiKey {
    fn from(key: T) -> Self {
        Self(key.into())
    }
}

impl ApiKey {
    /// Compares in a time that does not depend on the place of the first difference, for keys of
    /// equal length.
    pub(super) fn is(&self, key: &[u8]) -> bool {
        let mine = self.0.as_bytes();
        let pairs = mine.iter().zip(key);
        let difference = pairs.fold(0, |all, (a, b)| black_box(all | (a ^ b)));
        !mine.is_empty() && mine.len() == key.len() && difference == 0
    }
}

#[cfg(test)]
mod tests {
    use super::ApiKey;

    #[test]
    fn a_key_is_itself_and_an_empty_one_is_none() {
        let key = ApiKey::from("secret");
        assert!(key.is(b"secret"));
        for other in ["", "secre", "secrets", "Secret", "sekret"] {
            assert!(!key.is(other.as_bytes()), "{other}");
        }
        assert!(!ApiKey::from("").is(b""), "an empty key opens nothing");
    }

    #[test]
    fn a_key_is_not_printed() {
        let settings = super::RelaySettings::default().with_api_key("secret");
        assert!(!format!("{settings:?}").contains("secret"));
    }
}
