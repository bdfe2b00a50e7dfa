//! The name of a user, as its home knows it: hashed.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::num::NonZeroU64;
use std::sync::LazyLock;

use crate::id::ShardId;

/// The hash of a user's name. A home keeps no names: two users with one hash, which of a million
/// users are there once in some 10^7 servers, share a limit and nothing else, as a connection's own
/// shard compares names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserHash(NonZeroU64);

impl UserHash {
    /// That of the user with this name.
    pub(crate) fn of(user: &str) -> Self {
        Self(NonZeroU64::new(SEED.hash_one(user)).unwrap_or(NonZeroU64::MIN))
    }

    pub(crate) fn get(self) -> u64 {
        self.0.get()
    }

    /// The user's home among `shards`: the shard that knows all connections of the user.
    pub(crate) fn home(self, shards: u16) -> ShardId {
        ShardId::of_hash(self.get(), shards)
    }
}

/// The key of the hash, of the process: clients may choose the names.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
