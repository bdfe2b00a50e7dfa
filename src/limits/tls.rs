//! TLS.

use std::time::Duration;

/// Bytes of one TLS record of plaintext (RFC 8446 section 5.1): the maximum that a connection's
/// session encrypts while its socket takes nothing.
pub const TLS_RECORD_BYTES_MAX: usize = 16 << 10;
/// Bytes of incomplete records and handshake messages that a TLS session keeps: one of each, and
/// space for a chain of certificates.
pub const TLS_REST_BYTES_MAX: usize = 2 * TLS_RECORD_BYTES_MAX + (1 << 10);
/// Time for TLS handshakes in one turn: half of what a turn of sends takes. A handshake takes 0.1
/// ms, or 1 ms with an RSA key. So a storm of handshakes gets a third of a busy shard, and the rest
/// is for messages. A shard with nothing else to do has its next turn at once.
pub const HANDSHAKE_TIME_PER_TURN: Duration = Duration::from_millis(1);
/// Connections with bytes of a TLS handshake waiting, above which a shard accepts no more from its
/// TLS listeners: the kernel keeps them ([`LISTEN_BACKLOG`](super::LISTEN_BACKLOG)).
pub const HANDSHAKES_MAX: usize = 512;
