//! Typed identifiers, displayed as they are logged.

use std::fmt;

/// A shard of this server: its index, from 0.
pub type ShardId = u16;

/// The place of a connection in its shard's table. Another may have it when this one has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnKey(pub(crate) u32);

impl ConnKey {
    /// The key of this place.
    pub(crate) fn new(index: usize) -> Self {
        Self(key32(index))
    }

    /// Its place.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One connection of one shard. An id is not reused while the shard runs, but its key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnId {
    /// The place in the shard's table.
    pub(crate) key: ConnKey,
    /// Tells this connection from earlier ones with the same key.
    pub(crate) generation: u32,
}

impl ConnId {
    /// The id as one word, which the kernel carries as the token of an event.
    pub(crate) fn pack(self) -> usize {
        (self.generation as usize) << 32 | self.key.index()
    }

    /// The id of a token made by [`pack`](Self::pack).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves of a packed word"
    )]
    pub(crate) fn unpack(token: usize) -> Self {
        Self {
            key: ConnKey(token as u32),
            generation: (token >> 32) as u32,
        }
    }
}

impl fmt::Display for ConnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.key.0, self.generation)
    }
}

/// A slab key as 32 bits, as connections and members store it.
///
/// The number of file descriptors bounds the slabs, so 32 bits are enough.
pub(crate) fn key32(key: usize) -> u32 {
    debug_assert!(u32::try_from(key).is_ok());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked above in debug builds"
    )]
    let key = key as u32;
    key
}
