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
    /// It is revoked, but a restart may lose it: the file of revocations is full, or cannot be
    /// written, or is written too slowly.
    #[error("it is revoked now, but the file of revocations may not keep it: try again")]
    NotKept,
}
