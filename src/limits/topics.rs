//! Topics: messages, logs, subscriptions, rooms, and the memory of topics that are gone.

use std::time::Duration;

/// Maximum length of a message from a client, in bytes: enough for any state snapshot, small enough
/// that a hundred hostile connections cannot fill a host.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// The largest [`MESSAGE_BYTES_MAX`] that a user can set, in bytes.
pub const MESSAGE_BYTES_CEILING: usize = 16 << 20;
const _: () = assert!(MESSAGE_BYTES_MAX <= MESSAGE_BYTES_CEILING);
/// WebSocket fragments below this many bytes count as messages of their own, because they cost more
/// than their bytes. Clients that send long messages in pieces use longer ones.
pub const SHORT_FRAGMENT: usize = 1 << 10;
/// Maximum length of a topic's name in bytes of UTF-8, after percent-decoding.
pub const TOPIC_BYTES_MAX: usize = 255;
/// Subscriptions of one connection, if the user sets no other number: as many as in Centrifugo.
pub const SUBSCRIPTIONS_MAX: usize = 128;
/// The most that a user can set. A write looks at all of them if the connection was blocked: with
/// so many, that takes about a millisecond.
pub const SUBSCRIPTIONS_CEILING: usize = 10_000;

/// Levels of a pattern that is subscribed to.
pub const PATTERN_LEVELS_MAX: usize = 12;
/// How many of them may be `+`. A message may be compared with each choice of these levels of its
/// topic: at most 2,379 comparisons, whatever clients subscribe to.
pub const PATTERN_PLUS_MAX: usize = 4;
/// Patterns that clients of the whole server subscribe to. Each shard knows all of them, and its
/// clients may have an equal share.
pub const PATTERNS_MAX: usize = 1 << 16;
/// The largest [`PATTERNS_MAX`] that a user can set.
pub const PATTERNS_CEILING: usize = 1 << 18;
/// Bytes that their levels take on each shard, whatever their number.
pub const PATTERNS_BYTES_MAX: usize = 64 << 20;

/// Bytes of encoded frames that a topic's log keeps for subscribers that are behind.
pub const LOG_BYTES_MAX: usize = 1 << 20;
/// The largest [`LOG_BYTES_MAX`] that a user can set, in bytes: one gigabyte for each topic with a
/// slow subscriber is no limit any more.
pub const LOG_BYTES_CEILING: usize = 1 << 30;
/// The largest backlog of a shard that a user can set, in bytes.
pub const BACKLOG_BYTES_CEILING: usize = 1 << 40;
/// A log keeps, shares and releases its frames in segments of this many bytes.
pub const SEGMENT_BYTES: usize = 64 << 10;
/// Empty segments that a shard keeps for its next messages: 512 KiB.
pub const SPARE_SEGMENTS_MAX: usize = 8;
/// Blocked connections of a shard may hold the rests of this many of the longest messages, however
/// small its backlog limit is.
pub const HELD_MESSAGES_MIN: usize = 8;

/// A topic stays live on a shard this long after its last subscriber there, so that a subscriber
/// that comes back at once need not wait.
pub const INTEREST_LINGER: Duration = Duration::from_secs(1);
/// A message with the same idempotency key is not published again for this long, as in Centrifugo.
pub const ONCE_WINDOW: Duration = Duration::from_secs(300);
/// Idempotency keys that a shard remembers for the topics whose home it is: 4 MiB. The oldest are
/// forgotten first.
pub const ONCE_KEYS_MAX: usize = 1 << 16;
/// Publishers of one message again that are told its position at the topic's tick: more than one
/// publisher has reason to send.
pub const REPEATS_MAX: usize = 1_024;

/// Namespaces, each of which may be looked at when a topic gets its first subscriber.
pub const NAMESPACES_MAX: usize = 256;
/// Messages of a topic that its home holds until the topic's next tick: at 10,000 a second, those
/// of 100 ms. With one more, they go out at once.
pub const HELD_PER_TOPIC_MAX: usize = 1_024;
/// Bytes of all messages that a shard holds for ticks: with one more, those of its topic go out at
/// once.
pub const HELD_BYTES_MAX: usize = 4 << 20;
/// Topics whose ticks are passed in one turn.
pub const HELD_TOPICS_PER_TURN: usize = 1_024;
/// The shortest time between ticks that a user can set: below it, they come in nearly each turn.
pub const FLUSH_MIN: Duration = Duration::from_millis(5);
/// The longest: what is published would seem to be lost.
pub const FLUSH_MAX: Duration = Duration::from_secs(60);
/// Bytes of the messages in the history of a topic, if the user sets none.
pub const HISTORY_BYTES_MAX: usize = 1 << 20;
/// The largest [`HISTORY_BYTES_MAX`] that a user can set, in bytes.
pub const HISTORY_BYTES_CEILING: usize = 1 << 30;
/// The most messages that a user can set for the history of a topic: a million take 100 MB beside
/// their bytes.
pub const HISTORY_ENTRIES_CEILING: usize = 1_000_000;
/// How long a message is kept in the history, if the user sets no time: a phone in a tunnel.
pub const HISTORY_TTL: Duration = Duration::from_secs(300);
/// How much longer than messages a position is kept, if the user sets no time.
pub const HISTORY_META_TTL: Duration = Duration::from_secs(3_600);
/// The longest times that a user can set for both: a year.
pub const HISTORY_TTL_CEILING: Duration = Duration::from_secs(365 * 86_400);
/// Messages of a topic's history that one answer brings, as many as in Centrifugo.
pub const PAGE_ENTRIES_MAX: usize = 300;
/// Bytes of their payloads, unless the first is longer: what a connection gets at once.
pub const PAGE_BYTES_MAX: usize = SEGMENT_BYTES;
/// Subscriptions of a shard that wait for such an answer at the same time; the others wait for
/// their turn. An answer refers to what the history holds: only what that lets go of meanwhile
/// takes memory.
pub const PAGES_ASKED_MAX: usize = 128;
/// Encoded pages that a shard has in memory, in bytes, the last one beyond it: 1,024 clients that
/// each read something else, and any number that read the same. Not more than a quarter of the
/// backlog.
pub const PAGES_BYTES_MAX: usize = 64 << 20;
/// While others have waited so long for their pages, clients that do not read theirs are closed.
pub const PAGE_PATIENCE: Duration = Duration::from_secs(2);
/// Encoded pages that a shard keeps for the next subscription that asks for the same.
pub const PAGES_KEPT_MAX: usize = 8;
/// How long.
pub const PAGE_LINGER: Duration = Duration::from_secs(1);
/// Maximum length of the key of a message, in bytes.
pub const KEY_BYTES_MAX: usize = 255;
/// Tags of a message.
pub const TAGS_MAX: usize = 32;
/// Bytes of their names and values together.
pub const TAGS_BYTES_MAX: usize = 2 << 10;

/// The longest message that is sent as a delta, in bytes, and the longest that one refers to: a
/// delta of such a one takes up to 0.7 ms.
pub const DELTA_BYTES_MAX: usize = 64 << 10;
/// Places of the earlier message that are tried for each byte of the next: more of them find little
/// more, and messages that repeat themselves have thousands.
pub const DELTA_CANDIDATES_MAX: usize = 8;
/// Subscribers that get a message whole by themselves while others get a delta, each with a write
/// of its own. If more need it whole, all get that.
pub const WHOLES_MAX: usize = 1_024;

/// Messages of a topic's history that one read brings: backends read more of them at once than
/// clients, which have to be told of new ones as well.
pub const HISTORY_READ_ENTRIES_MAX: usize = 10_000;
/// Bytes of their payloads, unless the first is longer.
pub const HISTORY_READ_BYTES_MAX: usize = 1 << 20;
/// What the position of a topic counts against `limits.history`, in bytes: with its name.
pub const HISTORY_TOPIC_BYTES: usize = 176;
/// What a message counts beside its payload.
pub const HISTORY_ENTRY_BYTES: usize = 64;
/// The largest limit for all histories of a shard that a user can set, in bytes.
pub const HISTORIES_BYTES_CEILING: usize = 1 << 40;

/// Entries for which a table keeps its memory in any case: releasing less is not worth the work.
pub const TABLE_ENTRIES_KEPT: usize = 1_024;
/// Released entries of tables, with their contents, after which the allocator is asked to return
/// free memory to the host: some MiB.
pub const RELEASE_ENTRIES_MIN: usize = 16 << 10;
/// Each shard asks the allocator at most once in this time: with 80 MiB to return, a call took
/// 24 ms.
pub const RELEASE_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum number of messages that one callback of a room publishes or sends.
pub const ROOM_OUTPUTS_MAX: usize = 256;
/// Bytes that a room sends to a joining connection; the last message may exceed it. A history fits.
pub const WELCOME_BYTES_MAX: usize = 256 << 10;
/// Maximum length of the tag with which a connection subscribes, in bytes.
pub const TAG_BYTES_MAX: usize = 255;
/// Maximum length of what is said of a client in its connection, and as much of it in a topic, in
/// bytes.
pub const CLIENT_INFO_BYTES_MAX: usize = 8 << 10;
/// Memory that a client takes at the home of a topic with presence, about, beside the name of its
/// user and what is said of it.
pub const PRESENCE_CLIENT_BYTES: usize = 256;
/// Clients of a topic that one answer lists: more than a page shows.
pub const PRESENCE_CLIENTS_MAX: usize = 1_000;
/// Bytes of what is said of these.
pub const PRESENCE_BYTES_MAX: usize = 1 << 20;
/// Joins and leaves of which a shard notifies its own rooms between two callbacks.
pub const JOINS_AT_ONCE: usize = 256;
/// Messages of a shard's rooms that wait to go to other topics.
pub const ELSEWHERE_MAX: usize = 1_024;
/// Messages of a shard's own connections that wait for rooms of the same shard, and as many
/// questions about the histories of topics at home there.
pub const STAGED_MAX: usize = 256;
/// Bytes of those messages; the last one may exceed it.
pub const STAGED_BYTES_MAX: usize = 4 << 20;
/// Rooms that tick or end in one turn.
pub const ROOM_TIMEOUTS_PER_TURN: usize = 1_024;
