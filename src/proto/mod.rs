//! Decoders and encoders of all protocols. No sockets, no clock, no log.
//!
//! Every decoder takes bytes from the front of its input, and returns how many it took and what
//! they mean. It never allocates by a length that was only announced, and never panics.

pub mod centrifuge;
mod error;
pub mod fossil;
mod framing;
pub mod http;
mod kind;
pub mod length_prefix;
pub mod line;
pub mod positions;
pub mod proxy;
pub mod sse;
pub mod utf8;
pub mod varint;
pub mod ws;

pub use error::ProtocolError;
pub use framing::{Frames, Framing, Role};
pub use kind::Kind;
pub use utf8::is_utf8;
