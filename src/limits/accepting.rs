//! Shards, listeners and the acceptance of connections.

use std::time::Duration;

/// Maximum number of shards of a server.
pub const SHARDS_MAX: usize = 256;
/// Descriptors of a shard that are not for connections, beside the doorbells: listeners, epoll, the
/// handoff, the spare one, those of connections being refused, and those that a handler opens.
pub const DESCRIPTORS_RESERVED: usize = 100;

/// Connections that the kernel keeps for a listener until they are accepted; the kernel uses
/// `net.core.somaxconn` if that is less. After a restart all clients reconnect at once, and a
/// client that finds the queue full waits a second or more before it tries again.
pub const LISTEN_BACKLOG: i32 = 65_535;
/// Connections accepted between two polls.
pub const ACCEPTS_PER_TURN: usize = 128;
/// After an accept has failed because descriptors or memory ran out, the next one is tried this
/// much later.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// With a shorter handshake timeout, no accept is deferred: a deferred accept gives a client that
/// sends nothing another second.
pub const DEFERRED_HANDSHAKE_TIMEOUT_MIN: Duration = Duration::from_secs(2);
/// Connections above the limit of a shard that may wait for their refusal at the same time.
pub const OVERFLOW_MAX: usize = 32;
/// Bytes, as the kernel counts them, of connections on their way from the balancer to one shard:
/// fewer than 200 connections, which the kernel's backlog could hold as well.
pub const HANDOFF_BYTES: usize = 64 << 10;

/// Minimum number of places in each row of the table that counts connections by address.
pub const ADDRESS_SLOTS_MIN: usize = 1 << 12;
/// Maximum number of places in each row: 8 MiB in two rows.
pub const ADDRESS_SLOTS_MAX: usize = 1 << 20;
/// Minimum number of clients whose openings are counted at the same time.
pub const THROTTLE_CELLS_MIN: usize = 1 << 12;
/// Maximum number of clients whose openings are counted at the same time: 8 MiB.
pub const THROTTLE_CELLS_MAX: usize = 1 << 20;
/// Tries to take an opening while other shards change the same cell.
pub const THROTTLE_TRIES: usize = 64;
/// Clients that opened connections too often come back within this time after the moment from
/// which they may, or within twice their wait: not all together.
pub const RETRY_SPREAD: Duration = Duration::from_secs(4);
