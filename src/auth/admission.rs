//! From a credential to a client and what it may do.

use std::time::Duration;

use crate::auth::api_key::ApiKeys;
use crate::auth::credential::Credential;
use crate::auth::principal::{Identity, Principal};
use crate::auth::revoke_error::RevokeError;
use crate::auth::rules::{Action, Decider, Rules, Verdict};
use crate::auth::token::verifier::Verifier;
use crate::denial::Denial;
use crate::limits::WORK_OF_TOKEN;

/// All that decides about clients: tokens, API keys, certificates and rules.
#[derive(Clone, Debug)]
pub struct Auth {
    /// Checks tokens.
    pub verifier: Verifier,
    /// The API keys.
    pub api_keys: ApiKeys,
    /// What each client may do.
    pub rules: Rules,
    /// Whether clients without a credential are served, as the rules allow.
    pub anonymous: bool,
    /// Whether everything is allowed. Credentials that are sent are checked nevertheless.
    pub insecure: bool,
}

impl Auth {
    /// The client that has sent a credential, or else has shown a certificate with this name, at a
    /// time in seconds since the beginning of 1970.
    ///
    /// # Errors
    ///
    /// The credential is not accepted, or there is none and anonymous clients are not served.
    pub fn identify(
        &mut self,
        credential: Option<Credential<'_>>,
        certificate: Option<&str>,
        now: u64,
    ) -> Result<Principal, Denial> {
        let client = match (credential, certificate) {
            (Some(Credential::Token(token)), _) => self.verifier.verify(token, now)?,
            (Some(Credential::Key(key)), _) => self.find_api_key(key)?,
            (None, Some(name)) => Principal::new(Identity::Certificate(name.to_owned())),
            (None, None) => Principal::default(),
        };
        if !self.serves(&client) {
            return Err(Denial::Missing);
        }
        Ok(client)
    }

    /// Whether the token of a client that was [identified](Self::identify) is revoked by now.
    pub(crate) fn has_revoked(&self, client: &Principal, now: u64) -> bool {
        self.verifier.has_revoked(client, now)
    }

    /// As [`Revocations::revoke_user`](crate::auth::Revocations::revoke_user).
    pub(crate) fn revoke_user(
        &self,
        user: &str,
        issued_before: u64,
        now: u64,
    ) -> Result<(), RevokeError> {
        let table = self.verifier.revocations();
        table.revoke_user(user, issued_before, now)
    }

    /// As [`Revocations::revoke_token`](crate::auth::Revocations::revoke_token).
    pub(crate) fn revoke_token(&self, id: &str, until: u64, now: u64) -> Result<(), RevokeError> {
        self.verifier.revocations().revoke_token(id, until, now)
    }

    /// Whether a client is served at all, as the rules allow.
    pub fn serves(&self, client: &Principal) -> bool {
        self.anonymous || self.insecure || !client.identity.is_anonymous()
    }

    /// Decides what a client may do.
    pub fn decide(&self, client: &Principal, action: Action, topic: &str) -> Verdict<'_> {
        let by_rules = || self.rules.decide(client, action, topic);
        self.insecurely().unwrap_or_else(by_rules)
    }

    /// Decides whether a client may subscribe to a pattern.
    pub(crate) fn decide_pattern(&self, client: &Principal, pattern: &str) -> Verdict<'_> {
        let by_rules = || self.rules.decide_pattern(client, pattern);
        self.insecurely().unwrap_or_else(by_rules)
    }

    fn insecurely(&self) -> Option<Verdict<'_>> {
        self.insecure.then_some(Verdict {
            is_allowed: true,
            by: Decider::Insecure,
        })
    }

    /// What the check of this credential took, in nominal nanoseconds.
    pub fn take_work(&mut self, credential: Credential<'_>) -> usize {
        match credential {
            Credential::Token(_) => self.verifier.take_work(),
            Credential::Key(_) => WORK_OF_TOKEN,
        }
    }

    /// How long the connection of a client may live: until its token would not be accepted any
    /// more. `None`: it has no end.
    pub fn lifetime(&self, client: &Principal, now: u64) -> Option<Duration> {
        let end = client
            .expires_at?
            .saturating_add(self.verifier.leeway_secs());
        Some(Duration::from_secs(end.saturating_sub(now)))
    }

    /// What a token for one subscription says.
    pub(crate) fn verify_subscription(
        &mut self,
        token: &str,
        now: u64,
    ) -> Result<Principal, Denial> {
        self.verifier.verify_subscription(token, now)
    }

    /// Drops claims of a client that no rule asks for.
    pub(crate) fn keep_named_claims(&self, client: &mut Principal) {
        client.claims.retain(|name, _| self.rules.names_claim(name));
    }

    /// Maximum length of a token in bytes.
    pub(crate) fn token_bytes_max(&self) -> usize {
        self.verifier.token_bytes_max()
    }

    /// Whether everything is allowed.
    pub fn is_insecure(&self) -> bool {
        self.insecure
    }

    /// Whether there is an API key.
    pub fn has_api_keys(&self) -> bool {
        !self.api_keys.is_empty()
    }

    /// The client with this API key.
    ///
    /// # Errors
    ///
    /// [`Denial::ApiKey`].
    pub fn find_api_key(&self, key: &[u8]) -> Result<Principal, Denial> {
        let name = self.api_keys.find(key).ok_or(Denial::ApiKey)?;
        Ok(Principal::new(Identity::Key(name.to_owned())))
    }

    /// Whether a fetch of keys may change a denial.
    pub fn may_fetch(&self, denial: Denial) -> bool {
        self.verifier.fetches().is_some() && matches!(denial, Denial::NoKeys | Denial::UnknownKey)
    }

    /// Asks for a fetch of keys, and calls back when it is over. Returns `false`, and never calls
    /// back, if too many wait, or if no keys are fetched.
    pub fn fetch(&self, done: impl FnOnce() + Send + 'static) -> bool {
        let endpoint = self.verifier.fetches();
        endpoint.is_some_and(|endpoint| endpoint.ask(done))
    }
}
