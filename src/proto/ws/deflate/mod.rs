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

/// Appends what goes before `len` bytes that are not compressed, of a message whose next blocks are
/// (RFC 1951 3.2.4): the bits of a block that is stored and not the last, up to the next byte, and
/// the length twice.
///
/// Those blocks may refer to no byte before them, so they may be those of another message.
pub fn encode_stored_header(out: &mut Vec<u8>, len: usize) {
    debug_assert!(u16::try_from(len).is_ok());
    let len = u16::try_from(len).unwrap_or(u16::MAX);
    out.push(0);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&(!len).to_le_bytes());
}

/// The length of that.
pub const STORED_HEADER_LEN: usize = 5;

/// The end of the compressed bytes of a message, which is not sent, RFC 7692 7.2.1. It is sent
/// where other blocks follow them.
pub const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// The last byte that is sent of a message whose last block is a stored one that is not empty: the
/// bits of an empty one, of which the tail is not sent.
pub const LAST_BYTE: u8 = 0;
