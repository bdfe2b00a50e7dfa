//! One core's share of the server: a pure core, and the event loop around it.

mod accept;
#[cfg(any(test, feature = "internals"))]
mod audit;
mod backlog;
pub mod control;
pub mod core;
pub mod cx;
mod deadlines;
mod deliver;
mod drain;
mod early;
mod event_loop;
mod flush;
mod http;
mod inflate;
mod inner;
mod input;
mod interest;
mod lifecycle;
mod links;
mod listener;
mod lookout;
pub mod mail;
mod open;
mod outboxes;
mod post;
mod publish;
pub mod questions;
mod reader;
mod requests;
mod resume;
mod room_time;
mod rooms;
mod secure;
mod settle;
pub mod shard_cx;
mod staged;
pub mod subscribe;
mod thread;
mod wire;
mod write;

pub use inner::home_of;
pub use listener::{Listener, Speaks, claim, load_keys};
pub use thread::{Seed, Watch, run};
