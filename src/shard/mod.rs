//! One core's share of the server: a pure core, and the event loop around it.

mod accept;
#[cfg(any(test, feature = "internals"))]
mod audit;
pub mod control;
pub mod core;
pub mod cx;
mod drain;
pub mod event_loop;
mod flush;
mod inner;
mod input;
mod lifecycle;
pub mod mail;
mod post;
mod publish;
pub mod subscribe;
mod thread;
mod wire;

pub use accept::Speaks;
pub use inner::home_of;
pub use thread::{Seed, run};
