//! The settings of compression.

use crate::limits::{
    COMPRESSION_LEVEL, COMPRESSION_OF_MESSAGE, COMPRESSION_THRESHOLD, LOWER_LEVELS,
    work_of_compression,
};

/// How messages are compressed for connections with permessage-deflate (RFC 7692).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// From 1, the fastest, to 9, the smallest.
    pub level: u8,
    /// Messages of this many bytes or less are sent uncompressed.
    pub threshold: usize,
}

impl Compression {
    /// The level for a message of `len` bytes, if it is compressed.
    pub fn level_for(&self, len: usize) -> Option<u8> {
        let lower = LOWER_LEVELS.into_iter().filter(|&lower| lower < self.level);
        let is_quick = |&level: &u8| work_of_compression(level, len) <= COMPRESSION_OF_MESSAGE;
        let mut levels = [self.level].into_iter().chain(lower);
        levels.find(is_quick).filter(|_| self.threshold < len)
    }

    /// Whether the level is valid.
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
