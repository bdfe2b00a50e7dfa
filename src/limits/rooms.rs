//! Rooms, and what waits for them.

/// Messages that one callback of a room publishes or sends.
pub const ROOM_OUTPUTS_MAX: usize = 256;
/// Bytes that a room sends to one that joins, the last message over it: a history.
pub const WELCOME_BYTES_MAX: usize = 256 << 10;
/// Longest tag with which a connection subscribes.
pub const TAG_BYTES_MAX: usize = 255;
/// Joins and leaves that a shard tells its own rooms between two callbacks.
pub const JOINS_AT_ONCE: usize = 256;
/// Messages of a shard's rooms that wait for their way to other topics.
pub const ELSEWHERE_MAX: usize = 1_024;
/// Messages of a shard's own connections that wait for rooms of the same shard.
pub const STAGED_MAX: usize = 256;
/// Bytes of those messages, the last of them over it.
pub const STAGED_BYTES_MAX: usize = 4 << 20;
/// Rooms that tick or go in one turn.
pub const ROOM_TIMEOUTS_PER_TURN: usize = 1_024;
