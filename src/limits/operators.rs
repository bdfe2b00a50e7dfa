//! The admin port and the log.

use std::time::Duration;

/// Maximum number of connections of the admin port. The next one replaces the connection whose
/// timeout ends first. A client that sends its request at once has its answer before that.
pub const ADMIN_CONNECTIONS_MAX: usize = 256;
/// A request on the admin port must be complete this long after its connection was accepted.
pub const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that the kernel keeps for the admin port until they are accepted.
pub const ADMIN_BACKLOG: i32 = 256;
/// A shard that was woken and has no turn for this long is stuck. It is far longer than any turn,
/// and shorter than the patience of orchestrators.
pub const SHARD_STUCK_AFTER: Duration = Duration::from_secs(5);
/// Lines that wait for the reader of the log: a burst at level `debug`, some MB.
pub const LOG_LINES_MAX: usize = 8_192;
/// Maximum length of a log line in bytes.
pub const LOG_LINE_BYTES_MAX: usize = 2_048;
/// Bytes of log lines that are written in one call.
pub const LOG_BATCH_BYTES: usize = 32 << 10;
/// The program waits this long at its end for the rest of its log to be read.
pub const LOG_PATIENCE: Duration = Duration::from_secs(1);
