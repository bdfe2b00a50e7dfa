//! What a turn may do, the cost of each step, and when a turn comes too late.

use std::time::Duration;

/// Sends of a shard between two polls: about 2 ms.
pub const SENDS_PER_TURN: usize = 512;
/// Sends for one topic before the next topic's.
pub const WALK_QUANTUM: usize = 256;
/// Members that one walk passes over without a send: some 30 µs.
pub const SCAN_PER_WALK: usize = 16 << 10;
/// Events taken from the kernel at once.
pub const EVENTS_PER_POLL: usize = 1_024;
/// Messages taken from one lane in one turn.
pub const MAIL_PER_LANE_AND_TURN: usize = 256;
/// Answers of other threads taken in one turn.
pub const ANSWERS_PER_TURN: usize = 1_024;
/// Entries of the list in which a turn keeps the times of its passes over subscribers; passes with
/// the same times are one entry. Passes beyond it are not in the histograms.
pub const PASSES_TIMED_PER_TURN: usize = 1_024;
/// Paused connections whose message is tried again in one turn.
pub const RESUMES_PER_TURN: usize = 256;
/// Paused connections looked at in one turn. For most of them the result is only that there is no
/// time for them now.
pub const PASSES_PER_TURN: usize = 16 * RESUMES_PER_TURN;
/// Deadlines looked at in one turn.
pub const TIMEOUTS_PER_TURN: usize = 1_024;

/// A shard that did not run for this long, although it wanted to, was stopped or delayed: what its
/// clients sent meanwhile may not have arrived yet, or may wait for an answer.
pub const GAP_MIN: Duration = Duration::from_millis(500);
/// After such a gap, no client counts as late for the same time again, but for at most this long:
/// then TCP has retransmitted what was lost meanwhile.
pub const GRACE_MAX: Duration = Duration::from_secs(10);

/// What each phase of a turn may do, in units of work: nanoseconds on an ordinary core. With the
/// sends of [`SENDS_PER_TURN`], a turn takes some milliseconds, of which a client notices one and a
/// half. A poll between two turns takes some microseconds, so longer turns would gain nothing.
pub const WORK_PER_SHARE: isize = 1_000_000;
/// What is done for one connection before the next one that waits to be read. A thousand
/// connections that always have more to read have each had their part after 50 ms.
pub const WORK_PER_PART: isize = 50_000;
/// Minimum that is done for a connection that was idle, before it counts as one that always has
/// more to read. A thousand connections that send at once are all served within milliseconds.
pub const WORK_PER_FIRST_PART: isize = 5_000;
/// One call to read a socket, whatever it returns.
pub const WORK_OF_READ: usize = 1_000;
/// One TLS record, in addition to its bytes.
pub const WORK_OF_RECORD: usize = 500;
/// Bytes that are received, unmasked, checked and copied for one unit of work.
pub const BYTES_PER_WORK: usize = 2;
/// One frame of any kind, or another piece of what a client sends, in addition to its bytes.
pub const WORK_OF_STEP: usize = 50;
/// One level of patterns that a topic is compared with.
pub const WORK_OF_LEVEL: usize = 12;
/// One message of a history that a reader passes over.
pub const WORK_OF_PASS: usize = 5;
/// One message to the handler and to its topic, with or without subscribers.
pub const WORK_OF_MESSAGE: usize = 100;
/// One message into the log of a topic for one form, in addition to its bytes.
pub const WORK_OF_APPEND: usize = 100;
/// One byte of a message of which a delta is made.
pub const WORK_OF_DELTA_BYTE: usize = 4;
/// One subscriber that gets a message whole in place of a delta, in addition to its write.
pub const WORK_OF_WHOLE: usize = 500;
/// One pong, in addition to its write.
pub const WORK_OF_PONG: usize = 50;
/// One byte of a request's body that is given to the handler, for the slowest JSON. The whole body
/// is parsed at once, and again after the request has waited.
pub const WORK_OF_BODY_BYTE: usize = 5;
/// One HTTP request and its answer.
pub const WORK_OF_REQUEST: usize = 3_000;
/// Reading a token of 300 bytes.
pub const WORK_OF_TOKEN: usize = 4_000;
/// Checking its signature with one key: an HMAC.
pub const WORK_OF_HMAC: usize = 1_000;
/// The same with RSA of 2048 bits; of twice the length, four times as much.
pub const WORK_OF_RSA_2048: usize = 40_000;
/// The same with Ed25519.
pub const WORK_OF_ED25519: usize = 40_000;
/// The same with P-256.
pub const WORK_OF_P256: usize = 55_000;
/// The same with P-384, for which the library has no code of its own.
pub const WORK_OF_P384: usize = 520_000;
/// Opening a connection, after its request.
pub const WORK_OF_OPENING: usize = 5_000;
/// One connection in a list, with the system calls that ask for its traffic.
pub const WORK_OF_LISTED: usize = 2_000;
/// One subscription of a session, with its command and the answer that it is live.
pub const WORK_OF_SUBSCRIBING: usize = 2_000;
/// The end of one, with what its client is told.
pub const WORK_OF_UNSUBSCRIBING: usize = 1_500;
/// One subscription of a connection that a write looks at, some times.
pub const WORK_OF_PLACE: usize = 40;
/// Subscriptions of a session whose time is over that end in one step: half a millisecond.
pub const EXPIRIES_PER_STEP: usize = 256;
/// Ending a connection, to the close of its socket.
pub const WORK_OF_END: usize = 10_000;
