//! The application: all calls into the handler, and what it may ask for in them.

pub mod cx;
pub mod deferred;
pub(crate) mod joins;
pub(crate) mod open;
pub(crate) mod presence;
mod reply;
pub(crate) mod room_queue;
pub(crate) mod room_timers;
pub(crate) mod rooms;
pub mod shard_cx;
