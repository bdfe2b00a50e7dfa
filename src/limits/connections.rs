//! Open connections: signs of life, and what is read from and written to a socket.

use std::time::Duration;

/// A WebSocket connection that has sent nothing for this long is pinged.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);
/// A pinged connection that still sends nothing for this long is closed.
pub const PONG_TIMEOUT: Duration = Duration::from_secs(10);
/// A client of the structured protocol that does not answer a ping for this long is closed, as in
/// Centrifugo.
pub const SESSION_PONG_TIMEOUT: Duration = Duration::from_secs(8);
/// The home of a topic answers a question of a client of the structured protocol in this time, or
/// the client is told to try again: SDKs wait for 5 s.
pub const SESSION_ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// The first message of a session has at most so many bytes: a token, where the client was, and
/// commands that it does not hold back. As in Centrifugo.
pub const CONNECT_BYTES_MAX: usize = 64 << 10;
/// Commands of a message beyond the rate that are answered, so that a flood makes no more answers.
pub const REFUSALS_PER_MESSAGE: usize = 16;
/// A session, or a subscription of one, ends so long after its token, unless its client has sent
/// another: as in Centrifugo.
pub const SESSION_GRACE: Duration = Duration::from_secs(25);
/// A connection whose socket takes no byte for this long, although bytes are waiting, is closed.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How much later than it could be a connection with several subscriptions is written: not at all,
/// as most have no topics that change together.
pub const WRITE_DELAY: Duration = Duration::ZERO;
/// Maximum of that. Beyond a second, clients would take the server for one that hangs.
pub const WRITE_DELAY_MAX: Duration = Duration::from_secs(1);
/// A TCP client that has closed its side and may still read is sent a heartbeat after this long
/// without anything else: only sending shows whether the client still exists. If its program has
/// closed the socket, its kernel answers with a reset (RFC 9293 3.6.1).
pub const HALF_CLOSED_HEARTBEAT: Duration = Duration::from_secs(5);

/// A connection that was silent for this long is probed by TCP: NATs forget it after some minutes.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// Time between two probes of a silent connection.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Number of probes without an answer after which a connection counts as dead. A phone is often out
/// of reach for longer than one.
pub const KEEPALIVE_PROBES: u32 = 4;
/// A connection ends if sent bytes are not acknowledged for this long, or wait for a window that
/// stays closed. This replaces the number of probes (tcp(7), `TCP_USER_TIMEOUT`), so it must be the
/// time that all probes take.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(120);
/// Unsent bytes that the kernel takes for a connection. Without this limit it takes 3 to 4 MB for a
/// client that never reads, and every policy for slow subscribers begins minutes late
/// (`TCP_NOTSENT_LOWAT`, tcp(7)).
pub const NOTSENT_BYTES: u32 = 16 << 10;
/// The same for a client that is too slow for a topic of which it gets the newest messages: with
/// more, they would be two seconds old at 64 kbit/s.
pub const NOTSENT_BYTES_OF_NEWEST: u32 = 2 << 10;

/// Bytes of one read from a socket: the size of a shard's read buffer.
pub const READ_BYTES: usize = 64 << 10;
/// Bytes of one read from a socket while many connections wait to be read.
pub const READ_BYTES_MIN: usize = 4 << 10;
/// Bytes of unsent replies of a connection, above which it is not read.
pub const OUTBOX_BYTES_HIGH: usize = 64 << 10;
/// Bytes of unsent replies of a connection, above which `send` reports pressure.
pub const OUTBOX_BYTES_PRESSURE: usize = 16 << 10;
/// Capacity in bytes of an outbox that is kept for the next connection.
pub const SPARE_OUTBOX_BYTES_MAX: usize = 16 << 10;
/// Outboxes that a shard keeps for the next replies.
pub const SPARE_OUTBOXES_MAX: usize = 128;
/// The rest of a frame after a short write is copied up to this many bytes, and referenced above.
pub const REST_COPY_BYTES_MAX: usize = 4 << 10;
/// Slices in one vectored write.
pub const SLICES_PER_WRITE: usize = 64;
/// Up to this many bytes, several slices are copied together and sent with one `send`: 20 frames of
/// 66 bytes take 4.3 us this way, and 5.3 us with `writev`.
pub const GATHER_COPY_BYTES_MAX: usize = 16 << 10;

const _: () = assert!(
    TCP_USER_TIMEOUT.as_secs()
        == KEEPALIVE_IDLE.as_secs() + KEEPALIVE_PROBES as u64 * KEEPALIVE_INTERVAL.as_secs()
);
const _: () = assert!(STALL_TIMEOUT.as_secs() < TCP_USER_TIMEOUT.as_secs());
/// The longest time after which an application has a connection closed; stamps come round after
/// eight years.
pub const CLOSE_AFTER_MAX: Duration = Duration::from_secs(2 * 365 * 86_400);

/// Maximum length of the reason in a close frame, in bytes: a control frame carries 125, two of
/// which are the code (RFC 6455 section 5.5).
pub const CLOSE_REASON_BYTES_MAX: usize = 123;
/// Connections of a user that are listed at once: more than any person has.
pub const CONNECTIONS_LISTED_MAX: usize = 1_000;
/// Connections of a user that its home looks at before it passes on what is to be done with them,
/// and goes on with the next ones. A list is one such piece.
pub const CONNECTIONS_PER_ORDER: usize = CONNECTIONS_LISTED_MAX;
/// What a shard keeps to be done with connections of users: commands as their home, and as many
/// orders for its own connections.
pub const USER_WORK_MAX: usize = 256;
/// Bytes of these; the last one may exceed it.
pub const USER_WORK_BYTES_MAX: usize = 4 << 20;
