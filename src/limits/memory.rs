//! How much memory clients can make a server hold, and how much of each kind.

use std::time::Duration;

/// Clients can make a server hold one part in so many of the memory that there is: the rest is for
/// connections that hold nothing, what allocators waste, and the kernel's buffers, which control
/// groups count as well.
pub const MEMORY_SHARE: usize = 2;
/// Bytes for all that, where nobody says how much memory there is.
pub const MEMORY_BYTES_ASSUMED: usize = 512 << 20;
/// The largest budget that a user can ask for, in bytes.
pub const MEMORY_BYTES_CEILING: usize = 1 << 50;
/// A shard's part of that is so many of the longest messages at least, whatever memory there is.
pub const MEMORY_MESSAGES_MIN: usize = 4;
/// The share of a shard's memory that lanes from one direction may have.
pub const INBOX_SHARE: usize = 16;

/// Bytes of unread replies of a shard, where its share of the memory is not less: a thousand
/// connections that are at [`OUTBOX_BYTES_HIGH`](super::OUTBOX_BYTES_HIGH).
pub const REPLIES_BYTES_MAX: usize = 64 << 20;
/// The most that a user can ask for.
pub const REPLIES_BYTES_CEILING: usize = 1 << 40;
/// Bytes of unfinished messages of a shard, where its share of the memory is not less.
pub const ASSEMBLY_BYTES_MAX: usize = 256 << 20;
/// The most that a user can ask for.
pub const ASSEMBLY_BYTES_CEILING: usize = 1 << 40;

/// A message that has begun to come has this long, however slowly it comes.
pub const MESSAGE_GRACE: Duration = Duration::from_secs(30);
/// Beyond that it must have brought so many bytes for each second, as slow radio does.
pub const MESSAGE_PROGRESS: usize = 1 << 10;
/// The most that a user can ask for.
pub const MESSAGE_PROGRESS_CEILING: usize = 1 << 20;
/// Bytes a second at which an unfinished message is fast enough, where some are to give way.
pub const PROGRESS_FAST: u64 = 64 << 10;
