//! Publishing and subscribing, without connections: which subscribers of a shard get what
//! (`fanout`), and the order of the topics whose home is this shard.

pub mod fanout;
pub mod home;
pub mod sink;
pub mod tables;
