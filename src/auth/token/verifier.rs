//! Checks tokens: form, signature, claims.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::auth::keys::endpoint::Endpoint;
use crate::auth::keys::{self, Key};
use crate::auth::principal::Principal;
use crate::auth::revocations::{Revocations, RevokedList};
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
    revocations: Revocations,
    revoked: RevokedList,
    /// Of the checks since it was taken.
    work: usize,
}

/// Checks the claims of a token at a time, and returns the client that they describe.
type CheckOfClaims = fn(Map<String, Value>, &Expected, u64) -> Result<Principal, Denial>;

/// What is expected of claims.
#[derive(Clone, Debug)]
pub(in crate::auth) struct Expected {
    pub(in crate::auth) issuers: Vec<String>,
    pub(in crate::auth) audiences: Vec<String>,
    /// In seconds.
    pub(in crate::auth) leeway: u64,
    pub(in crate::auth) user_claim: String,
    pub(in crate::auth) requires_expiry: bool,
    /// In seconds.
    pub(in crate::auth) age_max: Option<u64>,
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            audiences: Vec::new(),
            leeway: TOKEN_LEEWAY.as_secs(),
            user_claim: "sub".to_owned(),
            requires_expiry: false,
            age_max: None,
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
            revocations: Revocations::default(),
            revoked: RevokedList::default(),
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

    /// Accepts only tokens that expire (`exp`).
    #[must_use]
    pub fn require_expiry(mut self, is_required: bool) -> Self {
        self.expected.requires_expiry = is_required;
        self
    }

    /// Accepts only tokens that were issued (`iat`) no longer ago than this, whatever their `exp`.
    #[must_use]
    pub fn token_age_max(mut self, age: Option<Duration>) -> Self {
        self.expected.age_max = age.map(|age| age.as_secs());
        self
    }

    /// Refuses the tokens of this list.
    #[must_use]
    pub fn revoked(mut self, list: RevokedList) -> Self {
        self.revoked = list;
        self
    }

    /// Refuses what is revoked there, instead of in a table of its own.
    #[must_use]
    pub fn with_revocations(mut self, revocations: &Revocations) -> Self {
        self.revocations = revocations.clone();
        self
    }

    /// The table of revoked users and tokens, to which any thread may add. Clones of a verifier
    /// have the same.
    pub fn revocations(&self) -> Revocations {
        self.revocations.clone()
    }

    /// Has the table of revocations forget what is of no effect for this verifier.
    pub(crate) fn adopt_revocations(&self) {
        let Expected {
            age_max, leeway, ..
        } = self.expected;
        self.revocations.adopt_ages(age_max, leeway);
    }

    /// Checks a token at a time in seconds since the beginning of 1970.
    ///
    /// # Errors
    ///
    /// The first reason why it is not accepted.
    pub fn verify(&mut self, token: &str, now: u64) -> Result<Principal, Denial> {
        self.verify_by(token, now, claims::check)
    }

    /// Checks a token for one subscription: its claim `channel` names the topic.
    ///
    /// # Errors
    ///
    /// The first reason why it is not accepted.
    pub fn verify_subscription(&mut self, token: &str, now: u64) -> Result<Principal, Denial> {
        self.verify_by(token, now, claims::check_subscription)
    }

    fn verify_by(
        &mut self,
        token: &str,
        now: u64,
        check: CheckOfClaims,
    ) -> Result<Principal, Denial> {
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
        let client = check(claims, &self.expected, now)?;
        if self.has_revoked(&client, now) {
            return Err(Denial::Revoked);
        }
        Ok(client)
    }

    /// Whether the token of a client that was checked is revoked by now.
    pub(in crate::auth) fn has_revoked(&self, client: &Principal, now: u64) -> bool {
        let issued = claims::time(&client.claims, "iat").ok().flatten();
        let (list, leeway) = (&self.revoked, self.expected.leeway);
        let revocations = &self.revocations;
        revocations.concern(list, client, issued, leeway, now)
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
    pub(crate) fn fetches(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
pub(in crate::auth) mod tests;
