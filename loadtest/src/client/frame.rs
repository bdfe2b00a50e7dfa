//! Frames as a client sees them: reads what a server sends, writes what a client sends.
//!
//! Pure: bytes in, borrowed payload out. Written apart from the server's codec, so that each
//! checks the other.

use crate::url::Protocol;

/// One whole frame at the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    /// What it carries has to be inflated, RFC 7692 6.
    pub(crate) is_compressed: bool,
    pub(crate) payload: &'a [u8],
    /// Bytes it takes on the wire, header included.
    pub(crate) wire_len: usize,
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole message, text or binary.
    Message,
    /// Nothing: a pong, or a length-prefix frame of length zero.
    Heartbeat,
    /// To be answered with a pong of the same payload, RFC 6455 5.5.2.
    Ping,
    /// The server closes, RFC 6455 5.5.1.
    Close,
}

/// How a server broke the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// A reserved bit without an extension, RFC 6455 5.2.
    ReservedBit,
    /// An opcode that does not exist, RFC 6455 5.2.
    Opcode,
    /// "A server MUST NOT mask any frames", RFC 6455 5.1.
    Masked,
    /// A fragment: legal, but no server under test sends any, and this client takes none.
    Fragment,
    /// A control frame of more than 125 bytes, RFC 6455 5.5.
    LongControl,
    /// A length not written in the fewest bytes, RFC 6455 5.2.
    LengthForm,
    /// A payload longer than anything this run published.
    TooLong,
    /// A compressed payload that is none, or longer than anything this run published.
    Compression,
}

impl FrameError {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::ReservedBit => "protocol error: reserved bit",
            Self::Opcode => "protocol error: opcode",
            Self::Masked => "protocol error: masked by the server",
            Self::Fragment => "protocol error: fragmented message",
            Self::LongControl => "protocol error: long control frame",
            Self::LengthForm => "protocol error: length not minimal",
            Self::TooLong => "message longer than any published",
            Self::Compression => "message that cannot be inflated",
        }
    }
}

/// Stands for a close frame without a code, RFC 6455 7.1.5.
pub(crate) const NO_CODE: u16 = 1005;

/// Longest header this client reads: two bytes and a 64-bit length.
pub(crate) const HEADER_BYTES_MAX: usize = 10;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
/// RSV1, RFC 7692 6.
const COMPRESSED: u8 = 0x40;
pub(crate) const MASKED: u8 = 0x80;
const OPCODE_BINARY: u8 = 0x2;
const OPCODE_CLOSE: u8 = 0x8;
const OPCODE_PONG: u8 = 0xA;
/// Any mask will do on loopback, where no proxy can be confused (RFC 6455 10.3); not zero, so that
/// the server has to unmask.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Reads the frame at the front of `buf`; `None` until it is whole. Messages may be compressed
/// where that was agreed on (`deflate`).
///
/// # Errors
///
/// The server broke the rules, or the payload is longer than `payload_max` bytes.
#[inline]
pub(crate) fn read(
    protocol: Protocol,
    deflate: bool,
    buf: &[u8],
    payload_max: usize,
) -> Result<Option<Frame<'_>>, FrameError> {
    match protocol {
        Protocol::WebSocket => read_ws(deflate, buf, payload_max),
        Protocol::LengthPrefix => read_length_prefix(buf, payload_max),
    }
}

#[inline]
fn read_ws(deflate: bool, buf: &[u8], payload_max: usize) -> Result<Option<Frame<'_>>, FrameError> {
    let &[first, second, ref rest @ ..] = buf else {
        return Ok(None);
    };
    let is_compressed = deflate && first & RESERVED == COMPRESSED;
    if first & RESERVED != 0 && !is_compressed {
        return Err(FrameError::ReservedBit);
    }
    if second & MASKED != 0 {
        return Err(FrameError::Masked);
    }
    let kind = match first & 0x0f {
        0x1 | OPCODE_BINARY => Kind::Message,
        OPCODE_CLOSE => Kind::Close,
        0x9 => Kind::Ping,
        OPCODE_PONG => Kind::Heartbeat,
        0x0 => return Err(FrameError::Fragment),
        _ => return Err(FrameError::Opcode),
    };
    if first & FIN == 0 {
        return Err(FrameError::Fragment);
    }
    if kind != Kind::Message && is_compressed {
        return Err(FrameError::ReservedBit);
    }
    if kind != Kind::Message && second > 125 {
        return Err(FrameError::LongControl);
    }
    let (length_len, length) = match second {
        126 => match rest.first_chunk::<2>() {
            Some(bytes) => (2, u64::from(u16::from_be_bytes(*bytes))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (8, u64::from_be_bytes(*bytes)),
            None => return Ok(None),
        },
        short => (0, u64::from(short)),
    };
    if (length_len == 2 && length < 126) || (length_len == 8 && length <= u64::from(u16::MAX)) {
        return Err(FrameError::LengthForm);
    }
    let bound = match kind {
        // What does not shrink grows by five bytes for each block, RFC 1951 3.2.4.
        Kind::Message if is_compressed => payload_max + payload_max / 1024 + 64,
        Kind::Message => payload_max,
        _ => 125,
    };
    let frame = cut(kind, buf, 2 + length_len, length, bound)?;
    Ok(frame.map(|frame| Frame {
        is_compressed,
        ..frame
    }))
}

#[inline]
fn read_length_prefix(buf: &[u8], payload_max: usize) -> Result<Option<Frame<'_>>, FrameError> {
    let Some(length) = buf.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u64::from(u32::from_be_bytes(*length));
    let kind = if length == 0 {
        Kind::Heartbeat
    } else {
        Kind::Message
    };
    cut(kind, buf, 4, length, payload_max)
}

#[inline]
fn cut(
    kind: Kind,
    buf: &[u8],
    header: usize,
    length: u64,
    payload_max: usize,
) -> Result<Option<Frame<'_>>, FrameError> {
    let length = usize::try_from(length).map_err(|_| FrameError::TooLong)?;
    if length > payload_max {
        return Err(FrameError::TooLong);
    }
    let wire_len = header + length;
    Ok(buf.get(header..wire_len).map(|payload| Frame {
        kind,
        is_compressed: false,
        payload,
        wire_len,
    }))
}

/// Appends `payload` as one message of a client.
pub(crate) fn write_message(protocol: Protocol, payload: &[u8], out: &mut Vec<u8>) {
    match protocol {
        Protocol::WebSocket => write_ws(OPCODE_BINARY, payload, out),
        Protocol::LengthPrefix => {
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(payload);
        }
    }
}

/// Appends the pong that answers a ping of this payload, RFC 6455 5.5.3.
pub(crate) fn write_pong(payload: &[u8], out: &mut Vec<u8>) {
    write_ws(OPCODE_PONG, payload, out);
}

/// Appends a close frame: empty for 1005, which says that there is no code, RFC 6455 7.4.1.
pub(crate) fn write_close(code: u16, out: &mut Vec<u8>) {
    let bytes = code.to_be_bytes();
    let payload = if code == NO_CODE { &[][..] } else { &bytes };
    write_ws(OPCODE_CLOSE, payload, out);
}

fn write_ws(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    write_header(FIN | opcode, MASKED, payload.len(), out);
    out.extend_from_slice(&MASK);
    let masks = MASK.iter().cycle();
    out.extend(payload.iter().zip(masks).map(|(byte, mask)| byte ^ mask));
}

/// Appends the header of a frame of `len` bytes, without a mask: its first byte, and the length in
/// the fewest bytes with the bit that says whether a mask follows, RFC 6455 5.2.
#[inline]
pub(crate) fn write_header(first: u8, masked: u8, len: usize, out: &mut Vec<u8>) {
    out.push(first);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=125), _) => out.push(masked | len),
        (_, Ok(len)) => {
            out.push(masked | 126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Protocol::{LengthPrefix, WebSocket};

    fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_header(first, 0, payload.len(), &mut out);
        out.extend_from_slice(payload);
        out
    }

    #[test]
    fn every_prefix_asks_for_more() {
        for len in [0_usize, 1, 125, 126, 300, 65535, 65536] {
            let payload = vec![7; len];
            let mut framed = Vec::new();
            write_message(LengthPrefix, &payload, &mut framed);
            for (protocol, wire) in [
                (WebSocket, server_frame(0x82, &payload)),
                (LengthPrefix, framed),
            ] {
                for cut in (0..wire.len()).filter(|cut| *cut < 20 || *cut + 3 > wire.len()) {
                    let read = read(protocol, false, &wire[..cut], 1 << 20);
                    assert_eq!(read, Ok(None), "{protocol:?}: {len} cut at {cut}");
                }
                let frame = read(protocol, false, &wire, 1 << 20).unwrap().unwrap();
                let is_empty = protocol == LengthPrefix && len == 0;
                let kind = if is_empty {
                    Kind::Heartbeat
                } else {
                    Kind::Message
                };
                assert_eq!((frame.kind, frame.payload), (kind, &payload[..]));
                assert_eq!(frame.wire_len, wire.len());
            }
        }
    }

    #[test]
    fn broken_rules_are_named() {
        let cases: [(&[u8], FrameError); 8] = [
            (&[0xc2, 0], FrameError::ReservedBit),
            (&[0x83, 0], FrameError::Opcode),
            (&[0x82, 0x80], FrameError::Masked),
            (&[0x02, 0], FrameError::Fragment),
            (&[0x80, 0], FrameError::Fragment),
            (&[0x89, 126, 0, 200], FrameError::LongControl),
            (&[0x82, 126, 0, 1], FrameError::LengthForm),
            (&[0x82, 126, 1, 0], FrameError::TooLong),
        ];
        for (wire, error) in cases {
            assert_eq!(read(WebSocket, false, wire, 100), Err(error), "{wire:?}");
        }
        let framed = read(LengthPrefix, false, &[255; 4], 100);
        assert_eq!(framed, Err(FrameError::TooLong));
    }

    #[test]
    fn only_messages_are_compressed_and_only_where_that_was_agreed() {
        let wire = [0xc1, 1, 7];
        let refused = Err(FrameError::ReservedBit);
        assert_eq!(read(WebSocket, false, &wire, 9), refused);
        let frame = read(WebSocket, true, &wire, 9).unwrap().unwrap();
        assert!(frame.is_compressed && frame.payload == [7]);
        for bad in [[0xd1, 1, 7], [0xc9, 1, 7], [0xa1, 1, 7]] {
            assert_eq!(read(WebSocket, true, &bad, 9), refused);
        }
        let plain = read(WebSocket, true, &[0x81, 1, 7], 9).unwrap().unwrap();
        assert!(!plain.is_compressed);
    }

    #[test]
    fn what_a_client_writes_is_masked_and_minimal() {
        for (len, header) in [(0_usize, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
            let payload: Vec<u8> = (0..=255).cycle().take(len).collect();
            let mut wire = Vec::new();
            write_message(WebSocket, &payload, &mut wire);
            assert_eq!((wire[0], wire[1] & 0x80), (0x82, 0x80));
            assert_eq!(wire.len(), header + 4 + len);
            let (mask, masked) = wire[header..].split_at(4);
            let unmasked = masked.iter().zip(mask.iter().cycle());
            assert!(unmasked.map(|(b, m)| b ^ m).eq(payload.iter().copied()));
        }
    }
}
