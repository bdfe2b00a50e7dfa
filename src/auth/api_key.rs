//! API keys, known by their hashes alone.

use data_encoding::HEXLOWER_PERMISSIVE;
use thiserror::Error;

/// API keys by name. Only their hashes are kept, so that a configuration file does not give them
/// away. A key must be as long as a random one: a hash of a short key can be guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<ApiKey>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct ApiKey {
    name: String,
    hash: [u8; HASH_BYTES],
}

/// Why a text is no API key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// It is not a name and a hash.
    #[error(
        "an API key is its name and the SHA-256 of the key in 64 hexadecimal digits, as in \
         `backend sha256:9f86...`"
    )]
    Form,
    /// Two keys have this name.
    #[error("two API keys are called {0:?}")]
    Repeated(String),
}

impl ApiKeys {
    /// Reads keys, each as `NAME sha256:HASH` with the hash in 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// The first text that is no key.
    pub fn parse<T: AsRef<str>>(keys: impl IntoIterator<Item = T>) -> Result<Self, ApiKeyError> {
        let mut all: Vec<ApiKey> = Vec::new();
        for text in keys {
            let key = ApiKey::parse(text.as_ref()).ok_or(ApiKeyError::Form)?;
            if all.iter().any(|other| other.name == key.name) {
                return Err(ApiKeyError::Repeated(key.name));
            }
            all.push(key);
        }
        Ok(Self(all))
    }

    /// The keys as [`parse`](Self::parse) takes them.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        let text = |key: &ApiKey| {
            let hash = HEXLOWER_PERMISSIVE.encode(&key.hash);
            format!("{} sha256:{hash}", key.name)
        };
        self.0.iter().map(text)
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of a key. All are compared, each in a time that does not depend on the place of the
    /// first difference.
    #[cfg(feature = "auth")]
    pub fn find(&self, key: &[u8]) -> Option<&str> {
        use aws_lc_rs::constant_time::verify_slices_are_equal;
        use aws_lc_rs::digest::{SHA256, digest};

        let hash = digest(&SHA256, key);
        let mut name = None;
        for own in &self.0 {
            if verify_slices_are_equal(&own.hash, hash.as_ref()).is_ok() {
                name = Some(own.name.as_str());
            }
        }
        name
    }
}

impl ApiKey {
    fn parse(text: &str) -> Option<Self> {
        let (name, hash) = text.trim().split_once(' ')?;
        let hash = hash.trim_start().strip_prefix("sha256:")?;
        let hash = HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).ok()?;
        Some(Self {
            name: name.to_owned(),
            hash: hash.try_into().ok()?,
        })
    }
}

const HASH_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the text "test", by `printf test | sha256sum`.
    const TEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    #[cfg(feature = "auth")]
    fn a_key_is_found_by_its_hash() {
        let other = "0".repeat(64);
        let texts = [format!("a sha256:{other}"), format!("b  sha256:{TEST}")];
        let keys = ApiKeys::parse(texts).unwrap();
        assert_eq!(keys.find(b"test"), Some("b"));
        assert_eq!(keys.find(b"tesT"), None);
        assert_eq!(keys.find(b""), None);
    }

    #[test]
    fn a_text_that_is_no_key_is_refused() {
        for bad in [
            String::new(),
            "name".to_owned(),
            format!("sha256:{TEST}"),
            format!("name {TEST}"),
            format!("name sha256:{}", &TEST[1..]),
            format!("name sha256:{TEST}00"),
            format!("name sha256:{}", TEST.replace('9', "x")),
        ] {
            assert_eq!(ApiKeys::parse([&bad]), Err(ApiKeyError::Form), "{bad}");
        }
        let twice = [format!("a sha256:{TEST}"), format!("a sha256:{TEST}")];
        let error = ApiKeys::parse(twice).unwrap_err();
        assert_eq!(error, ApiKeyError::Repeated("a".to_owned()));
    }

    #[test]
    fn keys_are_written_as_they_are_read() {
        let texts = [format!("a sha256:{TEST}")];
        let keys = ApiKeys::parse(&texts).unwrap();
        assert_eq!(keys.texts().collect::<Vec<_>>(), texts);
    }
}
