//! Publishing and subscribing, without connections: which subscribers of a shard get what
//! (`fanout`), the order of the topics whose home is this shard (`home`), and what those keep of it
//! (`history`).

pub mod fanout;
pub mod history;
pub mod home;
mod name;
pub mod sink;
pub mod tables;

pub(crate) use name::{ByKeptHash, Hashed};
pub use name::{Topic, TopicName, TopicNameError};
