//! The thread of a shard: sockets, the clock, the log. It decides nothing.

pub mod accept;
mod event_loop;
pub(crate) mod lanes;
mod sockets;
mod spin_wait;
pub mod status;
pub mod thread;
mod tls;
