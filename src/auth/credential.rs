//! What a client sends to prove its identity.

/// What a client has sent to prove its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'c> {
    /// A token.
    Token(&'c str),
    /// An API key.
    Key(&'c [u8]),
}
