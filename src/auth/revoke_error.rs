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
    /// It is revoked, but a restart would lose it: the file is written too slowly.
    #[error("it is revoked now, but the file of revocations is written too slowly: try again")]
    NotKept,
}
