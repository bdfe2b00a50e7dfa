//! Sockets as the shards need them; no policy.

mod addr;
mod error;
pub mod listener;
mod unix;

pub use addr::{ListenAddr, ListenAddrError};
pub use error::{ListenError, remedy};
pub use unix::{BoundPath, bind_unix};
