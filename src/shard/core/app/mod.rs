//! The application: all calls into the handler, and what it may ask for in them.

pub(crate) mod callback;
mod close;
pub mod cx;
pub(crate) mod joins;
pub(crate) mod message;
pub(crate) mod open;
pub(crate) mod presence;
mod reply;
mod request;
pub(crate) mod room_queue;
pub(crate) mod room_timers;
pub(crate) mod rooms;
pub mod shard_cx;
