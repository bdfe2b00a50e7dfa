//! How much memory clients can make a server use, in all and for each kind.

use std::time::Duration;

/// Clients can make a server use one part in this many of the memory. The rest is for idle
/// connections, for what allocators waste, and for the kernel's buffers, which control groups count
/// as well.
pub const MEMORY_SHARE: usize = 2;
/// Where the configured number of connections needs more than that, clients still have one part in
/// this many.
pub const MEMORY_SHARE_LEAST: usize = 8;
/// The assumed memory in bytes if the amount of memory is unknown.
pub const MEMORY_BYTES_ASSUMED: usize = 512 << 20;
/// The largest memory limit that a user can set, in bytes.
pub const MEMORY_BYTES_CEILING: usize = 1 << 50;
/// A shard's share is at least this many of the longest messages, however little memory there is.
pub const MEMORY_MESSAGES_MIN: usize = 4;
/// Lanes from one direction may use one part in this many of a shard's memory.
pub const INBOX_SHARE: usize = 16;

/// Bytes of unread replies of a shard, if its share of the memory allows it: a thousand connections
/// with [`OUTBOX_BYTES_HIGH`](super::OUTBOX_BYTES_HIGH).
pub const REPLIES_BYTES_MAX: usize = 64 << 20;
/// The largest value that a user can set.
pub const REPLIES_BYTES_CEILING: usize = 1 << 40;
/// Bytes of incomplete messages of a shard, if its share of the memory allows it.
pub const ASSEMBLY_BYTES_MAX: usize = 256 << 20;
/// The largest value that a user can set.
pub const ASSEMBLY_BYTES_CEILING: usize = 1 << 40;

/// A message may take this long to arrive, however slowly.
pub const MESSAGE_GRACE: Duration = Duration::from_secs(30);
/// Beyond that time, this many bytes must have arrived for each second; a slow radio link is
/// faster.
pub const MESSAGE_PROGRESS: usize = 1 << 10;
/// The largest value that a user can set.
pub const MESSAGE_PROGRESS_CEILING: usize = 1 << 20;
/// Bytes a second at which an incomplete message counts as fast enough, if some must be closed.
pub const PROGRESS_FAST: u64 = 64 << 10;

/// Memory of an idle connection in bytes, for which a host is examined: 4.3 KB of the kernel
/// (docs/BENCHMARKS.md) and 0.2 KB of the server.
pub const CONNECTION_BYTES: usize = 4_500;
/// A page of the kernel's memory, which a socket has at least while there is data in it.
pub const KERNEL_PAGE_BYTES: usize = 4_096;
