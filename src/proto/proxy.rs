//! The PROXY protocol, versions 1 and 2: the header in which a proxy names its client.
//!
//! It follows HAProxy's specification (`doc/proxy-protocol.txt`). A header is read as a whole or
//! not at all, and nothing after it is touched.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str;

use thiserror::Error;

/// Maximum length of the line of version 1 in bytes, with its end (section 2.1).
pub const LINE_LEN_MAX: usize = 107;
/// Maximum length of an accepted header of version 2 in bytes. A proxy should send no more than
/// 536, so that it fits into any segment; extensions with a certificate's name need more.
pub const BINARY_LEN_MAX: usize = 2_048;

/// What `decode` made of the front of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The header is incomplete.
    Incomplete,
    /// A header.
    Header {
        /// The origin of the connection.
        source: Source,
        /// Bytes of input that it took.
        taken: usize,
    },
}

/// The origin of a connection, as a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The proxy itself (`LOCAL`): it checks whether the server is there.
    Proxy,
    /// A client without an IP address (`UNKNOWN`, a Unix-domain socket).
    Unknown,
    /// A client with this address.
    Client(SocketAddr),
}

/// The bytes are not a valid header.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ProxyError {
    /// The first bytes belong to neither version.
    #[error("no PROXY header")]
    Missing,
    /// The line of version 1 is malformed or too long.
    #[error("malformed PROXY line")]
    Line,
    /// The header of version 2 is malformed or too long.
    #[error("malformed binary PROXY header")]
    Binary,
}

/// Reads a header from the front of `input`.
///
/// # Errors
///
/// At the first byte that no header can have in its place. Only the addresses of a line are checked
/// when the line is complete.
pub fn decode(input: &[u8]) -> Result<Step, ProxyError> {
    if begins_like(input, BINARY_SIGNATURE) {
        return decode_binary(input);
    }
    if begins_like(input, LINE_SIGNATURE) {
        return decode_line(input);
    }
    Err(ProxyError::Missing)
}

/// Whether `input` may be the beginning of a header, or of what follows one.
pub fn may_begin(input: &[u8]) -> bool {
    begins_like(input, BINARY_SIGNATURE) || begins_like(input, LINE_SIGNATURE)
}

/// Whether `input` begins with the whole signature of a header, which is never sent by accident.
pub fn has_begun(input: &[u8]) -> bool {
    input.starts_with(BINARY_SIGNATURE) || input.starts_with(LINE_SIGNATURE)
}

/// Section 2.1.
fn decode_line(input: &[u8]) -> Result<Step, ProxyError> {
    let seen = &input[..input.len().min(LINE_LEN_MAX)];
    let Some(end) = seen.iter().position(|byte| *byte == b'\n') else {
        let may_go_on = input.len() < LINE_LEN_MAX;
        return may_go_on
            .then_some(Step::Incomplete)
            .ok_or(ProxyError::Line);
    };
    let line = seen[LINE_SIGNATURE.len()..end].strip_suffix(b"\r");
    let line = line.ok_or(ProxyError::Line)?;
    let line = str::from_utf8(line).map_err(|_| ProxyError::Line)?;
    let taken = end + 1;
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        let source = Source::Unknown;
        return Ok(Step::Header { source, taken });
    }
    let source = line_source(line).ok_or(ProxyError::Line)?;
    let source = Source::Client(source);
    Ok(Step::Header { source, taken })
}

/// The source of `TCP4 192.0.2.1 192.0.2.2 56324 443`.
fn line_source(line: &str) -> Option<SocketAddr> {
    let mut words = line.split(' ');
    let family = words.next()?;
    let (source, destination) = match family {
        "TCP4" => (
            IpAddr::V4(words.next()?.parse().ok()?),
            IpAddr::V4(words.next()?.parse().ok()?),
        ),
        "TCP6" => (
            IpAddr::V6(words.next()?.parse().ok()?),
            IpAddr::V6(words.next()?.parse().ok()?),
        ),
        _ => return None,
    };
    let port = decimal_port(words.next()?)?;
    let _to = (destination, decimal_port(words.next()?)?);
    words
        .next()
        .is_none()
        .then(|| SocketAddr::new(source, port))
}

/// A port as in section 2.1: only digits, no leading zero.
fn decimal_port(word: &str) -> Option<u16> {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_digit());
    let leads_with_zero = 1 < word.len() && word.starts_with('0');
    word.parse().ok().filter(|_| is_plain && !leads_with_zero)
}

/// Section 2.2.
fn decode_binary(input: &[u8]) -> Result<Step, ProxyError> {
    let Some([command, family, len @ ..]) = input.get(BINARY_SIGNATURE.len()..) else {
        return Ok(Step::Incomplete);
    };
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(ProxyError::Binary),
    };
    let addresses_len = match family {
        // A connection of the proxy itself or not of TCP: its own address is used.
        _ if is_local => 0,
        0x00 => 0,
        0x11 => 2 * 4 + 2 * 2,
        0x21 => 2 * 16 + 2 * 2,
        0x31 => 2 * 108,
        _ => return Err(ProxyError::Binary),
    };
    let Some((len, rest)) = len.split_first_chunk() else {
        return Ok(Step::Incomplete);
    };
    let len = usize::from(u16::from_be_bytes(*len));
    if len < addresses_len || BINARY_LEN_MAX < BINARY_HEADER_LEN + len {
        return Err(ProxyError::Binary);
    }
    // Extensions follow the addresses and are ignored.
    let Some(rest) = rest.get(..len) else {
        return Ok(Step::Incomplete);
    };
    let client = match family {
        0x11 => source_v4(rest),
        0x21 => source_v6(rest),
        _ => None,
    };
    let source = match client {
        _ if is_local => Source::Proxy,
        Some(client) => Source::Client(client),
        None => Source::Unknown,
    };
    let taken = BINARY_HEADER_LEN + len;
    Ok(Step::Header { source, taken })
}

fn source_v4(block: &[u8]) -> Option<SocketAddr> {
    let (source, rest) = block.split_first_chunk::<4>()?;
    let (_destination, ports) = rest.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes(*ports.first_chunk()?);
    Some(SocketAddr::new(Ipv4Addr::from(*source).into(), port))
}

fn source_v6(block: &[u8]) -> Option<SocketAddr> {
    let (source, rest) = block.split_first_chunk::<16>()?;
    let (_destination, ports) = rest.split_first_chunk::<16>()?;
    let port = u16::from_be_bytes(*ports.first_chunk()?);
    Some(SocketAddr::new(Ipv6Addr::from(*source).into(), port))
}

/// Whether one of them is the beginning of the other.
fn begins_like(input: &[u8], signature: &[u8]) -> bool {
    input.iter().zip(signature).all(|(one, other)| one == other)
}

const LINE_SIGNATURE: &[u8] = b"PROXY ";
const BINARY_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, a command, a family and a length.
const BINARY_HEADER_LEN: usize = BINARY_SIGNATURE.len() + 4;

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
