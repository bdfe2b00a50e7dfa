//! How connections end: last words, streams that come back, and drains.

use std::ops::Range;
use std::time::Duration;

/// A connection whose last answer was this long ago, and that asks nothing more, is closed.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(75);
/// A last word must be sent this long after it was said.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// After its last word a connection is read and discarded until its client closes; or for this
/// long, if the client's host has confirmed all of it and nothing more comes. In a drain, whatever
/// comes.
pub const LINGER_MOMENT: Duration = Duration::from_secs(2);
/// The same while something is not confirmed: what came, and what was confirmed, begins it anew.
pub const LINGER_SILENCE: Duration = Duration::from_secs(5);
/// And for this long at the most, as with nginx: whoever uploads for longer does not look.
pub const LINGER_TIME: Duration = Duration::from_secs(30);
/// How often a socket is asked what its client's host has confirmed.
pub const LINGER_STEP: Duration = Duration::from_millis(500);
/// Bytes discarded of one connection in a step: 16 MiB in a second. Beyond it is not read, and TCP
/// slows the client.
pub const LINGER_BYTES_PER_STEP: usize = 8 << 20;
/// Connections of a shard that linger, and not more than a quarter of those that it admits, as they
/// count among them. Over that the oldest go.
pub const LINGERING_MAX: usize = 4_096;
/// How long clients of server-sent events wait before they come back, each its own time within:
/// those of a server that restarts do not come in one second.
pub const EVENTS_RETRY: Range<Duration> = Duration::from_secs(1)..Duration::from_secs(6);
/// The same of those that were refused for the moment.
pub const EVENTS_RETRY_REFUSED: Range<Duration> = Duration::from_secs(5)..Duration::from_secs(20);
/// A drain takes this long at the most: it waits for those who take what they are sent, however
/// slowly, and then cuts what is left.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Those who keep up are told within this time, and a server whose clients all do has stopped by
/// then: Docker kills after ten seconds.
pub const DRAIN_WINDOW: Duration = Duration::from_secs(8);
/// The last of the window, in which nobody is told: clients answer, and close.
pub const DRAIN_TAIL: Duration = Duration::from_secs(2);
/// A drain still reads for this long, so that what is on its way to the server arrives.
pub const DRAIN_GRACE: Duration = Duration::from_millis(200);
/// A server that closes its listeners defers no accepts any more, and listens on for this long:
/// what clients that have connected say first is on its way. No longer than [`DRAIN_GRACE`], which
/// it is a part of.
pub const DEFERRED_GRACE: Duration = DRAIN_GRACE;
/// A body that has not come whole by then holds up no drain: its client was promised nothing.
pub const DRAIN_BODY_TIMEOUT: Duration = Duration::from_secs(1);
/// A shard with fewer connections closes them at once when it drains.
pub const DRAIN_ALL_AT_ONCE: usize = 1_000;
/// How often a drain goes on.
pub const DRAIN_STEP: Duration = Duration::from_millis(50);
