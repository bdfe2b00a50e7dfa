//! Connections: how they begin, why one is not read, what they must do in time, how they end.

pub(crate) mod answers;
pub(crate) mod client_addrs;
pub(crate) mod ends;
pub mod grace;
pub(crate) mod memory;
pub(crate) mod outbox_pool;
pub mod questions;
pub(crate) mod refuse;
mod timeouts;
pub(crate) mod unfinished;
pub(crate) mod wait_queue;
mod waits;
