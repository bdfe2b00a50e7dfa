//! Why a revocation failed.

use thiserror::Error;

/// Why nothing was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// The server does not ask for identity.
    #[error("the server does not ask for identity")]
    NoIdentity,
    /// The table is full.
    #[error("too many revocations are in effect; take the key of the tokens out of use instead")]
    Full,
}
