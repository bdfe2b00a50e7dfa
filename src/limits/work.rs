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
/// What is done at least for a connection that was idle, before it counts as one that always has
/// more to read: a thousand that all have something at once are all heard within some milliseconds.
pub const WORK_PER_FIRST_PART: isize = 5_000;
/// A call to read a socket, whatever it brings.
pub const WORK_OF_READ: usize = 1_000;
/// A record of TLS, beside its bytes.
pub const WORK_OF_RECORD: usize = 500;
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
/// Each byte of a request's body that is offered to the handler, for JSON of the worst kind. The
/// whole body is parsed at once, and again when the request has waited.
pub const WORK_OF_BODY_BYTE: usize = 5;
/// A request of HTTP and its answer.
pub const WORK_OF_REQUEST: usize = 3_000;
/// A connection that is opened, after its request.
pub const WORK_OF_OPENING: usize = 5_000;
/// A connection that ends, to the close of its socket.
pub const WORK_OF_END: usize = 10_000;

/// What compressing messages may take in a turn for each who publishes or is published to, by the
/// same count. As long again may each reply take: beyond that, replies are sent as they are.
pub const COMPRESSION_PER_SHARE: isize = 2_000_000;
/// What all of them together may take in a turn: as much as their shares, so that the last of them
/// has its own, and none begins another message after one that went far over its share. The last
/// message may go over it by three times [`COMPRESSION_OF_MESSAGE`], with three windows.
pub const COMPRESSION_PER_TURN: isize = 8 * COMPRESSION_PER_SHARE;
/// What one message may take for each window: one that would take longer at the level that is
/// configured is compressed at a lower one, and sent as it is if it would at the lowest.
pub const COMPRESSION_OF_MESSAGE: usize = 12_000_000;
/// The levels that a message which is too long for its own is compressed at, if they are lower.
pub const LOWER_LEVELS: [u8; 2] = [6, 1];

/// What compressing takes for each byte at the levels from 1 to 9, of what takes longest: random
/// bytes at the lower ones, and text of two letters at the upper ones, where each byte has thousands
/// of places to look at. Other text takes 3 to 15 at any level.
const COMPRESSION_OF_BYTE: [usize; 9] = [10, 20, 25, 30, 40, 100, 200, 500, 1_500];
/// To begin a message, whatever its length.
const COMPRESSION_OF_BEGINNING: usize = 20_000;

/// What compressing `len` bytes takes at the most.
pub fn work_of_compression(level: u8, len: usize) -> usize {
    let place = usize::from(level.clamp(1, 9) - 1);
    COMPRESSION_OF_BEGINNING + len.saturating_mul(COMPRESSION_OF_BYTE[place])
}
