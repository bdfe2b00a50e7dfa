//! Validates a UTF-8 text that arrives in pieces.
//!
//! It fails at the first byte after which no continuation is valid, and looks at each byte a
//! bounded number of times, however the text is cut.

use crate::proto::ProtocolError;

/// The state of validation between two pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validator {
    /// `tail[..len]` is the valid beginning of one incomplete character.
    tail: [u8; TAIL_MAX],
    len: u8,
}

/// Whether a whole text is valid.
pub fn is_utf8(text: &[u8]) -> bool {
    simdutf8::basic::from_utf8(text).is_ok()
}

impl Validator {
    /// Checks the next piece of the text.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::InvalidUtf8`]; the text cannot be continued after it.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        let piece = self.finish_tail(piece)?;
        let (whole, tail) = piece.split_at(piece.len() - unfinished_len(piece));
        if simdutf8::basic::from_utf8(whole).is_err() || !may_continue(tail) {
            return Err(ProtocolError::InvalidUtf8);
        }
        for byte in tail {
            self.keep(*byte);
        }
        Ok(())
    }

    /// Whether the text may end here, between two characters.
    pub fn is_complete(self) -> bool {
        self.len == 0
    }

    /// Takes bytes from `piece` until the kept character is complete; returns the rest.
    fn finish_tail<'p>(&mut self, mut piece: &'p [u8]) -> Result<&'p [u8], ProtocolError> {
        while 0 < self.len
            && let Some((byte, rest)) = piece.split_first()
        {
            piece = rest;
            let mut character = [0; TAIL_MAX + 1];
            let kept = usize::from(self.len);
            character[..kept].copy_from_slice(&self.tail[..kept]);
            character[kept] = *byte;
            let character = &character[..=kept];
            if std::str::from_utf8(character).is_ok() {
                self.len = 0;
            } else if may_continue(character) {
                self.keep(*byte);
            } else {
                return Err(ProtocolError::InvalidUtf8);
            }
        }
        Ok(piece)
    }

    fn keep(&mut self, byte: u8) {
        debug_assert!(usize::from(self.len) < TAIL_MAX);
        if let Some(slot) = self.tail.get_mut(usize::from(self.len)) {
            *slot = byte;
            self.len += 1;
        }
    }
}

/// Number of bytes at the end of `piece` that begin an incomplete character: 0 to 3.
fn unfinished_len(piece: &[u8]) -> usize {
    for (back, byte) in piece.iter().rev().take(TAIL_MAX).enumerate() {
        let width = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 1,
        };
        let present = back + 1;
        return if present < width { present } else { 0 };
    }
    0
}

/// Whether `bytes` is valid, or some continuation makes it valid.
fn may_continue(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(err) => err.error_len().is_none(),
    }
}

/// The longest character has four bytes, so at most three are kept.
const TAIL_MAX: usize = 3;

#[cfg(test)]
#[path = "utf8_tests.rs"]
mod tests;
