//! The application: the calls into the handler about connections and rooms, and what it may ask for
//! in them.

mod admission;
pub(crate) mod callback;
mod close;
pub mod cx;
pub(crate) mod message;
pub(crate) mod open;
mod presence;
mod reply;
mod request;
pub(crate) mod room_timers;
pub(crate) mod rooms;
mod session;
mod settle;
pub mod shard_cx;
