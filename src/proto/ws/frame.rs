//! The header of a WebSocket frame, RFC 6455 5.2, read and written by both sides, and the mask of
//! its payload.

use crate::proto::{Kind, ProtocolError};

/// The longest header: two bytes, a 64-bit length, a masking key.
pub const HEADER_LEN_MAX: usize = 14;
/// The longest payload of a control frame, RFC 6455 5.5.
pub const CONTROL_LEN_MAX: usize = 125;

/// The meaning of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// The next part of a message.
    Continuation,
    /// The first or only frame of a message.
    Data(Kind),
    /// A frame about the connection, also between the fragments of a message.
    Control(Control),
}

/// The control frames, RFC 6455 5.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The last frame of its sender.
    Close,
    /// Asks for a pong with the same payload.
    Ping,
    /// Answers a ping, or shows unsolicited that its sender lives.
    Pong,
}

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// Whether it begins a compressed message, RFC 7692 6.
    pub compressed: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The masking key; zeros, which change nothing, in a frame that is not masked.
    pub key: [u8; 4],
    /// Bytes of payload that are announced.
    pub len: u64,
}

/// The result of [`parse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParsedHeader {
    /// The header is incomplete; call again with at least `need` bytes from its start.
    Incomplete {
        /// Minimum number of bytes from the start of the header.
        need: usize,
    },
    /// A header.
    Complete {
        /// The header.
        header: Header,
        /// Bytes of input that it took.
        taken: usize,
    },
}

/// Reads a frame header from the front of `input`: a client's, which is masked, or a server's,
/// which is not (RFC 6455 5.1).
///
/// `deflate`: permessage-deflate was negotiated, and RFC 7692 6 gives a meaning to RSV1 of the
/// first frame of a message only.
///
/// Errors are detected in the order of the bytes, so that the result does not depend on how they
/// were cut.
///
/// # Errors
///
/// A violation of RFC 6455 5.2 or 5.5 in the header alone.
pub fn parse<const MASKED: bool>(
    input: &[u8],
    deflate: bool,
) -> Result<ParsedHeader, ProtocolError> {
    let Some(&first) = input.first() else {
        return Ok(ParsedHeader::Incomplete {
            need: HEADER_LEN_MIN,
        });
    };
    let compressed = deflate && first & RSV == RSV1;
    if first & RSV != 0 && !compressed {
        return Err(ProtocolError::ReservedBits);
    }
    let opcode = Opcode::from_bits(first & OPCODE).ok_or(ProtocolError::ReservedOpcode)?;
    if compressed && !matches!(opcode, Opcode::Data(_)) {
        return Err(ProtocolError::ReservedBits);
    }
    let fin = first & FIN != 0;
    let is_control = matches!(opcode, Opcode::Control(_));
    if is_control && !fin {
        return Err(ProtocolError::FragmentedControl);
    }
    let Some(&second) = input.get(1) else {
        return Ok(ParsedHeader::Incomplete {
            need: HEADER_LEN_MIN,
        });
    };
    if (second & MASK != 0) != MASKED {
        return Err(if MASKED {
            ProtocolError::Unmasked
        } else {
            ProtocolError::Masked
        });
    }
    let short_len = second & LEN;
    if is_control && CONTROL_LEN_MAX < usize::from(short_len) {
        return Err(ProtocolError::ControlTooLong);
    }
    let key_len = if MASKED { KEY_LEN } else { 0 };
    let taken = match short_len {
        LEN_16 => HEADER_LEN_MIN + 2 + key_len,
        LEN_64 => HEADER_LEN_MIN + 8 + key_len,
        _ => HEADER_LEN_MIN + key_len,
    };
    let Some((len, rest)) = split_len(short_len, &input[HEADER_LEN_MIN..])? else {
        return Ok(ParsedHeader::Incomplete { need: taken });
    };
    let key = if MASKED {
        let Some(&key) = rest.first_chunk() else {
            return Ok(ParsedHeader::Incomplete { need: taken });
        };
        key
    } else {
        [0; KEY_LEN]
    };
    Ok(ParsedHeader::Complete {
        header: Header {
            fin,
            compressed,
            opcode,
            key,
            len,
        },
        taken,
    })
}

/// Appends the header of an unfragmented server frame with `len` bytes of payload, unmasked.
///
/// RFC 6455 5.2: "in all cases, the minimal number of bytes MUST be used to encode the length".
pub fn encode_header(out: &mut Vec<u8>, opcode: Opcode, len: usize) {
    encode_first(out, FIN | opcode.bits(), len);
}

/// Appends the header of a message that is compressed to `len` bytes, RFC 7692 6.
pub fn encode_compressed_header(out: &mut Vec<u8>, opcode: Opcode, len: usize) {
    encode_first(out, FIN | RSV1 | opcode.bits(), len);
}

fn encode_first(out: &mut Vec<u8>, first: u8, len: usize) {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len), _) if len < LEN_16 => out.extend_from_slice(&[first, len]),
        (_, Ok(len)) => {
            out.extend_from_slice(&[first, LEN_16]);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.extend_from_slice(&[first, LEN_64]);
            // A slice is at most `isize::MAX` long, so nothing is cut and the top bit is clear.
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// Appends an unfragmented client frame, masked with `key`.
///
/// RFC 6455 5.3: `key` must be new for each frame and unpredictable.
pub fn encode_masked(out: &mut Vec<u8>, opcode: Opcode, key: [u8; KEY_LEN], payload: &[u8]) {
    mask_frame(out, FIN | opcode.bits(), key, payload);
}

/// Appends a client frame for a message that is compressed to `payload`, RFC 7692 6.
pub fn encode_compressed_masked(
    out: &mut Vec<u8>,
    opcode: Opcode,
    key: [u8; KEY_LEN],
    payload: &[u8],
) {
    mask_frame(out, FIN | RSV1 | opcode.bits(), key, payload);
}

fn mask_frame(out: &mut Vec<u8>, first: u8, key: [u8; KEY_LEN], payload: &[u8]) {
    out.reserve(HEADER_LEN_MAX + payload.len());
    let start = out.len();
    encode_first(out, first, payload.len());
    if let Some(second) = out.get_mut(start + 1) {
        *second |= MASK;
    }
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[start..], key, 0);
}

/// Removes (or applies, which is the same) the mask of a part of a frame's payload in place: each
/// byte of a client is combined with one of the key (RFC 6455 5.3). `offset` is the position of
/// `part` in the payload, in bytes.
pub fn unmask(part: &mut [u8], key: [u8; 4], offset: usize) {
    let key: [u8; 4] = std::array::from_fn(|i| key[(i + offset % 4) % 4]);
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = part.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Data(Kind::Text),
            0x2 => Self::Data(Kind::Binary),
            0x8 => Self::Control(Control::Close),
            0x9 => Self::Control(Control::Ping),
            0xa => Self::Control(Control::Pong),
            _ => return None,
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Data(Kind::Text) => 0x1,
            Self::Data(Kind::Binary) => 0x2,
            Self::Control(Control::Close) => 0x8,
            Self::Control(Control::Ping) => 0x9,
            Self::Control(Control::Pong) => 0xa,
        }
    }
}

/// The payload length and the bytes after it, or `None` while it is incomplete.
///
/// RFC 6455 5.2 requires the fewest bytes of the sender. Small clients ignore this, and the length
/// has only one meaning, so it is accepted, as in other servers.
fn split_len(short_len: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, ProtocolError> {
    let (len, rest) = match short_len {
        LEN_16 => match rest.split_first_chunk() {
            Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest),
            None => return Ok(None),
        },
        LEN_64 => match rest.split_first_chunk() {
            Some((len, rest)) => (u64::from_be_bytes(*len), rest),
            None => return Ok(None),
        },
        short_len => (u64::from(short_len), rest),
    };
    if len >> 63 != 0 {
        return Err(ProtocolError::LengthTopBit);
    }
    Ok(Some((len, rest)))
}

/// Bytes of a masking key.
const KEY_LEN: usize = 4;
/// The shortest header: that of an unmasked frame.
const HEADER_LEN_MIN: usize = 2;

/// Fields of the first byte.
const FIN: u8 = 0x80;
const RSV: u8 = 0x70;
const RSV1: u8 = 0x40;
const OPCODE: u8 = 0x0f;
/// Fields of the second byte.
const MASK: u8 = 0x80;
const LEN: u8 = 0x7f;
/// Values of `LEN` for a length that follows in 16 or 64 bits.
const LEN_16: u8 = 126;
const LEN_64: u8 = 127;

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
