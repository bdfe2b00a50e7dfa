//! Lanes between shards, the spin wait for an answer on them, and the way to other servers.

use std::time::Duration;

/// Messages on a lane between two shards, if memory does not allow fewer only: as many as a shard
/// fans out in a few turns.
pub const LANE_MESSAGES_MAX: usize = 1024;
/// Minimum number of messages on a lane.
pub const LANE_MESSAGES_MIN: usize = 4;
/// Messages on all lanes to one shard in one direction.
pub const INBOX_MESSAGES_MAX: usize = 4096;
/// Messages on all lanes of a server in one direction. Their places are allocated at the start, at
/// most 128 bytes for each, and the number of lanes grows with the square of the shards.
pub const MESH_MESSAGES_MAX: usize = 1 << 18;
/// Bytes of payload on all lanes to one shard in one direction.
pub const INBOX_BYTES_MAX: usize = 16 << 20;
/// Minimum share of those bytes for one lane.
pub const LANE_BYTES_MIN: usize = 256 << 10;

/// A shard that has put mail on a lane to a home spins this long for the answer before it sleeps:
/// most of the time is the wake-up of the home's thread.
pub const SPIN_WAIT_MAX: Duration = Duration::from_micros(50);
/// A shard may spend one part in this many of its time on spinning.
pub const SPIN_WAIT_SHARE: u32 = 32;
/// Maximum time that a shard which has not spun for long may spend at once.
pub const SPIN_WAIT_CREDIT_MAX: Duration = Duration::from_millis(1);

/// Time that a message waits for the engine that servers share.
pub const CLUSTER_TIMEOUT: Duration = Duration::from_secs(5);
/// Time without a message of the engine after which a server looks whether its subscriptions live.
pub const CLUSTER_PROBE: Duration = Duration::from_secs(10);
/// What the keys and channels of servers begin with.
pub const CLUSTER_PREFIX: &str = "corecast";
