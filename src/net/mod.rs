//! Sockets as the shards need them; no policy.

mod addr;
mod inherited;
pub mod listener;
mod unix;

pub use addr::{ListenAddr, ListenAddrError};
pub use inherited::adopt;
pub use unix::{BoundPath, bind_unix};
