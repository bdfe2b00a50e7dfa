//! The name of a user, as its home knows it: hashed.

use std::hash::BuildHasher;
use std::num::NonZeroU64;
use std::sync::LazyLock;

use crate::id::ShardId;
use crate::topic::HashKey;

/// The hash of a user's name, in 56 bits, above bits of zero that a home uses. A home keeps no
/// names: two users with one hash, which of a million users are there once in some 10^5 servers,
/// share a limit and nothing else, as a connection's own shard compares names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserHash(NonZeroU64);

impl UserHash {
    /// That of the user with this name.
    pub(crate) fn of(user: &str) -> Self {
        Self::of_bits(SEED.hash_one(user))
    }

    /// That in the upper bits.
    pub(super) fn of_bits(bits: u64) -> Self {
        Self(NonZeroU64::new(bits & !0xFF).unwrap_or(NonZeroU64::MIN.saturating_add(0xFF)))
    }

    pub(crate) fn get(self) -> u64 {
        self.0.get()
    }

    /// With another byte below it.
    pub(super) fn with(self, byte: u8) -> NonZeroU64 {
        self.0 | u64::from(byte)
    }

    /// For a table, which finds entries by the lowest bits and the highest.
    pub(super) fn spread(self) -> u64 {
        self.get() ^ self.get() >> 32
    }

    /// The user's home among `shards`: the shard that knows all connections of the user.
    pub(crate) fn home(self, shards: u16) -> ShardId {
        ShardId::of_hash(self.get(), shards)
    }
}

/// The key of the hash, of the process: clients may choose the names.
static SEED: LazyLock<HashKey> = LazyLock::new(HashKey::default);
