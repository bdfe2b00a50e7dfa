//! Publishing and subscribing, without connections: which subscribers of a shard get what
//! (`fanout`), the order of the topics whose home is this shard (`home`), what those keep of it
//! (`history`), which clients they have on any shard (`presence`), and which subscribed patterns
//! match a topic (`patterns`).

pub mod fanout;
mod hash_key;
pub mod history;
pub mod home;
pub(crate) mod index;
mod name;
pub mod patterns;
pub mod presence;
pub mod sink;
pub mod tables;

pub(crate) use hash_key::HashKey;
#[cfg(any(test, feature = "internals"))]
pub(crate) use hash_key::for_tests::make_known;
pub(crate) use name::{ByKeptHash, Hashed};
pub use name::{Topic, TopicName, TopicNameError};
