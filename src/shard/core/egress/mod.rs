//! Bytes to sockets: over the subscribers of topics, then to the connections that have some.

mod flush;
mod write;
