//! The sockets of a shard: where they are, how they are read and written.

pub(crate) mod read;
pub(crate) mod sink;
pub(crate) mod table;
