//! Catching up with a topic's history, over several shards whose lanes take one message: each
//! client that comes, goes and reads slowly has all messages in order, or is told what is missing.

mod client;
mod races;
mod scenes;
mod space;
mod world;
