//! Revoking tokens in a callback.

use crate::auth::RevokeError;
use crate::shard::core::app::cx::Cx;

impl<D, A> Cx<'_, D, A> {
    /// Refuses all tokens of a user that were issued before a time, in seconds since the beginning
    /// of 1970, and its tokens without `iat`, on all shards. Connections that are open stay:
    /// [`refresh_user`](Self::refresh_user) with a time that is over ends them, and their clients
    /// come back with other tokens.
    ///
    /// # Errors
    ///
    /// There is no space, or the server does not ask for identity; nothing is revoked.
    pub fn revoke_user(&self, user: &str, issued_before: u64) -> Result<(), RevokeError> {
        let auth = self.auth().ok_or(RevokeError::NoIdentity)?;
        auth.revoke_user(user, issued_before, self.time_of_day())
    }

    /// Refuses a token by its id (`jti`) until it expires, in seconds since the beginning of 1970.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn revoke_token(&self, id: &str, until: u64) -> Result<(), RevokeError> {
        let auth = self.auth().ok_or(RevokeError::NoIdentity)?;
        auth.revoke_token(id, until, self.time_of_day())
    }
}
