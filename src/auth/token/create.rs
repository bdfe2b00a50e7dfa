//! Makes tokens, for tests and small backends.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use thiserror::Error;

use crate::auth::token::json;
use crate::limits::SECRET_BYTES_MIN;

/// Why a token was not made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// A secret that could be guessed (RFC 7518 section 3.2).
    #[error("a secret has at least {SECRET_BYTES_MIN} bytes")]
    ShortSecret,
    /// The claims are no JSON object, or have a name twice.
    #[error("claims are a JSON object: {0}")]
    Claims(serde_json::Error),
    /// The library could not sign.
    #[error("cannot sign: {0}")]
    Sign(jsonwebtoken::errors::Error),
}

/// Makes a token with these claims, a JSON object, signed with HS256.
///
/// # Errors
///
/// The secret is too short, or the claims are no object.
pub fn create(secret: &[u8], claims: &str) -> Result<String, CreateError> {
    if secret.len() < SECRET_BYTES_MIN {
        return Err(CreateError::ShortSecret);
    }
    let claims = json::object(claims.as_bytes()).map_err(CreateError::Claims)?;
    let header = Header::new(Algorithm::HS256);
    let key = EncodingKey::from_secret(secret).map_err(CreateError::Sign)?;
    jsonwebtoken::encode(&header, &claims, &key).map_err(CreateError::Sign)
}
