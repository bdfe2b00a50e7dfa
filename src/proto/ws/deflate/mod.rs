//! permessage-deflate, RFC 7692: what is agreed on, and messages smaller and back.
//!
//! The server's messages refer to none before them, and so do those of clients that offer it. So
//! whoever has many connections has one [`Deflater`] and one [`Inflater`]; what belongs to a
//! connection is at most the end of what its client has sent before ([`Inflater::context`]).

mod compression;
mod deflater;
mod inflater;
mod negotiation;
mod window;

#[cfg(test)]
mod far_tests;

pub use compression::Compression;
pub use deflater::{Deflater, Once};
pub use inflater::{Inflater, Pace};
pub use negotiation::{Agreed, Granted, OFFER, check_answer, grant};
pub use window::Window;

/// What ends the compressed bytes of a message and is not sent, RFC 7692 7.2.1.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
