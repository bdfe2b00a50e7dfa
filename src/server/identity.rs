//! What a handle changes of identity while the server runs.

use crate::auth::{Revocations, RevokeError};
use crate::server::handle::Handle;
use crate::sys::time_of_day::since_1970;

impl Handle {
    /// Refuses all tokens of a user that were issued before a time, in seconds since the beginning
    /// of 1970, and its tokens without `iat`: on all shards when this returns, until the server
    /// ends, or until no such token can be valid
    /// ([`Revocations`]). Connections that are open stay:
    /// [`disconnect_user`](Self::disconnect_user) ends them.
    ///
    /// # Errors
    ///
    /// There is no space, or the server does not ask for identity; nothing is revoked.
    pub fn revoke_user(&self, user: &str, issued_before: u64) -> Result<(), RevokeError> {
        let table = self.revocations()?;
        table.revoke_user(user, issued_before, since_1970().as_secs())
    }

    /// Refuses a token by its id (`jti`) until it expires, in seconds since the beginning of 1970.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn revoke_token(&self, id: &str, until: u64) -> Result<(), RevokeError> {
        let table = self.revocations()?;
        table.revoke_token(id, until, since_1970().as_secs())
    }

    fn revocations(&self) -> Result<&Revocations, RevokeError> {
        self.revocations.as_ref().ok_or(RevokeError::NoIdentity)
    }
}
