//! Why a client is not admitted, or may not do what it asks for.

use thiserror::Error;

use crate::close_reason::CloseReason;
use crate::listed::listed;

/// Why a client is not admitted, or may not do what it asks for. The text is for the client and
/// for the log: it names no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Denial {
    /// There is no credential, or a token that names no user, and the server does not serve
    /// anonymous clients.
    #[error("send a token of a user or an API key")]
    Missing,
    /// There is more than one credential.
    #[error("send one token or API key, not several")]
    Repeated,
    /// The credential is not a token: three parts of base64url, the first two JSON objects.
    #[error("the token is malformed")]
    Malformed,
    /// The token is longer than `auth.token_length`.
    #[error("the token is too long")]
    TooLong,
    /// The token needs what this server does not understand (RFC 7515 section 4.1.11).
    #[error("the token has critical header parameters")]
    Critical,
    /// No key of the server is for the algorithm of the token.
    #[error("the server has no key for the algorithm of the token; it has neither ES512 nor none")]
    Algorithm,
    /// No key of the server has the id that the token names.
    #[error("the server does not know the key of the token")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("the signature of the token is wrong")]
    Signature,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token was revoked, or all tokens of its user that are as old.
    #[error("the token was revoked")]
    Revoked,
    /// The token is not valid yet, or was issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The issuer is none of `auth.issuers`.
    #[error("the token has another issuer")]
    Issuer,
    /// The audience is none of `auth.audiences`.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing, repeated, or has the wrong type.
    #[error("a claim of the token is missing, repeated or has the wrong type")]
    Claims,
    /// No API key of the server is this one.
    #[error("the API key is wrong")]
    ApiKey,
    /// A page of this origin cannot use cookies.
    #[error("a cookie is accepted only with an Origin that http.origins lists by name")]
    CookieOrigin,
    /// The address or the user opens connections too often, or shows wrong credentials.
    #[error("too many connections or wrong credentials in too short a time")]
    Throttled,
    /// The user has too many connections.
    #[error("the user has too many connections")]
    UserLimit,
    /// The topic has too many subscribers.
    #[error("the topic has too many subscribers")]
    SubscriberLimit,
    /// No rule allows it.
    #[error("not permitted")]
    Forbidden,
    /// The keys of the tokens could not be fetched yet.
    #[error("the server has no keys for tokens yet")]
    NoKeys,
}

listed! {
    /// All of them, by [`index`](Self::index).
    pub const ALL: Denial = {
        Missing => "missing",
        Repeated => "repeated",
        Malformed => "malformed",
        TooLong => "too_long",
        Critical => "critical",
        Algorithm => "algorithm",
        UnknownKey => "unknown_key",
        Signature => "signature",
        Expired => "expired",
        Revoked => "revoked",
        NotYetValid => "not_yet_valid",
        Issuer => "issuer",
        Audience => "audience",
        Claims => "claims",
        ApiKey => "api_key",
        CookieOrigin => "cookie_origin",
        Throttled => "throttled",
        UserLimit => "user_limit",
        SubscriberLimit => "subscriber_limit",
        Forbidden => "forbidden",
        NoKeys => "no_keys",
    }
}

impl Denial {
    /// The number of reasons.
    pub const COUNT: usize = Self::ALL.len();

    /// The status of the answer to a request (RFC 9110 sections 15.5.2 and 15.5.4).
    pub fn status(self) -> u16 {
        match self {
            Self::Forbidden | Self::CookieOrigin => 403,
            // RFC 6750 section 3.1.
            Self::Repeated => 400,
            Self::NoKeys | Self::SubscriberLimit => 503,
            // RFC 6585 section 4.
            Self::Throttled | Self::UserLimit => 429,
            _ => 401,
        }
    }

    /// Why a connection ends that was open already; its close code is 1008 (RFC 6455 section
    /// 7.4.1), 1013 if the client may try again later, or that of the user's limit.
    pub fn close_reason(self) -> CloseReason {
        CloseReason::Policy(match self {
            Self::Throttled => return CloseReason::Throttled,
            Self::UserLimit => return CloseReason::UserLimit,
            Self::SubscriberLimit => return CloseReason::SubscriberLimit,
            Self::Forbidden => "not permitted",
            _ => "not authenticated",
        })
    }

    /// Why a session ends that was told nothing yet.
    pub fn session_reason(self) -> CloseReason {
        match self {
            Self::UserLimit => CloseReason::UserLimit,
            Self::Throttled => CloseReason::Throttled,
            _ => CloseReason::INVALID_TOKEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_denial_has_its_place_its_label_and_its_status() {
        for (index, denial) in Denial::ALL.into_iter().enumerate() {
            assert_eq!(denial.index(), index);
            let same = |other: &Denial| other.label() == denial.label();
            assert_eq!(Denial::ALL.iter().filter(|other| same(other)).count(), 1);
            let (status, code) = (denial.status(), denial.close_reason().close_code());
            assert!([400, 401, 403, 429, 503].contains(&status), "{denial}");
            let expected = match denial {
                Denial::Throttled | Denial::SubscriberLimit => 1013,
                Denial::UserLimit => 3504,
                _ => 1008,
            };
            assert_eq!(code, Some(expected), "{denial}");
        }
    }
}
