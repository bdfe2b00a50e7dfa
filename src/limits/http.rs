//! Heads, bodies and numbers of HTTP requests, and the publish API.

use std::time::Duration;

use crate::limits::{MESSAGE_BYTES_CEILING, MESSAGE_BYTES_MAX};

/// Maximum size of an HTTP request head in bytes: cookies, and tokens that a CDN, a load balancer
/// and a service mesh add.
pub const HEAD_BYTES_MAX: usize = 16 << 10;
/// The largest [`HEAD_BYTES_MAX`] that a user can set: a connection keeps an incomplete head.
pub const HEAD_BYTES_CEILING: usize = 64 << 10;
/// Maximum number of header fields in a request head, as in other servers.
pub const HEADERS_MAX: usize = 100;
/// The largest [`HEADERS_MAX`] that a user can set.
pub const HEADERS_CEILING: usize = 500;
/// Maximum size of the head of an HTTP answer that a client reads, in bytes: proxies add cookies.
pub const ANSWER_HEAD_BYTES_MAX: usize = 16 << 10;
/// Maximum number of header fields in the head of an HTTP answer.
pub const ANSWER_HEADERS_MAX: usize = 100;

/// A request head must be complete this long after the connection was accepted, or after its
/// first byte if it is not the first on the connection.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A request's body must be complete this long after its head.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum length of the body of a request in bytes: a message of [`MESSAGE_BYTES_MAX`] in base64,
/// and the rest of a publish request.
pub const BODY_BYTES_MAX: usize = MESSAGE_BYTES_MAX / 2 * 3;
/// The largest [`BODY_BYTES_MAX`] that a user can set: the same for the longest message.
pub const BODY_BYTES_CEILING: usize = MESSAGE_BYTES_CEILING / 2 * 3;
/// Maximum length of the line with a chunk's size and its extensions, in bytes.
pub const CHUNK_LINE_BYTES_MAX: usize = 256;
/// Bytes of all chunk extensions and trailers of one body, which are ignored.
pub const CHUNK_OVERHEAD_BYTES_MAX: usize = 4 << 10;

/// Messages of one request to the publish API, in all its lists together: each has an answer, which
/// waits in memory.
pub const API_ENTRIES_MAX: usize = 10_000;
/// Connections in a whitelist of `/api/disconnect`: each of the user's is compared with them all.
pub const API_WHITELIST_MAX: usize = 100;
/// Histories that a batch reads or removes. Beside this, it reads no more when it has as much as
/// one read brings ([`HISTORY_READ_BYTES_MAX`](super::HISTORY_READ_BYTES_MAX)).
pub const API_HISTORIES_MAX: usize = 16;
/// Topics that `/api/channels` lists: with more, it asks for a narrower pattern.
pub const CENSUS_TOPICS_MAX: usize = 10_000;
/// Topics that a shard looks at for that at once, within its share of a turn.
pub const CENSUS_TOPICS_AT_ONCE: usize = 256;
/// Choices of a pattern with all that it has in braces.
pub const GLOB_ALTERNATIVES_MAX: usize = 64;
/// A request to the API waits this long for what shards say.
pub const API_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that the client of an event stream may send after its request. They have no meaning.
pub const EVENTS_INPUT_BYTES_MAX: u32 = 64 << 10;
/// Requests answered on one connection. So long-lived connections move to the shards of a new
/// process, and their memory is released.
pub const REQUESTS_PER_CONN_MAX: u32 = 10_000;
/// Each shard logs at most one page with a refused origin in this time.
pub const ORIGIN_LOG_INTERVAL: Duration = Duration::from_secs(10);
