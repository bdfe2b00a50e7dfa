//! WebSocket, RFC 6455: upgrade, frames, messages and close, as both sides see them.

pub mod close;
mod decoder;
pub mod deflate;
pub mod dial;
pub mod extensions;
pub mod frame;
pub mod handshake;
mod message;

pub use close::{
    close_payload, encode_close, encode_empty_close, encode_ping, encode_pong, is_final,
    retry_after, with_retry_after,
};
pub use decoder::{ClientDecoder, Decoder, DecoderOf, Event, Step};
