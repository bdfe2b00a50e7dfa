//! Memory of topics.

use std::time::Duration;

/// Entries for which a table keeps memory whatever it holds: below that there is nothing to gain.
pub const TABLE_ENTRIES_KEPT: usize = 1_024;
/// Entries of tables, with what they held, that are worth asking the allocator for its free memory:
/// some MiB.
pub const RELEASE_ENTRIES_MIN: usize = 16 << 10;
/// It is asked once in this time by each shard: with 80 MiB to give back it took 24 ms.
pub const RELEASE_INTERVAL: Duration = Duration::from_secs(10);
