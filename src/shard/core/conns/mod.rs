//! Connections: how they begin, why one is not read, what they must do in time, how they end.

pub(crate) mod client_addrs;
mod close;
pub(crate) mod drain;
pub mod grace;
mod handshake;
pub(crate) mod linger;
pub(crate) mod outbox_pool;
mod reap;
pub(crate) mod refuse;
mod timeouts;
pub(crate) mod unfinished;
pub(crate) mod wait_queue;
mod waits;
