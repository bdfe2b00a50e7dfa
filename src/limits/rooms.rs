//! Rooms, and the messages that wait for them.

/// Maximum number of messages that one callback of a room publishes or sends.
pub const ROOM_OUTPUTS_MAX: usize = 256;
/// Bytes that a room sends to a joining connection; the last message may exceed it. A history fits.
pub const WELCOME_BYTES_MAX: usize = 256 << 10;
/// Maximum length of the tag with which a connection subscribes, in bytes.
pub const TAG_BYTES_MAX: usize = 255;
/// Joins and leaves of which a shard notifies its own rooms between two callbacks.
pub const JOINS_AT_ONCE: usize = 256;
/// Messages of a shard's rooms that wait to go to other topics.
pub const ELSEWHERE_MAX: usize = 1_024;
/// Messages of a shard's own connections that wait for rooms of the same shard.
pub const STAGED_MAX: usize = 256;
/// Bytes of those messages; the last one may exceed it.
pub const STAGED_BYTES_MAX: usize = 4 << 20;
/// Rooms that tick or end in one turn.
pub const ROOM_TIMEOUTS_PER_TURN: usize = 1_024;
