//! The secret that a leader and its agents share. It is never sent: each side shows that it knows
//! it by a hash over what the other has just made up (HMAC, RFC 2104).

use std::fs;

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use aws_lc_rs::rand;
use data_encoding::HEXLOWER;

/// None where an agent listens on loopback and wants none.
#[derive(Clone, Default)]
pub(super) struct Secret(Option<Key>);

/// Whose proof it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Leader,
    Agent,
}

/// Fewest bytes of a secret.
const BYTES_MIN: usize = 16;

impl Secret {
    /// Reads a file: its text without white space at the ends.
    pub(super) fn read(file: Option<&String>) -> Result<Self, String> {
        let Some(file) = file else {
            return Ok(Self(None));
        };
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        let text = text.trim().as_bytes();
        if text.len() < BYTES_MIN {
            return Err(format!(
                "{file}: a secret has {BYTES_MIN} bytes at least: openssl rand -hex 32 > {file}"
            ));
        }
        Ok(Self(Some(Key::new(HMAC_SHA256, text))))
    }

    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// What shows the other side that this one knows the secret.
    pub(super) fn proof(&self, side: Side, nonces: [&str; 2]) -> String {
        let tag = self
            .0
            .as_ref()
            .map(|key| hmac::sign(key, &said(side, nonces)));
        tag.map_or_else(String::new, |tag| HEXLOWER.encode(tag.as_ref()))
    }

    /// Whether the other side knows the secret, in a time that tells nothing.
    pub(super) fn is_proof(&self, side: Side, nonces: [&str; 2], proof: &str) -> bool {
        let Some(key) = &self.0 else { return true };
        let proof = HEXLOWER.decode(proof.as_bytes());
        proof.is_ok_and(|proof| hmac::verify(key, &said(side, nonces), &proof).is_ok())
    }
}

fn said(side: Side, [agents, leaders]: [&str; 2]) -> Vec<u8> {
    format!("corecast loadtest {side:?} {agents} {leaders}").into_bytes()
}

/// Something that cannot be guessed.
pub(super) fn nonce() -> Result<String, String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| "there is no randomness".to_owned())?;
    Ok(HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_side_one_secret_and_one_occasion() {
        let secret = |text: &str| Secret(Some(Key::new(HMAC_SHA256, text.as_bytes())));
        let (ours, other) = (secret("a"), secret("b"));
        let proof = ours.proof(Side::Leader, ["1", "2"]);
        assert!(ours.is_proof(Side::Leader, ["1", "2"], &proof));
        assert!(!ours.is_proof(Side::Agent, ["1", "2"], &proof));
        assert!(!ours.is_proof(Side::Leader, ["1", "3"], &proof));
        assert!(!other.is_proof(Side::Leader, ["1", "2"], &proof));
        assert!(!ours.is_proof(Side::Leader, ["1", "2"], ""));
        assert_ne!(nonce().unwrap(), nonce().unwrap());
    }
}
