//! What a handle changes of identity while the server runs.

use std::io::{self, ErrorKind};

use thiserror::Error as ThisError;

use crate::auth::{Auth, Places, Revocations, RevokeError};
use crate::error::Error;
use crate::renewal::Renewer;
use crate::server::handle::Handle;
use crate::sys::time_of_day::since_1970;

/// What a handle can change of identity.
#[derive(Debug)]
pub(crate) struct IdentityControl {
    revocations: Revocations,
    renewer: Renewer<(Auth, Places)>,
}

/// Why identity was not loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum ReloadAuthError {
    /// The server was started without identity.
    #[error("the server was started without identity: restart it")]
    NoIdentity,
    /// Only some shards have taken what was loaded before.
    #[error("a shard has not taken what was loaded before: try again")]
    Busy,
}

impl IdentityControl {
    pub(super) fn new(auth: &Auth, renewer: Renewer<(Auth, Places)>) -> Self {
        auth.verifier.adopt_revocations();
        Self {
            revocations: auth.verifier.revocations(),
            renewer,
        }
    }
}

impl Handle {
    /// Replaces what decides about clients, and where they put their credentials. New connections
    /// and requests use it; connections that are open stay, with the rights that they have. What
    /// was revoked by a handle stays revoked.
    ///
    /// # Errors
    ///
    /// The server was started without identity: nothing changes. [`ReloadAuthError::Busy`]: only
    /// some shards use it; try again.
    pub fn reload_auth(&self, mut auth: Auth, places: Places) -> Result<(), ReloadAuthError> {
        let identity = self.identity.as_ref().ok_or(ReloadAuthError::NoIdentity)?;
        let number = identity.renewer.next_number();
        auth.verifier = auth.verifier.with_revocations(&identity.revocations);
        auth.verifier.adopt_revocations();
        let sent = identity.renewer.send(number, &(auth, places));
        self.wake();
        sent.then_some(()).ok_or(ReloadAuthError::Busy)
    }

    /// Replaces identity as [`reload_auth`](Self::reload_auth) does; nothing changes in a server
    /// that has none, and is to have none.
    pub(super) fn replace_identity(&self, identity: Option<(Auth, Places)>) -> Result<(), Error> {
        let invalid = |what: &str| Error::from(io::Error::new(ErrorKind::InvalidInput, what));
        match (identity, &self.identity) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(invalid(
                "identity is not configured any more, and without it every client could do \
                 everything: restart the server",
            )),
            (Some((auth, places)), _) => self.reload_auth(auth, places).map_err(|err| {
                let kind = match err {
                    ReloadAuthError::NoIdentity => ErrorKind::InvalidInput,
                    ReloadAuthError::Busy => ErrorKind::WouldBlock,
                };
                io::Error::new(kind, err).into()
            }),
        }
    }

    /// Refuses all tokens of a user that were issued before a time, in seconds since the beginning
    /// of 1970, and its tokens without `iat`: on all shards when this returns, as long as such a
    /// token can be valid ([`Revocations`]). What waits to be opened is refused. Connections that
    /// are open stay: [`refresh_user`](Self::refresh_user) with a time that is over ends them, and
    /// their clients come back with other tokens; called after this, it leaves none that such a
    /// token opened.
    ///
    /// # Errors
    ///
    /// There is no space, or the server does not ask for identity: nothing is revoked.
    /// [`RevokeError::NotKept`].
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

    /// Waits until the file of revocations has all of them.
    pub(super) fn flush_revocations(&self) {
        if let Ok(table) = self.revocations() {
            table.flush();
        }
    }

    fn revocations(&self) -> Result<&Revocations, RevokeError> {
        let identity = self.identity.as_ref().ok_or(RevokeError::NoIdentity)?;
        Ok(&identity.revocations)
    }
}
