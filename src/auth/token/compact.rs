//! The compact form of a token (RFC 7515 section 7.1), before its signature is checked.

use std::cell::Cell;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::Algorithm;
use serde_json::Value;

use crate::auth::token::json;
use crate::denial::Denial;

/// A token in its parts. Nothing in it can be trusted yet.
pub(in crate::auth) struct Token<'t> {
    /// What is signed: the first two parts.
    pub(in crate::auth) signed: &'t str,
    pub(in crate::auth) signature: &'t str,
    pub(in crate::auth) algorithm: Algorithm,
    pub(in crate::auth) key_id: Option<String>,
    payload: &'t str,
    /// What its checks took.
    work: Cell<usize>,
}

impl<'t> Token<'t> {
    /// Reads the form and the header. Whatever else the header has is ignored, as the keys in it
    /// (`jwk`, `x5c`) and the addresses of keys (`jku`, `x5u`): keys come from the configuration.
    pub(in crate::auth) fn parse(text: &'t str) -> Result<Self, Denial> {
        let (signed, signature) = text.rsplit_once('.').ok_or(Denial::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Denial::Malformed)?;
        if payload.contains('.') {
            return Err(Denial::Malformed);
        }
        let header = decode(header)?;
        let header = json::object(&header).map_err(|_| Denial::Malformed)?;
        // RFC 7515 section 4.1.11: parameters that are not understood must not be ignored.
        if header.contains_key("crit") {
            return Err(Denial::Critical);
        }
        let algorithm = header.get("alg").and_then(Value::as_str);
        let algorithm = algorithm.ok_or(Denial::Malformed)?;
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(Denial::Malformed),
        };
        Ok(Self {
            signed,
            signature,
            // `none` is no algorithm of the library, and nor is ES512.
            algorithm: algorithm.parse().map_err(|_| Denial::Algorithm)?,
            key_id,
            payload,
            work: Cell::default(),
        })
    }

    /// It is checked with one key more, which takes so long.
    pub(in crate::auth) fn charge(&self, work: usize) {
        self.work.update(|sum| sum + work);
    }

    /// What its checks took, in nominal nanoseconds.
    pub(in crate::auth) fn work(&self) -> usize {
        self.work.get()
    }

    /// The claims, for after the signature has been checked.
    pub(in crate::auth) fn payload(&self) -> Result<Vec<u8>, Denial> {
        decode(self.payload)
    }
}

/// The algorithm of a token and the id of its key, as its header says and nothing has checked.
pub(crate) fn signed_with(token: &str) -> Option<(String, Option<String>)> {
    let token = Token::parse(token).ok()?;
    Some((format!("{:?}", token.algorithm), token.key_id))
}

fn decode(part: &str) -> Result<Vec<u8>, Denial> {
    let decoded = BASE64URL_NOPAD.decode(part.as_bytes());
    decoded.map_err(|_| Denial::Malformed)
}
