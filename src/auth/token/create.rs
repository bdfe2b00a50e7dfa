//! Makes tokens, for tests and small backends.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;
use x509_cert::der::asn1::{OctetStringRef, UintRef};
use x509_cert::der::{Decode, Header as Field, SliceReader, Tag};
use x509_cert::spki::AlgorithmIdentifierRef;

use crate::auth::keys::pem::{EC, ED25519, P256, P384, RSA};
use crate::auth::keys::{RSA_ALGORITHMS, of_secret};
use crate::auth::token::json;
use crate::limits::SECRET_BYTES_MIN;

/// Why a token was not made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// A secret that could be guessed (RFC 7518 section 3.2).
    #[error("a secret has at least {SECRET_BYTES_MIN} bytes")]
    ShortSecret,
    /// It has no private key in PEM.
    #[error(
        "there is no PEM block with an unencrypted PRIVATE KEY (PKCS#8); `openssl pkey -in FILE` \
         makes one of other forms"
    )]
    NoPem,
    /// The private key is of another kind.
    #[error(
        "the key is neither RSA, P-256, P-384 nor Ed25519 (P-521, for ES512, is not supported)"
    )]
    Kind,
    /// The key is not for the algorithm.
    #[error("{0} is not an algorithm of this key; there are {1}")]
    Algorithm(String, String),
    /// The claims are no JSON object, or have a name twice.
    #[error("claims are a JSON object: {0}")]
    Claims(serde_json::Error),
    /// The library could not sign.
    #[error("cannot sign: {0}")]
    Sign(jsonwebtoken::errors::Error),
}

/// Signs tokens with a secret or a private key.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    algorithms: Vec<Algorithm>,
    header: Header,
}

impl Signer {
    /// Signs with a secret: HS256, and HS384 or HS512 if it is as long as their hashes.
    ///
    /// # Errors
    ///
    /// [`CreateError::ShortSecret`].
    pub fn hmac(secret: &[u8]) -> Result<Self, CreateError> {
        let key = EncodingKey::from_secret(secret).map_err(|_| CreateError::ShortSecret)?;
        let algorithms = of_secret(secret);
        Self::new(key, algorithms).ok_or(CreateError::ShortSecret)
    }

    /// Signs with a private key in PEM (PKCS#8): RSA with RS256, P-256 with ES256, P-384 with
    /// ES384, or Ed25519 with EdDSA.
    ///
    /// # Errors
    ///
    /// There is no such key.
    pub fn pem(pem: &[u8]) -> Result<Self, CreateError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| CreateError::NoPem)?;
        let der = der.secret_pkcs8_der();
        let (kind, inner) = read(der).map_err(|_| CreateError::NoPem)?;
        let curve = kind.parameters_oid();
        let (key, algorithms) = match kind.oid {
            RSA => (EncodingKey::from_rsa_der(inner), RSA_ALGORITHMS.to_vec()),
            EC if curve == Ok(P256) => (EncodingKey::from_ec_der(der), vec![Algorithm::ES256]),
            EC if curve == Ok(P384) => (EncodingKey::from_ec_der(der), vec![Algorithm::ES384]),
            ED25519 => (EncodingKey::from_ed_der(der), vec![Algorithm::EdDSA]),
            _ => return Err(CreateError::Kind),
        };
        Self::new(key, algorithms).ok_or(CreateError::Kind)
    }

    fn new(key: EncodingKey, algorithms: Vec<Algorithm>) -> Option<Self> {
        let header = Header::new(*algorithms.first()?);
        Some(Self {
            key,
            algorithms,
            header,
        })
    }

    /// Signs with this algorithm of the key, such as `PS256`, instead of its first.
    ///
    /// # Errors
    ///
    /// [`CreateError::Algorithm`].
    pub fn algorithm(mut self, name: &str) -> Result<Self, CreateError> {
        let is_it = |algorithm: &&Algorithm| format!("{algorithm:?}") == name;
        let found = self.algorithms.iter().find(is_it);
        self.header.alg = *found.ok_or_else(|| {
            let known = self.algorithms.iter().map(|known| format!("{known:?}"));
            let known: Vec<String> = known.collect();
            CreateError::Algorithm(name.to_owned(), known.join(", "))
        })?;
        Ok(self)
    }

    /// Names the key in the header of tokens (`kid`).
    #[must_use]
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.header.kid = Some(id.into());
        self
    }

    /// A token with these claims, a JSON object.
    ///
    /// # Errors
    ///
    /// The claims are no object, or the key is damaged.
    pub fn sign(&self, claims: &str) -> Result<String, CreateError> {
        let claims = json::object(claims.as_bytes()).map_err(CreateError::Claims)?;
        jsonwebtoken::encode(&self.header, &claims, &self.key).map_err(CreateError::Sign)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("algorithm", &self.header.alg)
            .field("key_id", &self.header.kid)
            .finish_non_exhaustive()
    }
}

/// Makes a token with these claims, a JSON object, signed with HS256.
///
/// # Errors
///
/// The secret is too short, or the claims are no object.
pub fn create(secret: &[u8], claims: &str) -> Result<String, CreateError> {
    Signer::hmac(secret)?.sign(claims)
}

/// The kind of the key in a `PrivateKeyInfo` (RFC 5208 section 5), and the key in the form of its
/// kind.
fn read(der: &[u8]) -> Result<(AlgorithmIdentifierRef<'_>, &[u8]), x509_cert::der::Error> {
    let mut reader = SliceReader::new(der)?;
    Field::decode(&mut reader)?.tag().assert_eq(Tag::Sequence)?;
    UintRef::decode(&mut reader)?;
    let kind = AlgorithmIdentifierRef::decode(&mut reader)?;
    let key = <&OctetStringRef>::decode(&mut reader)?;
    Ok((kind, key.as_bytes()))
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;
