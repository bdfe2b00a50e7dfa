//! What hashes of names are made with.

use std::collections::hash_map::RandomState;

/// The key of a hash. Clients choose the names: without it, some could choose names that all have
/// the same place in a table.
#[cfg(not(any(test, feature = "internals")))]
pub(crate) type HashKey = RandomState;

#[cfg(any(test, feature = "internals"))]
pub(crate) use for_tests::HashKey;

#[cfg(any(test, feature = "internals"))]
pub(crate) mod for_tests {
    use std::hash::{BuildHasher, DefaultHasher};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::RandomState;

    /// A random key, or one that is known.
    #[derive(Clone, Debug)]
    pub(crate) struct HashKey(Option<RandomState>);

    static IS_KNOWN: AtomicBool = AtomicBool::new(false);

    /// Has all keys be the same from now on, in each process.
    pub(crate) fn make_known() {
        IS_KNOWN.store(true, Ordering::Relaxed);
    }

    impl Default for HashKey {
        fn default() -> Self {
            let is_known = IS_KNOWN.load(Ordering::Relaxed);
            Self((!is_known).then(RandomState::new))
        }
    }

    impl BuildHasher for HashKey {
        type Hasher = DefaultHasher;

        fn build_hasher(&self) -> DefaultHasher {
            let Self(random) = self;
            random
                .as_ref()
                .map(RandomState::build_hasher)
                .unwrap_or_default()
        }
    }
}
