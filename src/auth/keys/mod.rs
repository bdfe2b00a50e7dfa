//! Keys that tokens are checked with. A key decides which algorithms it is for, never a token.

pub(in crate::auth) mod endpoint;
mod jwk;
pub(in crate::auth) mod pem;
#[cfg(test)]
mod tests;

use std::fmt;

use jsonwebtoken::crypto::verify;
use jsonwebtoken::{Algorithm, DecodingKey};
use thiserror::Error;

use crate::auth::token::compact::Token;
use crate::denial::Denial;
use crate::limits::{
    KEY_SET_BYTES_MAX, KEYS_MAX, KEYS_OF_ONE_ID_MAX, SECRET_BYTES_MIN, WORK_OF_ED25519,
    WORK_OF_HMAC, WORK_OF_P256, WORK_OF_P384, WORK_OF_RSA_2048,
};

pub use jwk::jwk_set;
use jwk::key_set;

/// A key with the algorithms that it is for.
#[derive(Clone)]
pub struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
    /// Of one check, in nominal nanoseconds.
    work: usize,
    until: Option<u64>,
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A secret that could be guessed (RFC 7518 section 3.2).
    #[error("a secret has at least {SECRET_BYTES_MIN} bytes")]
    ShortSecret,
    /// It has no public key or certificate in PEM.
    #[error(
        "there is no PEM block with a PUBLIC KEY or a CERTIFICATE; `openssl pkey -pubout` makes one"
    )]
    NoPem,
    /// The public key is of another kind.
    #[error(
        "the key is neither RSA, P-256, P-384 nor Ed25519 (P-521, for ES512, is not supported)"
    )]
    Kind,
    /// An RSA key of a length that is not safe, or beyond what is supported.
    #[error("an RSA key has 2048 to 8192 bits")]
    RsaLength,
    /// The key set is no JSON of the form of RFC 7517.
    #[error("the key set is not JSON with a list of keys: {0}")]
    Json(String),
    /// The key set has too many keys.
    #[error("the key set has more than {KEYS_MAX} keys")]
    TooMany,
    /// The key set has too many keys between which a token does not choose.
    #[error("the key set has more than {KEYS_OF_ONE_ID_MAX} keys with the same id, or without one")]
    SameId,
    /// The key set is too long.
    #[error("the key set has more than {KEY_SET_BYTES_MAX} bytes")]
    TooLong,
    /// The key set has no key that can be used.
    #[error(
        "the key set has no key for signatures that is RSA, P-256, P-384, Ed25519 or, in a file, a \
         secret (P-521, for ES512, is not supported)"
    )]
    NoKey,
}

impl Key {
    /// A secret: for HS256, and for HS384 and HS512 if it is as long as their hashes.
    ///
    /// # Errors
    ///
    /// [`KeyError::ShortSecret`].
    pub fn hmac(secret: &[u8]) -> Result<Self, KeyError> {
        let algorithms = of_secret(secret);
        if algorithms.is_empty() {
            return Err(KeyError::ShortSecret);
        }
        let key = DecodingKey::from_secret(secret).map_err(|_| KeyError::ShortSecret)?;
        Ok(Self::of(algorithms, key, WORK_OF_HMAC))
    }

    /// A secret of any length. A short one is for HS256, and one of its tokens is enough to find it
    /// by trying (RFC 7518 section 3.2).
    ///
    /// # Errors
    ///
    /// [`KeyError::ShortSecret`]: it is empty.
    pub fn hmac_of_any_length(secret: &[u8]) -> Result<Self, KeyError> {
        if SECRET_BYTES_MIN <= secret.len() {
            return Self::hmac(secret);
        }
        let key = DecodingKey::from_secret(secret).map_err(|_| KeyError::ShortSecret)?;
        Ok(Self::of(vec![Algorithm::HS256], key, WORK_OF_HMAC))
    }

    /// A public key, or that of a certificate, in PEM: RSA, P-256, P-384 or Ed25519.
    ///
    /// # Errors
    ///
    /// There is no such key.
    pub fn pem(pem: &[u8]) -> Result<Self, KeyError> {
        pem::parse(pem)
    }

    /// The key is valid before this time only.
    #[must_use]
    pub fn until(mut self, time: u64) -> Self {
        self.until = Some(time);
        self
    }

    /// Whether a token can name it.
    pub(crate) fn has_id(&self) -> bool {
        self.id.is_some()
    }

    fn of(algorithms: Vec<Algorithm>, key: DecodingKey, work: usize) -> Self {
        Self {
            id: None,
            algorithms,
            key,
            work,
            until: None,
        }
    }

    /// From modulus and exponent, both without leading zeros.
    pub(in crate::auth) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        // As the library behind it: a key beyond that would fail at each token.
        if !(RSA_2048_BYTES..=1024).contains(&modulus.len()) {
            return Err(KeyError::RsaLength);
        }
        let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
        // Multiplications of numbers of this length, in a number that the length does not change.
        let work = WORK_OF_RSA_2048 * modulus.len().pow(2) / RSA_2048_BYTES.pow(2);
        Ok(Self::of(RSA_ALGORITHMS.to_vec(), key, work))
    }

    /// From an uncompressed point (SEC 1 section 2.3.3): its length tells the curve.
    pub(in crate::auth) fn ec(point: &[u8]) -> Result<Self, KeyError> {
        let (algorithm, work) = match point {
            [4, rest @ ..] if rest.len() == 64 => (Algorithm::ES256, WORK_OF_P256),
            [4, rest @ ..] if rest.len() == 96 => (Algorithm::ES384, WORK_OF_P384),
            _ => return Err(KeyError::Kind),
        };
        let key = DecodingKey::from_ec_der(point);
        Ok(Self::of(vec![algorithm], key, work))
    }

    /// From the 32 bytes of RFC 8032.
    pub(in crate::auth) fn ed25519(key: &[u8]) -> Result<Self, KeyError> {
        if key.len() != 32 {
            return Err(KeyError::Kind);
        }
        let key = DecodingKey::from_ed_der(key);
        Ok(Self::of(vec![Algorithm::EdDSA], key, WORK_OF_ED25519))
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    fn verifies(&self, token: &Token<'_>) -> bool {
        token.charge(self.work);
        let signed = token.signed.as_bytes();
        verify(token.signature, signed, &self.key, token.algorithm).unwrap_or_default()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Checks the signature of a token with those of the keys that it can be of.
///
/// A token that names a key is checked with this key; if there is none, with the keys without an
/// id. A token that names none is checked with the keys without an id, and with a key that has one
/// only if it is the only one for the algorithm. `KEYS_OF_ONE_ID_MAX` bounds how many are tried.
pub(super) fn check<'k>(
    keys: impl Iterator<Item = &'k Key> + Clone,
    token: &Token<'_>,
    now: u64,
) -> Result<(), Denial> {
    // 0 is no time: the host has no clock.
    let live = keys.filter(|key| key.until.is_none_or(|until| (1..until).contains(&now)));
    let is_of = |key: &Key, id: &String| key.id.as_ref() == Some(id);
    let fitting = live.clone().filter(|key| key.is_for(token.algorithm));
    let unnamed = fitting.clone().filter(|key| key.id.is_none());
    let with_id = fitting.clone().filter(|key| key.id.is_some());
    let id = token.key_id.as_ref();
    let is_unknown = id.is_some_and(|id| !live.clone().any(|key| is_of(key, id)));
    let tried: Vec<&Key> = match id {
        Some(id) if !is_unknown => fitting.filter(|key| is_of(key, id)).collect(),
        Some(_) => unnamed.collect(),
        None => {
            let only = with_id.clone().filter(|_| with_id.clone().count() == 1);
            unnamed.chain(only).collect()
        }
    };
    match tried.iter().any(|key| key.verifies(token)) {
        true => Ok(()),
        // It may be a key that is not fetched yet.
        false if is_unknown => Err(Denial::UnknownKey),
        false if tried.is_empty() => Err(Denial::Algorithm),
        false => Err(Denial::Signature),
    }
}

/// The algorithms of a secret: it is at least as long as their hashes (RFC 7518 section 3.2).
pub(in crate::auth) fn of_secret(secret: &[u8]) -> Vec<Algorithm> {
    let sizes = [
        (SECRET_BYTES_MIN, Algorithm::HS256),
        (48, Algorithm::HS384),
        (64, Algorithm::HS512),
    ];
    let fitting = sizes.iter().filter(|(size, _)| *size <= secret.len());
    fitting.map(|(_, algorithm)| *algorithm).collect()
}

/// The length of a modulus of 2048 bits.
const RSA_2048_BYTES: usize = 256;

pub(in crate::auth) const RSA_ALGORITHMS: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
