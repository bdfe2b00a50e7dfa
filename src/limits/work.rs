//! What a turn may do, what each piece of work costs of that, and when a turn comes too late.

use std::time::Duration;

/// A shard that did not run for this long, although it would have, was stopped or held up: what its
/// clients sent meanwhile may not all be here, or may wait for an answer.
pub const GAP_MIN: Duration = Duration::from_millis(500);
/// After that no client is late for as long again, but not for longer than this: what was lost
/// meanwhile has been sent again.
pub const GRACE_MAX: Duration = Duration::from_secs(10);

/// What each phase of a turn may do, in units of work: nanoseconds on an ordinary core. With the
/// sends of [`SENDS_PER_TURN`](super::SENDS_PER_TURN) a turn takes some milliseconds, of which a client feels one and a
/// half; a poll between two turns takes some microseconds, so that more would gain nothing.
pub const WORK_PER_SHARE: isize = 1_000_000;
/// What is done for one connection before another that waits to be read: a thousand connections that
/// always have more to read have each had their turn after 50 ms.
pub const WORK_PER_PART: isize = 50_000;
/// A call to read a socket, whatever it brings.
pub const WORK_OF_READ: usize = 1_000;
/// Bytes that are received, unmasked, checked and copied for one unit of work.
pub const BYTES_PER_WORK: usize = 2;
/// A frame of any kind, or another piece of what a client sends, beside its bytes.
pub const WORK_OF_STEP: usize = 50;
/// A message to the handler and to its topic, whether or not there are subscribers.
pub const WORK_OF_MESSAGE: usize = 100;
/// A message into the log of a topic for one kind of subscribers, beside its bytes.
pub const WORK_OF_APPEND: usize = 100;
/// A pong, beside its write.
pub const WORK_OF_PONG: usize = 50;
/// A request of HTTP and its answer.
pub const WORK_OF_REQUEST: usize = 3_000;
/// A connection that is opened, after its request.
pub const WORK_OF_OPENING: usize = 5_000;
/// A connection that ends, to the close of its socket.
pub const WORK_OF_END: usize = 10_000;
