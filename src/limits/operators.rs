//! What operators see: the admin port and the log.

use std::time::Duration;

/// Connections of the admin port; beyond them, the one whose time is over first gives way. One that
/// asks at once has its answer before so many come.
pub const ADMIN_CONNECTIONS_MAX: usize = 256;
/// A request on the admin port must be complete this long after its connection was accepted.
pub const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections the kernel keeps for the admin port until they are accepted.
pub const ADMIN_BACKLOG: i32 = 256;
/// A shard that was woken and has no turn for so long stands still: far longer than any turn takes,
/// and sooner than orchestrators give up by themselves.
pub const SHARD_STUCK_AFTER: Duration = Duration::from_secs(5);
/// Lines of the log that wait for whoever reads them: a burst at `debug`, of some MB.
pub const LOG_LINES_MAX: usize = 8_192;
/// Longest line of the log in bytes.
pub const LOG_LINE_BYTES_MAX: usize = 2_048;
/// Bytes of lines that are written in one call.
pub const LOG_BATCH_BYTES: usize = 32 << 10;
/// The end of the program waits this long for what is left of its log to be read.
pub const LOG_PATIENCE: Duration = Duration::from_secs(1);
