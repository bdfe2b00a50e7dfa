//! The token that a client shows when it connects.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::client::core::event::Reason;
use crate::client::core::{Core, State};
use crate::time::Now;

/// A token as it is sent; debug output does not show it.
#[derive(Clone)]
pub(crate) struct Token(String);

/// Why a token was not made, in the words of the callback that makes it.
pub(crate) type MakeError = Box<dyn Error + Send + Sync>;

/// Where a client has its tokens from.
#[derive(Clone)]
pub(crate) enum TokenSource {
    /// The same at each attempt.
    Fixed(Token),
    /// A new one for each attempt.
    Made(Arc<dyn Fn() -> Result<String, MakeError> + Send + Sync>),
}

/// A token is empty or has characters that none can have, such as a line end.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{MALFORMED}")]
pub(crate) struct MalformedToken;

pub(crate) const MALFORMED: &str =
    "a token is not empty, and has no characters but A-Z, a-z, 0-9 and -._~+/=";

impl Token {
    /// RFC 6750 section 2.1: the characters of a `b64token`.
    pub(crate) fn parse(text: String) -> Result<Self, MalformedToken> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if text.is_empty() || !text.bytes().all(is_fine) {
            return Err(MalformedToken);
        }
        Ok(Self(text))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl TokenSource {
    /// The token of one attempt.
    pub(crate) fn token(&self) -> Result<Token, Reason> {
        match self {
            Self::Fixed(token) => Ok(token.clone()),
            Self::Made(make) => make()
                .and_then(|text| Ok(Token::parse(text)?))
                .map_err(Reason::Token),
        }
    }

    /// Whether the next attempt has another token than this one.
    pub(crate) fn renews(&self) -> bool {
        matches!(self, Self::Made(_))
    }
}

impl Core {
    /// The attempt that has begun has this token. Its time begins again, for a token may take long
    /// to make.
    pub(crate) fn handle_token(&mut self, token: Token, now: Now) {
        self.token = Some(token);
        if let State::Dialing { until, .. } = &mut self.state {
            *until = now.plus(self.settings.connect_timeout);
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed(..)",
            Self::Made(_) => "Made(..)",
        })
    }
}

#[cfg(test)]
mod tests;
