//! Bytes to meaning and back, for every protocol. No sockets, no clock, no log.
//!
//! Every decoder takes bytes from the front of its input, says how many it took and what it
//! found, never allocates by a length that was only announced, and never panics.

mod error;
mod framing;
pub mod http;
mod kind;
pub mod length_prefix;
pub mod line;
pub mod proxy;
pub mod sse;
pub mod utf8;
pub mod varint;
pub mod ws;

pub use error::ProtocolError;
pub use framing::{Frames, Framing, Role};
pub use kind::Kind;
pub use utf8::is_utf8;
