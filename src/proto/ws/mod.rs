//! The server's side of WebSocket, RFC 6455: upgrade, frames, messages and close.

pub mod close;
mod decoder;
pub mod frame;
pub mod handshake;
pub mod mask;
mod message;

pub use close::{encode_close, encode_ping, encode_pong};
pub use decoder::{Decoder, Event, Step};
