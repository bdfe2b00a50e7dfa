//! Tokens: which client has which, and what is revoked.

use std::time::Duration;

use corecast::auth::{ApiKeys, Auth, Key, RevokedList, Rules, Verifier, create};
use corecast::internals::Rng;
use corecast::proto::http::Date;

use crate::handler::user_name;

/// The token of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) user: usize,
    /// The step at which it was issued.
    pub(crate) issued: u64,
    pub(crate) flaw: Option<Flaw>,
}

/// Why a token is never accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flaw {
    Expired,
    /// The configuration has it among those that are revoked.
    Listed,
    Forged,
}

/// A revocation of tokens while the world lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Revocation {
    pub(crate) user: usize,
    /// The step before which they were issued.
    pub(crate) before: u64,
    /// When the user's connections were told to end, if there was space for that.
    pub(crate) told_at: Option<u64>,
}

impl Token {
    /// The token of a client that comes at this step: it may have kept it for long.
    pub(crate) fn by_chance(users: usize, step: u64, rng: &mut Rng) -> Self {
        let age = usize::try_from(step).unwrap();
        Self {
            user: rng.below(users),
            issued: step - [0, rng.below(age + 1) as u64][rng.below(2)],
            flaw: [
                Some(Flaw::Expired),
                Some(Flaw::Listed),
                Some(Flaw::Forged),
                None,
            ][rng.below(12).min(3)],
        }
    }

    /// One that is accepted.
    pub(crate) fn good(step: u64) -> Self {
        Self {
            user: 0,
            issued: step,
            flaw: None,
        }
    }

    /// As it is sent.
    pub(crate) fn text(self) -> String {
        let (user, issued) = (user_name(self.user), EPOCH + self.issued);
        let more = match self.flaw {
            Some(Flaw::Expired) => format!(r#","exp":{EPOCH}"#),
            Some(Flaw::Listed) => format!(r#","jti":"{LISTED}""#),
            Some(Flaw::Forged) | None => String::new(),
        };
        let claims = format!(r#"{{"sub":"{user}","iat":{issued}{more}}}"#);
        let secret = match self.flaw {
            Some(Flaw::Forged) => b"fedcba9876543210fedcba9876543210",
            _ => SECRET,
        };
        create(secret, &claims).unwrap()
    }
}

/// What decides about clients. Clones have the same table of revocations.
pub(crate) fn auth() -> Auth {
    let list = RevokedList {
        tokens: [LISTED.to_owned()].into(),
        ..RevokedList::default()
    };
    Auth {
        verifier: Verifier::new(vec![Key::hmac(SECRET).unwrap()]).revoked(list),
        api_keys: ApiKeys::default(),
        rules: Rules::default(),
        anonymous: false,
        insecure: false,
    }
}

/// The time of day, at which every step is past.
pub(crate) fn date() -> Date {
    Date::since_1970(Duration::from_secs(today()))
}

pub(crate) fn today() -> u64 {
    EPOCH + 1_000_000_000
}

/// A step as a time in a token.
pub(crate) fn time_of(step: u64) -> u64 {
    EPOCH + step
}

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
const LISTED: &str = "listed";
/// When a world began, in seconds since the beginning of 1970.
const EPOCH: u64 = 1_000_000_000;
