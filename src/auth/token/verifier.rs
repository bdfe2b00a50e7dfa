//! Checks tokens: form, signature, claims.

use std::time::Duration;

use crate::auth::keys::endpoint::Endpoint;
use crate::auth::keys::{self, Key};
use crate::auth::principal::Principal;
use crate::auth::token::claims;
use crate::auth::token::compact::Token;
use crate::auth::token::json;
use crate::denial::Denial;
use crate::limits::{TOKEN_BYTES_MAX, TOKEN_LEEWAY, WORK_OF_TOKEN};

/// Checks tokens with the keys of the configuration and, if there is one, of an [`Endpoint`].
///
/// The algorithms are HS, RS and PS with 256, 384 and 512 bits, ES256, ES384 and EdDSA with
/// Ed25519.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Vec<Key>,
    endpoint: Option<Endpoint>,
    length_max: usize,
    expected: Expected,
    /// Of the checks since it was taken.
    work: usize,
}

/// What is expected of claims.
#[derive(Clone, Debug)]
pub(in crate::auth) struct Expected {
    pub(in crate::auth) issuers: Vec<String>,
    pub(in crate::auth) audiences: Vec<String>,
    /// In seconds.
    pub(in crate::auth) leeway: u64,
    pub(in crate::auth) user_claim: String,
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            audiences: Vec::new(),
            leeway: TOKEN_LEEWAY.as_secs(),
            user_claim: "sub".to_owned(),
        }
    }
}

impl Verifier {
    /// A verifier with these keys, for any issuer and audience.
    pub fn new(keys: Vec<Key>) -> Self {
        Self {
            keys,
            endpoint: None,
            length_max: TOKEN_BYTES_MAX,
            expected: Expected::default(),
            work: 0,
        }
    }

    /// Adds the keys that an endpoint fetches.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// Accepts tokens of these issuers only (`iss`). An empty list allows any.
    #[must_use]
    pub fn issuers(mut self, issuers: Vec<String>) -> Self {
        self.expected.issuers = issuers;
        self
    }

    /// Accepts tokens for one of these audiences only (`aud`). An empty list allows any.
    #[must_use]
    pub fn audiences(mut self, audiences: Vec<String>) -> Self {
        self.expected.audiences = audiences;
        self
    }

    /// Accepts times that are wrong by so much.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway.as_secs();
        self
    }

    /// The claim that names the user, instead of `sub`.
    #[must_use]
    pub fn user_claim(mut self, name: impl Into<String>) -> Self {
        self.expected.user_claim = name.into();
        self
    }

    /// Maximum length of a token in bytes.
    #[must_use]
    pub fn length_max(mut self, bytes: usize) -> Self {
        self.length_max = bytes;
        self
    }

    /// Checks a token at a time in seconds since the beginning of 1970.
    ///
    /// # Errors
    ///
    /// The first reason why it is not accepted.
    pub fn verify(&mut self, token: &str, now: u64) -> Result<Principal, Denial> {
        if self.length_max < token.len() {
            return Err(Denial::TooLong);
        }
        self.work += WORK_OF_TOKEN;
        let token = Token::parse(token)?;
        let fetched = match &mut self.endpoint {
            Some(endpoint) => endpoint.keys(),
            None => Some(&[][..]),
        };
        let is_fetched = fetched.is_some();
        let keys = self.keys.iter().chain(fetched.unwrap_or_default());
        let checked = keys::check(keys, &token, now);
        self.work += token.work();
        match checked {
            Err(Denial::UnknownKey | Denial::Algorithm) if !is_fetched => Err(Denial::NoKeys),
            Err(Denial::Signature) if !is_fetched && token.key_id.is_none() => Err(Denial::NoKeys),
            other => other,
        }?;
        let claims = json::object(&token.payload()?).map_err(|_| Denial::Claims)?;
        claims::check(claims, &self.expected, now)
    }

    /// What the checks since the last call took, in nominal nanoseconds (`limits::WORK_OF_TOKEN`),
    /// for [`Cx::charge`](crate::Cx::charge). Each key that was tried counts.
    pub fn take_work(&mut self) -> usize {
        std::mem::take(&mut self.work)
    }

    pub(in crate::auth) fn token_bytes_max(&self) -> usize {
        self.length_max
    }

    pub(in crate::auth) fn leeway_secs(&self) -> u64 {
        self.expected.leeway
    }

    /// The endpoint of keys, if there is one.
    pub(in crate::auth) fn fetches(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
pub(in crate::auth) mod tests;
