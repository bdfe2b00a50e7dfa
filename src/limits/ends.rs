//! How connections end: last words, event streams that reconnect, and drains.

use std::ops::Range;
use std::time::Duration;

/// An HTTP connection is closed this long after its last answer, if no further request begins.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(75);
/// The last word of a connection must be sent within this time.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// After its last word a connection is read, and what arrives is discarded, until its client
/// closes. If the client's host has acknowledged everything and nothing more arrives, this time is
/// enough. In a drain it is enough whatever arrives.
pub const LINGER_MOMENT: Duration = Duration::from_secs(2);
/// The same while something is not acknowledged. The time begins anew whenever bytes arrive or are
/// acknowledged.
pub const LINGER_SILENCE: Duration = Duration::from_secs(5);
/// Maximum of that time, as in nginx: a client that uploads for longer does not read.
pub const LINGER_TIME: Duration = Duration::from_secs(30);
/// How often the shard asks a socket what the client's host has acknowledged.
pub const LINGER_STEP: Duration = Duration::from_millis(500);
/// Bytes of one connection that are discarded in one step: 16 MiB a second. Beyond it the
/// connection is not read, and TCP slows the client.
pub const LINGER_BYTES_PER_STEP: usize = 8 << 20;
/// Maximum number of connections of a shard that linger, and at most a quarter of those it admits,
/// because they count as connections. Above it, the oldest are closed.
pub const LINGERING_MAX: usize = 4_096;
/// How long clients of server-sent events wait before they reconnect, a different time for each:
/// clients of a restarted server do not all come back in the same second.
pub const EVENTS_RETRY: Range<Duration> = Duration::from_secs(1)..Duration::from_secs(6);
/// The same for clients that were refused for the moment.
pub const EVENTS_RETRY_REFUSED: Range<Duration> = Duration::from_secs(5)..Duration::from_secs(20);
/// The same for clients that should not come back, such as the tab of a user that has opened more
/// than it may: in a browser, 32-bit timers end at 24 days.
pub const EVENTS_RETRY_FINAL: Duration = Duration::from_secs(24 * 60 * 60);
/// Maximum duration of a drain. It waits for clients that read what they are sent, however slowly,
/// and then closes what is left.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Clients that keep up are closed within this time. If all of them close in return, the server has
/// stopped by its end. Docker kills a container after ten seconds.
pub const DRAIN_WINDOW: Duration = Duration::from_secs(8);
/// The end of that time, in which no connection is closed: clients answer and close.
pub const DRAIN_TAIL: Duration = Duration::from_secs(2);
/// A drain still reads for this long, so that messages on their way to the server arrive.
pub const DRAIN_GRACE: Duration = Duration::from_millis(200);
/// Before a server closes its listeners, it stops deferring accepts and listens for this time: the
/// first bytes of connected clients are on their way. It is a part of [`DRAIN_GRACE`], so it must
/// not be longer.
pub const DEFERRED_GRACE: Duration = DRAIN_GRACE;
/// A body that is incomplete after this time does not delay a drain: its client was promised
/// nothing.
pub const DRAIN_BODY_TIMEOUT: Duration = Duration::from_secs(1);
/// A draining shard with fewer connections closes them all at once.
pub const DRAIN_ALL_AT_ONCE: usize = 1_000;
/// A client that a drain has told to come back waits at least this long: a program that restarts
/// is there again, or a load balancer has noticed.
pub const RETURN_AFTER: Duration = Duration::from_secs(1);
/// Maximum time over which the clients of a drained server are told to come back.
pub const RETURN_WINDOW_MAX: Duration = Duration::from_secs(60);
/// Connections that a shard is assumed to open in a second, if it has not been seen to open more:
/// what a slow core does with full TLS handshakes.
pub const OPENS_ASSUMED: u64 = 2_000;
/// Time between two steps of a drain.
pub const DRAIN_STEP: Duration = Duration::from_millis(50);
