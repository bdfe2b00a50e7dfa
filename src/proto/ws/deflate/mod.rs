//! permessage-deflate, RFC 7692: negotiation, compression and decompression.
//!
//! The server's messages do not refer to earlier ones, nor do those of clients that offer this. So
//! one [`Deflater`] and one [`Inflater`] serve many connections. A connection has at most the end
//! of what its client has sent before ([`Inflater::context`]).

mod compression;
mod deflater;
mod inflater;
mod negotiation;
mod window;

#[cfg(test)]
mod far_tests;

pub use compression::Compression;
pub use deflater::{CompressedForms, Deflater};
pub use inflater::{Inflater, Pace};
pub use negotiation::{Grant, OFFER, Terms, check_answer, grant};
pub use window::Window;

/// The end of the compressed bytes of a message, which is not sent, RFC 7692 7.2.1.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
