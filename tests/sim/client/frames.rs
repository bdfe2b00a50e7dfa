//! Frames of WebSocket and of each framing over TCP, made and read without the product's code.

use corecast::Framing;
use corecast::internals::Rng;

/// That a message is compressed.
pub(super) const RSV1: u8 = 0x40;

/// Opcode with `RSV1`, and where the payload begins and ends, of a frame that a server may send.
pub(super) fn server_frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let [first, second, rest @ ..] = bytes else {
        return None;
    };
    let may_be_set = if first & 0x0f < 3 { RSV1 } else { 0 };
    let flags = first & 0xf0 & !may_be_set;
    assert_eq!(
        flags, 0x80,
        "a whole frame without other bits than that of its compression"
    );
    assert_eq!(second & 0x80, 0, "an unmasked frame");
    let (start, len) = match second {
        126 => (4, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*rest.first_chunk()?)),
        len => (2, u64::from(*len)),
    };
    let shortest = match len {
        0..126 => 2,
        126..0x1_0000 => 4,
        _ => 10,
    };
    assert_eq!(start, shortest, "the shortest header for {len} bytes");
    let len = usize::try_from(len).unwrap();
    Some((first & (0x0f | RSV1), start, start + len))
}

/// The payload of a server's frame on TCP, and the bytes it takes.
pub(super) fn tcp_payload(framing: Framing, bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (start, len, end) = match framing {
        Framing::LengthPrefix => (4, u32::from_be_bytes(*bytes.first_chunk()?), 0),
        Framing::Line => {
            let len = bytes.iter().position(|byte| *byte == b'\n')?;
            (0, u32::try_from(len).unwrap(), 1)
        }
        Framing::Varint => {
            let last = bytes.iter().position(|byte| *byte < 0x80)?;
            let digits = bytes[..=last].iter().rev();
            let len = digits.fold(0, |len, byte| len << 7 | u32::from(byte & 0x7f));
            (last + 1, len, 0)
        }
    };
    let stop = start + usize::try_from(len).unwrap();
    Some((bytes.get(start..stop)?, stop + end))
}

/// Appends a frame on TCP.
pub(super) fn tcp_frame(out: &mut Vec<u8>, framing: Framing, payload: &[u8]) {
    let len = u32::try_from(payload.len()).unwrap();
    match framing {
        Framing::LengthPrefix => out.extend(len.to_be_bytes()),
        Framing::Line => {}
        Framing::Varint => {
            let digits = (0..5)
                .map(|at| len >> (7 * at))
                .take_while(|rest| *rest != 0);
            let digits: Vec<u32> = digits.collect();
            for (at, rest) in digits.iter().enumerate() {
                let more = if at + 1 < digits.len() { 0x80 } else { 0 };
                out.push(u8::try_from(rest & 0x7f).unwrap() | more);
            }
        }
    }
    out.extend_from_slice(payload);
    if framing == Framing::Line {
        // A carriage return before it is no part of the message.
        out.extend(if len % 2 == 0 { &b"\n"[..] } else { b"\r\n" });
    }
}

/// Appends a masked frame.
pub(super) fn frame(out: &mut Vec<u8>, first: u8, payload: &[u8], rng: &mut Rng) {
    out.push(first);
    match payload.len() {
        len @ 0..126 => out.push(0x80 | u8::try_from(len).unwrap()),
        len @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    let mask: [u8; 4] = std::array::from_fn(|_| rng.byte());
    out.extend_from_slice(&mask);
    out.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
}
