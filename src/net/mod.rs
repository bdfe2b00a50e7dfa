//! Sockets as the shards need them; no policy.

pub mod listener;
