//! How messages are compressed, as far as one can choose.

use crate::limits::{COMPRESSION_LEVEL, COMPRESSION_THRESHOLD};

/// How messages are compressed for those who agree on permessage-deflate (RFC 7692).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// From 1, the fastest, to 9, the smallest.
    pub level: u8,
    /// Messages of this many bytes or less are sent as they are.
    pub threshold: usize,
}

impl Compression {
    /// Whether the level is one.
    pub fn has_level(&self) -> bool {
        (1..=9).contains(&self.level)
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self {
            level: COMPRESSION_LEVEL,
            threshold: COMPRESSION_THRESHOLD,
        }
    }
}
