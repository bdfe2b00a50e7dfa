//! Key sets as JSON (RFC 7517).

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::Value;

use crate::auth::keys::{Key, KeyError};
use crate::limits::{KEY_SET_BYTES_MAX, KEYS_MAX, KEYS_OF_ONE_ID_MAX};

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// A key of a set, with the members that matter here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
}

/// Reads a key set. Keys of other kinds and purposes are left out (RFC 7517 section 5), and secrets
/// too, unless `with_secrets`: a set that anyone can fetch must not have any.
///
/// # Errors
///
/// It is no key set, it is too large, or no key of it can be used.
pub fn jwk_set(json: &[u8], with_secrets: bool) -> Result<Vec<Key>, KeyError> {
    let keys = key_set(json, with_secrets)?;
    if keys.is_empty() {
        return Err(KeyError::NoKey);
    }
    Ok(keys)
}

/// The same, where a set may have no key: all that it had have been taken out.
pub(super) fn key_set(json: &[u8], with_secrets: bool) -> Result<Vec<Key>, KeyError> {
    if KEY_SET_BYTES_MAX < json.len() {
        return Err(KeyError::TooLong);
    }
    let set: Set = serde_json::from_slice(json).map_err(|err| KeyError::Json(err.to_string()))?;
    if KEYS_MAX < set.keys.len() {
        return Err(KeyError::TooMany);
    }
    let jwks = set.keys.into_iter();
    let jwks = jwks.filter_map(|value| serde_json::from_value::<Jwk>(value).ok());
    let jwks = jwks.filter(|jwk| with_secrets || jwk.kty != "oct");
    let keys: Vec<Key> = jwks.filter_map(|jwk| jwk.key()).collect();
    let same = |key: &Key| keys.iter().filter(|other| other.id == key.id).count();
    if keys.iter().any(|key| KEYS_OF_ONE_ID_MAX < same(key)) {
        return Err(KeyError::SameId);
    }
    Ok(keys)
}

impl Jwk {
    /// The key, if it is for signatures and of a known kind.
    fn key(self) -> Option<Key> {
        if self.usage.as_ref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let mut key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Key::rsa(&number(&self.n)?, &number(&self.e)?),
            ("EC", Some("P-256" | "P-384")) => {
                let point = [vec![4], bytes(&self.x)?, bytes(&self.y)?].concat();
                Key::ec(&point)
            }
            ("OKP", Some("Ed25519")) => Key::ed25519(&bytes(&self.x)?),
            ("oct", _) => Key::hmac(&bytes(&self.k)?),
            _ => return None,
        }
        .ok()?;
        if let Some(algorithm) = self.alg {
            let algorithm = algorithm.parse().ok()?;
            key.algorithms.retain(|own| *own == algorithm);
            if key.algorithms.is_empty() {
                return None;
            }
        }
        key.id = self.kid;
        Some(key)
    }
}

fn bytes(text: &Option<String>) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_ref()?.as_bytes()).ok()
}

/// Without leading zeros, which RFC 7518 section 6.3.1.1 forbids and some write.
fn number(text: &Option<String>) -> Option<Vec<u8>> {
    let bytes = bytes(text)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(bytes[zeros..].to_vec())
}
