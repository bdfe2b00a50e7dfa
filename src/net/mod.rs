//! Sockets as the shards need them; no policy.

mod addr;
pub mod listener;
mod unix;

pub use addr::{ListenAddr, ListenAddrError};
pub use unix::{BoundPath, bind_unix};
