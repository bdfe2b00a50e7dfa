//! The settings of the program's handler.

use std::fmt;
use std::hint::black_box;

use crate::proto::http::Request;

/// The settings of [`Relay`](crate::Relay), the same on every shard.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RelaySettings {
    /// The key for publishing over `/api`. Without a key the API is off.
    pub api_key: Option<ApiKey>,
}

impl RelaySettings {
    /// Sets the key of the API.
    #[must_use]
    pub fn with_api_key(mut self, key: impl Into<ApiKey>) -> Self {
        self.api_key = Some(key.into());
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
    /// Whether a request has the key: in `X-API-Key`, or in `Authorization: apikey`, the scheme in
    /// any case.
    pub(super) fn opens(&self, request: &Request<'_>) -> bool {
        match request.header("x-api-key") {
            Some(key) => self.is(key),
            None => request.header("authorization").is_some_and(|value| {
                let mut words = value
                    .split(|byte| *byte == b' ')
                    .filter(|word| !word.is_empty());
                let scheme = words.next().unwrap_or_default();
                let key = words.next().unwrap_or_default();
                scheme.eq_ignore_ascii_case(b"apikey") && words.next().is_none() && self.is(key)
            }),
        }
    }

    /// Compares in a time that does not depend on the place of the first difference, for keys of
    /// equal length.
    fn is(&self, key: &[u8]) -> bool {
        let mine = self.0.as_bytes();
        let pairs = mine.iter().zip(key);
        let difference = pairs.fold(0, |all, (a, b)| black_box(all | (a ^ b)));
        !mine.is_empty() && mine.len() == key.len() && difference == 0
    }
}

#[cfg(test)]
mod tests {
    use super::ApiKey;
    use crate::proto::http::{Head, HeadLimits, NO_HEADERS, parse_head};

    fn opens(key: &str, fields: &str) -> bool {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut headers = NO_HEADERS;
        match parse_head(head.as_bytes(), &mut headers, HeadLimits::default()) {
            Ok(Head::Complete { request, .. }) => ApiKey::from(key).opens(&request),
            other => panic!("no request: {other:?}"),
        }
    }

    #[test]
    fn the_key_opens_in_either_field_and_nothing_else_does() {
        for good in [
            "X-API-Key: secret\r\n",
            "Authorization: apikey secret\r\n",
            "Authorization: ApiKey   secret\r\n",
        ] {
            assert!(opens("secret", good), "{good}");
        }
        for bad in [
            "",
            "X-API-Key: secre\r\n",
            "X-API-Key: secrets\r\n",
            "X-API-Key: Secret\r\n",
            "X-API-Key:\r\n",
            "X-API-Key: wrong\r\nAuthorization: apikey secret\r\n",
            "Authorization: secret\r\n",
            "Authorization: Bearer secret\r\n",
            "Authorization: apikey\r\n",
            "Authorization: apikey secret twice\r\n",
        ] {
            assert!(!opens("secret", bad), "{bad}");
        }
        assert!(!opens("", "X-API-Key:\r\n"), "an empty key opens nothing");
    }

    #[test]
    fn a_key_is_not_printed() {
        let settings = super::RelaySettings::default().with_api_key("secret");
        assert!(!format!("{settings:?}").contains("secret"));
    }
}
