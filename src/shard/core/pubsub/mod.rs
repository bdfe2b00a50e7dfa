//! Publishing and subscribing: a topic's order at its home, and its subscribers on this shard.

pub(crate) mod backlog;
pub(crate) mod barrier;
mod deliver;
mod give_back;
mod interest;
pub(crate) mod order;
mod publish;
pub mod subscribe;
