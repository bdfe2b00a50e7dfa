//! One core's share of the server: a pure core, and the event loop around it.

pub mod core;
pub mod cx;
mod drain;
mod flush;
mod inner;
mod input;
mod lifecycle;
pub mod mail;
mod publish;
pub mod subscribe;

pub use inner::home_of;
