//! What stands for tokens and API keys in a build without the cargo feature `auth`: there is never
//! a value of it.

use std::time::Duration;

use crate::auth::credential::Credential;
use crate::auth::principal::Principal;
use crate::auth::revoke_error::RevokeError;
use crate::auth::rules::{Action, Verdict};
use crate::denial::Denial;

/// Never exists: the library is built without the cargo feature `auth`.
#[derive(Clone, Debug)]
pub enum Auth {}

#[expect(clippy::missing_errors_doc, reason = "cannot be called")]
#[expect(missing_docs, reason = "as with the feature")]
impl Auth {
    pub fn identify(
        &mut self,
        _: Option<Credential<'_>>,
        _: Option<&str>,
        _: u64,
    ) -> Result<Principal, Denial> {
        match *self {}
    }

    pub(crate) fn has_revoked(&self, _: &Principal, _: u64) -> bool {
        match *self {}
    }

    pub(crate) fn revoke_user(&self, _: &str, _: u64, _: u64) -> Result<(), RevokeError> {
        match *self {}
    }

    pub(crate) fn revoke_token(&self, _: &str, _: u64, _: u64) -> Result<(), RevokeError> {
        match *self {}
    }

    pub fn decide(&self, _: &Principal, _: Action, _: &str) -> Verdict<'_> {
        match *self {}
    }

    pub(crate) fn decide_pattern(&self, _: &Principal, _: &str) -> Verdict<'_> {
        match *self {}
    }

    pub fn take_work(&mut self, _: Credential<'_>) -> usize {
        match *self {}
    }

    pub fn lifetime(&self, _: &Principal, _: u64) -> Option<Duration> {
        match *self {}
    }

    pub(crate) fn verify_subscription(&mut self, _: &str, _: u64) -> Result<Principal, Denial> {
        match *self {}
    }

    pub(crate) fn keep_named_claims(&self, _: &mut Principal) {
        match *self {}
    }

    pub(crate) fn token_bytes_max(&self) -> usize {
        match *self {}
    }

    pub fn is_insecure(&self) -> bool {
        match *self {}
    }

    pub fn has_api_keys(&self) -> bool {
        match *self {}
    }

    pub fn find_api_key(&self, _: &[u8]) -> Result<Principal, Denial> {
        match *self {}
    }

    pub fn may_fetch(&self, _: Denial) -> bool {
        match *self {}
    }

    pub fn fetch(&self, _: impl FnOnce() + Send + 'static) -> bool {
        match *self {}
    }
}
