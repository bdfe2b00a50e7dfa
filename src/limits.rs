//! Every limit and default, with its unit and its reason.
//!
//! A number that a user can change stands here as the default of `Config`; a number that nobody
//! should change stands here as a constant.

mod ends;
mod heads;
mod memory;
mod operators;
mod rooms;
mod topics;
mod work;

use std::time::Duration;

pub use ends::{
    CLOSE_TIMEOUT, DEFERRED_GRACE, DRAIN_ALL_AT_ONCE, DRAIN_BODY_TIMEOUT, DRAIN_GRACE, DRAIN_STEP,
    DRAIN_TAIL, DRAIN_TIMEOUT, DRAIN_WINDOW, EVENTS_RETRY, EVENTS_RETRY_REFUSED,
    KEEP_ALIVE_TIMEOUT, LINGER_BYTES_PER_STEP, LINGER_MOMENT, LINGER_SILENCE, LINGER_STEP,
    LINGER_TIME, LINGERING_MAX,
};
pub use heads::{
    ANSWER_HEAD_BYTES_MAX, ANSWER_HEADERS_MAX, HEAD_BYTES_CEILING, HEAD_BYTES_MAX, HEADERS_CEILING,
    HEADERS_MAX,
};
pub use operators::{
    ADMIN_BACKLOG, ADMIN_CONNECTIONS_MAX, ADMIN_TIMEOUT, LOG_BATCH_BYTES, LOG_LINE_BYTES_MAX,
    LOG_LINES_MAX, LOG_PATIENCE, SHARD_STUCK_AFTER,
};
pub use rooms::{
    ELSEWHERE_MAX, JOINS_AT_ONCE, ROOM_OUTPUTS_MAX, ROOM_TIMEOUTS_PER_TURN, STAGED_BYTES_MAX,
    STAGED_MAX, TAG_BYTES_MAX, WELCOME_BYTES_MAX,
};
pub use topics::{RELEASE_ENTRIES_MIN, RELEASE_INTERVAL, TABLE_ENTRIES_KEPT};
pub use work::{
    BYTES_PER_WORK, COMPRESSION_OF_MESSAGE, COMPRESSION_PER_SHARE, COMPRESSION_PER_TURN, GAP_MIN,
    GRACE_MAX, LOWER_LEVELS, WORK_OF_APPEND, WORK_OF_BODY_BYTE, WORK_OF_END, WORK_OF_MESSAGE,
    WORK_OF_OPENING, WORK_OF_PONG, WORK_OF_READ, WORK_OF_RECORD, WORK_OF_REQUEST, WORK_OF_STEP,
    WORK_PER_FIRST_PART, WORK_PER_PART, WORK_PER_SHARE, work_of_compression,
};

pub use memory::{
    ASSEMBLY_BYTES_CEILING, ASSEMBLY_BYTES_MAX, INBOX_SHARE, MEMORY_BYTES_ASSUMED,
    MEMORY_BYTES_CEILING, MEMORY_MESSAGES_MIN, MEMORY_SHARE, MESSAGE_GRACE, MESSAGE_PROGRESS,
    MESSAGE_PROGRESS_CEILING, PROGRESS_FAST, REPLIES_BYTES_CEILING, REPLIES_BYTES_MAX,
};

/// Longest message a client may send, in bytes: enough for any state snapshot, small enough that
/// a hundred hostile connections cannot fill a host.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// The largest value `--max-message` takes, in bytes.
pub const MESSAGE_BYTES_CEILING: usize = 16 << 20;

/// The largest log of a topic that a user can ask for, in bytes: a gigabyte for each topic that
/// somebody is behind on is no limit any more.
pub const LOG_BYTES_CEILING: usize = 1 << 30;
/// The largest backlog of a shard that a user can ask for, in bytes.
pub const BACKLOG_BYTES_CEILING: usize = 1 << 40;

/// How hard messages are compressed, from 1 to 9: nearly as small as by 6, in half the time.
pub const COMPRESSION_LEVEL: u8 = 2;
/// Messages of this many bytes or less are not compressed: it would take as long as some sends, and
/// save a part of one packet.
pub const COMPRESSION_THRESHOLD: usize = 256;
/// What compressed messages may cost in one turn, in bytes that come out: some milliseconds, or 15
/// by who means to make it long. Whoever has more waits for the next: a text of 1 MiB takes two
/// turns if it is an eighth as long compressed, and four if it is a third.
pub const INFLATE_COST_PER_TURN: usize = 2 << 20;
/// What is inflated between two looks at that: 4 KiB that go in, 0.4 ms at the most, or 64 KiB that
/// come out. A call of the decompressor has a price, which is not felt in so much. It is also what
/// one has inflated before the next who waits.
pub const INFLATE_COST_PER_STEP: usize = 64 << 10;
/// A byte that goes in costs as much as so many that come out: blocks that nothing comes out of
/// have codes to be read, 0.1 us for a byte where a byte that comes out takes 1 ns.
pub const INFLATE_COST_OF_INPUT: usize = 16;
/// A block that says it is the last, and is not, costs as much as so many bytes that come out: its
/// window is copied.
pub const INFLATE_COST_OF_RESTART: usize = 1 << 10;
/// Bytes that a codec keeps from one compressed message to the next: those of nearly all messages,
/// so that they cost no allocation.
pub const CODEC_BYTES_KEPT: usize = 64 << 10;
/// Blocks of a compressed message that say they are the last, and are not: each has a window of
/// 32 KiB copied, and no known compressor makes more than one for each flush.
pub const FINAL_BLOCKS_MAX: usize = 64;

/// Longest topic name in bytes of UTF-8, after percent-decoding.
pub const TOPIC_BYTES_MAX: usize = 255;
/// Below this no accept is deferred: a client that says nothing is accepted a second later then.
pub const DEFERRED_HANDSHAKE_TIMEOUT_MIN: Duration = Duration::from_secs(2);
/// A request head must be complete this long after the connection was accepted, or after its
/// first byte if it is not the first.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest body of a request in bytes: a message of [`MESSAGE_BYTES_MAX`] in base64, and what a
/// publish request has around it.
pub const BODY_BYTES_MAX: usize = MESSAGE_BYTES_MAX / 2 * 3;
/// The longest body that a user can ask for, in bytes: the same for the longest message.
pub const BODY_BYTES_CEILING: usize = MESSAGE_BYTES_CEILING / 2 * 3;
/// Longest line with a chunk's size, its extensions among it, in bytes.
pub const CHUNK_LINE_BYTES_MAX: usize = 256;
/// Bytes of all extensions and trailers of one body: nobody reads them.
pub const CHUNK_OVERHEAD_BYTES_MAX: usize = 4 << 10;
/// A request's body must be complete this long after its head.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Messages of one request to the publish API, all its lists together: each has an answer, which
/// waits in memory.
pub const API_ENTRIES_MAX: usize = 10_000;
/// A message with an idempotency key is not published again for this long, as with Centrifugo.
pub const ONCE_WINDOW: Duration = Duration::from_secs(300);
/// Such keys that a shard remembers for the topics at home there: 2 MiB. The oldest give way.
pub const ONCE_KEYS_MAX: usize = 1 << 16;
/// Bytes that the client of a stream of events may send after its request; it has nothing to say.
pub const EVENTS_INPUT_BYTES_MAX: u32 = 64 << 10;
/// Requests answered on one connection: so long-lived ones move to the shards of a new process,
/// and what one has taken is given back.
pub const REQUESTS_PER_CONN_MAX: u32 = 10_000;

/// Bytes of encoded frames that a topic's log keeps for those who are behind.
pub const LOG_BYTES_MAX: usize = 1 << 20;
/// A log's frames are kept, shared and let go of in segments of this many bytes.
pub const SEGMENT_BYTES: usize = 64 << 10;
/// Empty segments that a shard keeps for its next messages: 512 KiB.
pub const SPARE_SEGMENTS_MAX: usize = 8;
/// Subscriptions of one connection.
pub const SUBSCRIPTIONS_MAX: usize = 128;

/// A WebSocket connection that sent nothing for this long is pinged.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);
/// A pinged connection that still sends nothing for this long is closed.
pub const PONG_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection whose socket takes no byte for this long, while some wait, is closed.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The fewest places in each row of the table that counts connections by address.
pub const ADDRESS_SLOTS_MIN: usize = 1 << 12;
/// The most: 8 MiB in two rows.
pub const ADDRESS_SLOTS_MAX: usize = 1 << 20;

/// Bytes of one read from a socket: the size of a shard's read buffer.
pub const READ_BYTES: usize = 64 << 10;
/// Bytes of one read from a socket where many connections wait to be read.
pub const READ_BYTES_MIN: usize = 4 << 10;
/// Sends of a shard between two polls: about 2 ms.
pub const SENDS_PER_TURN: usize = 512;
/// Connections accepted between two polls.
pub const ACCEPTS_PER_TURN: usize = 128;

/// Connections the kernel keeps for a listener until they are accepted; it takes
/// `net.core.somaxconn` if that is less. Everyone comes back at once after a restart, and one that
/// finds no place waits a second or more before it tries again.
pub const LISTEN_BACKLOG: i32 = 65_535;
/// A connection that was silent for this long is probed: NATs forget it after some minutes.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// Between two probes of a silent connection.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Probes without an answer after which a connection is dead: a phone is out of reach for longer
/// than one.
pub const KEEPALIVE_PROBES: u32 = 4;
/// Bytes sent but not acknowledged for this long, or waiting for a window that stays closed, end
/// the connection. It also takes the place of the number of probes (tcp(7), `TCP_USER_TIMEOUT`),
/// so it must be the time that all of them take.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of a connection that the kernel takes beyond those it can send. Without a limit it takes
/// 3 to 4 MB from a reader that never reads, and every slow-consumer policy begins minutes late
/// (`TCP_NOTSENT_LOWAT`, tcp(7)).
pub const NOTSENT_BYTES: u32 = 16 << 10;

/// Messages on a lane between two shards, where memory does not tell otherwise: as many as a shard
/// fans out in a few turns.
pub const LANE_MESSAGES_MAX: usize = 1024;
/// The fewest messages on a lane.
pub const LANE_MESSAGES_MIN: usize = 4;
/// Messages on all lanes that lead to one shard in one direction.
pub const INBOX_MESSAGES_MAX: usize = 4096;
/// Messages on all lanes of a node in one direction: the places are allocated at start, in 128
/// bytes each at most, and the lanes grow with the square of the shards.
pub const MESH_MESSAGES_MAX: usize = 1 << 18;
/// Bytes of payload on all lanes that lead to one shard in one direction.
pub const INBOX_BYTES_MAX: usize = 16 << 20;
/// The least share of those bytes that a lane has.
pub const LANE_BYTES_MIN: usize = 256 << 10;

/// The rest of a frame after a short write is copied up to this size, and referenced above it.
pub const REST_COPY_BYTES_MAX: usize = 4 << 10;

const _: () = assert!(MESSAGE_BYTES_MAX <= MESSAGE_BYTES_CEILING);

/// Members passed over in one walk without a send: some 30 µs.
pub const SCAN_PER_WALK: usize = 16 << 10;
/// Blocked connections may hold the rests of so many of the longest messages on a shard, however
/// small its backlog is to be.
pub const HELD_MESSAGES_MIN: usize = 8;
/// The log has one page that was refused for its origin in this time, of each shard.
pub const ORIGIN_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Interest in a topic outlives its last subscriber by this long, so that one who comes back at
/// once finds it live.
pub const INTEREST_LINGER: Duration = Duration::from_secs(1);
/// A connection with more than this many bytes of replies unsent is read no further.
pub const OUTBOX_BYTES_HIGH: usize = 64 << 10;
/// An outbox that is kept for the next connection holds at most this many bytes.
pub const SPARE_OUTBOX_BYTES_MAX: usize = 16 << 10;
/// Outboxes that a shard keeps for the next replies.
pub const SPARE_OUTBOXES_MAX: usize = 128;
/// Slices given to one vectored write.
pub const SLICES_PER_WRITE: usize = 64;
/// Up to this many bytes, several slices are copied together and sent by one plain `send`:
/// 20 frames of 66 bytes cost 4.3 us so, 5.3 us by `writev`.
pub const GATHER_COPY_BYTES_MAX: usize = 16 << 10;
/// Paused connections offered their message again in one turn.
pub const RESUMES_PER_TURN: usize = 256;
/// Paused connections looked at in one turn: of most of them there is only to be seen that there is
/// no time for them now.
pub const PASSES_PER_TURN: usize = 16 * RESUMES_PER_TURN;
/// Sends of one topic before the next topic has its turn.
pub const WALK_QUANTUM: usize = 256;
/// A client of a TCP port that has closed its side and may still listen is sent a heartbeat after
/// so long without anything else: only what is sent tells whether it is there. Its kernel answers
/// with a reset if the program has closed the socket (RFC 9293 3.6.1).
pub const HALF_CLOSED_HEARTBEAT: Duration = Duration::from_secs(5);
/// Deadlines looked at in one turn.
pub const TIMEOUTS_PER_TURN: usize = 1_024;
/// Connections over the limit of a shard that may be told so at the same time.
pub const OVERFLOW_MAX: usize = 32;
const _: () = assert!(
    TCP_USER_TIMEOUT.as_secs()
        == KEEPALIVE_IDLE.as_secs() + KEEPALIVE_PROBES as u64 * KEEPALIVE_INTERVAL.as_secs()
);
const _: () = assert!(STALL_TIMEOUT.as_secs() < TCP_USER_TIMEOUT.as_secs());
/// After an accept failed for want of descriptors or memory, the next is tried this much later.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of connections on their way from the shard that accepts to one that serves, as the kernel
/// counts them: somewhat under 200 connections, which the kernel's backlog can hold as well.
pub const HANDOFF_BYTES: usize = 64 << 10;
/// Messages taken from one lane in one turn.
pub const MAIL_PER_LANE_AND_TURN: usize = 256;
/// Events taken from the kernel at once.
pub const EVENTS_PER_POLL: usize = 1_024;
/// Descriptors of a shard that are not for connections: listeners, epoll, doorbells, the spare,
/// those being refused, and what a handler opens.
pub const DESCRIPTORS_RESERVED: usize = 100;
/// Most shards of a node.
pub const SHARDS_MAX: usize = 256;
/// Answers of other threads taken in one turn.
pub const ANSWERS_PER_TURN: usize = 1_024;
/// Unsent replies of a connection, in bytes, above which a send speaks of pressure.
pub const OUTBOX_BYTES_PRESSURE: usize = 16 << 10;

/// Bytes that a client keeps of the body of a refusal: enough for a sentence or a small page.
pub const REFUSAL_BODY_BYTES_MAX: usize = 4 << 10;
/// A client's attempt to reach a server, from the name to the connection, takes this long at most.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The first delay of a client that comes back is up to this long, and doubles from there.
pub const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// No delay of a client that comes back is longer.
pub const BACKOFF_CAP: Duration = Duration::from_secs(30);
/// Bytes that a client has encoded and not sent, above which it takes no further message; one
/// message may be longer.
pub const CLIENT_OUT_BYTES_HIGH: usize = 64 << 10;
/// Bytes of messages that a client has received and nobody has taken, above which it reads no
/// further.
pub const CLIENT_INBOX_BYTES_HIGH: usize = 256 << 10;
/// The same for their number.
pub const CLIENT_INBOX_EVENTS_HIGH: usize = 1024;
/// Messages that wait for a client's thread to send them.
pub const CLIENT_QUEUE_MESSAGES_MAX: usize = 1024;
/// The bytes of those messages; one may be longer if it is alone.
pub const CLIENT_QUEUE_BYTES_MAX: usize = 1 << 20;
/// A shard that has put something to a home looks out for the answer for this long before it
/// sleeps: waking the home takes most of it.
pub const SPIN_WAIT_MAX: Duration = Duration::from_micros(50);
/// One part in so many of a shard's time may go into looking out.
pub const SPIN_WAIT_SHARE: u32 = 32;
/// What a shard that did not look out for long may spend at once.
pub const SPIN_WAIT_CREDIT_MAX: Duration = Duration::from_millis(1);

/// Bytes of one TLS record of plaintext (RFC 8446 section 5.1): what a connection's session takes
/// at most while its socket takes nothing.
pub const TLS_RECORD_BYTES_MAX: usize = 16 << 10;
/// Bytes that a TLS session keeps of records and handshake messages that are incomplete: one of
/// each, and room for a chain of certificates.
pub const TLS_REST_BYTES_MAX: usize = 2 * TLS_RECORD_BYTES_MAX + (1 << 10);
/// Time for TLS handshakes in one turn: half of what a turn of sends takes. A handshake takes 0.1
/// ms, 1 ms with an RSA key, so a storm of them gets a third of a busy shard and the rest is for
/// messages; a shard with nothing else to do has its next turn at once.
pub const HANDSHAKE_TIME_PER_TURN: Duration = Duration::from_millis(1);
/// Connections with bytes of a TLS handshake waiting, above which a shard takes no more from its
/// TLS listeners: the kernel keeps them ([`LISTEN_BACKLOG`]).
pub const HANDSHAKES_MAX: usize = 512;
