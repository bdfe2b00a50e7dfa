//! The client of the library.

use std::time::Duration;

/// Bytes that a client keeps of the body of a refusal: enough for a sentence or a small page.
pub const REFUSAL_BODY_BYTES_MAX: usize = 4 << 10;
/// Maximum time of a client's attempt to reach a server, from resolving its name to the connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum of a client's first delay before it reconnects. The maximum doubles from there.
pub const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// Maximum of all delays of a client that reconnects.
pub const BACKOFF_CAP: Duration = Duration::from_secs(30);
/// Maximum delay that a client lets a server ask for: a wrong one must not be the end.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);
/// Bytes that a client has encoded and not sent, above which it accepts no further message. One
/// message may be longer.
pub const CLIENT_OUT_BYTES_HIGH: usize = 64 << 10;
/// Bytes of received messages that the program has not taken, above which the client stops reading.
pub const CLIENT_INBOX_BYTES_HIGH: usize = 256 << 10;
/// Number of received messages that the program has not taken, above which the client stops
/// reading.
pub const CLIENT_INBOX_EVENTS_HIGH: usize = 1024;
/// Messages that wait for a client's thread to send them.
pub const CLIENT_QUEUE_MESSAGES_MAX: usize = 1024;
/// Bytes of those messages. One message may be longer if it is the only one.
pub const CLIENT_QUEUE_BYTES_MAX: usize = 1 << 20;
