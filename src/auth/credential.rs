//! What a client sends to prove its identity.

use std::fmt;

/// What a client has sent to prove its identity; not shown in debug output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'c> {
    /// A token.
    Token(&'c str),
    /// An API key.
    Key(&'c [u8]),
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(..)",
            Self::Key(_) => "Key(..)",
        })
    }
}
