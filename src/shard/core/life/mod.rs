//! The life of a connection, across the parts: what it is answered, why it is not read, what it
//! must do in time, what it may hold, and how it ends.

pub(crate) mod answers;
mod close;
mod deadlines;
pub(crate) mod drain;
mod linger;
pub(crate) mod memory;
mod pause;
mod questions;
mod rate;
mod refuse;
mod reply;
mod session;
mod timeouts;
mod users;
