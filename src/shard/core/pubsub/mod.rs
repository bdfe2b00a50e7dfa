//! Publishing and subscribing: a topic's order at its home, and its subscribers on this shard.

pub(crate) mod backlog;
pub(crate) mod barrier;
mod deliver;
mod give_back;
mod interest;
mod publish;
pub mod subscribe;
