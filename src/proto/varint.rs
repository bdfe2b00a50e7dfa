//! Varint frames: a length as a base-128 varint, then that many payload bytes; the delimited
//! messages of protobuf.
//!
//! A frame is a message, except the empty one: that is a heartbeat.

use crate::proto::ProtocolError;
use crate::proto::length_prefix::Step;

/// Maximum number of bytes before the payload: those of a 32-bit length.
pub const HEADER_LEN_MAX: usize = 5;

/// Reads one frame from the front of `input`, in place.
///
/// # Errors
///
/// [`ProtocolError::FrameTooLong`] at the first byte that makes the length more than `max`;
/// [`ProtocolError::LengthNotMinimal`] if the length has more bytes than necessary.
pub fn decode(input: &mut [u8], max: usize) -> Result<Step<'_>, ProtocolError> {
    let Some((len, header_len)) = read_len(input, max)? else {
        let need = input.len().saturating_add(1);
        return Ok(Step::Incomplete { need });
    };
    let taken = header_len.saturating_add(len);
    match input.get_mut(header_len..taken) {
        Some(payload) => Ok(Step::Frame { payload, taken }),
        None => Ok(Step::Incomplete { need: taken }),
    }
}

/// Appends the header of a frame that carries `len` bytes, at most `u32::MAX`.
pub fn encode_header(out: &mut Vec<u8>, len: usize) {
    debug_assert!(u32::try_from(len).is_ok());
    let mut rest = u32::try_from(len).unwrap_or(u32::MAX);
    while 0x80 <= rest {
        out.push(low_bits(rest) | MORE);
        rest >>= 7;
    }
    out.push(low_bits(rest));
}

/// The length and the number of its bytes; `None` while it is incomplete.
fn read_len(input: &[u8], max: usize) -> Result<Option<(usize, usize)>, ProtocolError> {
    let mut len = 0_u64;
    for (index, byte) in input.iter().take(HEADER_LEN_MAX).enumerate() {
        len |= u64::from(byte & !MORE) << (7 * index);
        let Some(len) = usize::try_from(len).ok().filter(|len| *len <= max) else {
            let len = u32::try_from(len).unwrap_or(u32::MAX);
            return Err(ProtocolError::FrameTooLong { len, limit: max });
        };
        if byte & MORE == 0 {
            let is_minimal = index == 0 || *byte != 0;
            let read = is_minimal.then_some(Some((len, index + 1)));
            return read.ok_or(ProtocolError::LengthNotMinimal);
        }
    }
    if input.len() < HEADER_LEN_MAX {
        return Ok(None);
    }
    Err(ProtocolError::LengthNotMinimal)
}

fn low_bits(value: u32) -> u8 {
    (value & 0x7f) as u8
}

/// Set in each byte of a length except the last.
const MORE: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        encode_header(&mut out, len);
        out
    }

    fn too_long(len: u32, limit: usize) -> Result<Step<'static>, ProtocolError> {
        Err(ProtocolError::FrameTooLong { len, limit })
    }

    #[test]
    fn lengths_have_the_bytes_of_the_specification() {
        // The examples of protobuf.dev/programming-guides/encoding.
        assert_eq!(header(1), [0x01]);
        assert_eq!(header(150), [0x96, 0x01]);
        for (len, bytes) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3)] {
            assert_eq!(header(len).len(), bytes, "{len}");
        }
        let largest = header(usize::MAX >> 32);
        assert_eq!(largest, [0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert_eq!(largest.len(), HEADER_LEN_MAX);
    }

    #[test]
    fn a_frame_is_found_in_place_and_the_rest_is_left() {
        for len in [0, 1, 127, 128, 300, 20_000] {
            let payload = vec![b'p'; len];
            let header = header(len);
            let mut input = [&header, &payload[..], b"next"].concat();
            let Ok(Step::Frame {
                payload: got,
                taken,
            }) = decode(&mut input, len)
            else {
                panic!("no frame of {len}");
            };
            assert_eq!(got, payload);
            assert_eq!(taken, header.len() + len);
        }
    }

    #[test]
    fn every_prefix_asks_for_more() {
        let whole = [&header(300)[..], &[b'p'; 300]].concat();
        for cut in 0..whole.len() {
            let mut input = whole[..cut].to_vec();
            let need = if cut < 2 { cut + 1 } else { whole.len() };
            assert_eq!(
                decode(&mut input, 300),
                Ok(Step::Incomplete { need }),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn too_long_is_refused_before_any_payload() {
        assert!(decode(&mut header(300), 300).is_ok());
        assert_eq!(decode(&mut header(301), 300), too_long(301, 300));
        assert_eq!(decode(&mut header(301), 299), too_long(301, 299));
        // It is too long whatever the next byte is.
        assert_eq!(decode(&mut [0xff], 126), too_long(127, 126));
        let mut largest = header(usize::MAX >> 32);
        let none = usize::MAX;
        assert!(matches!(
            decode(&mut largest, none),
            Ok(Step::Incomplete { .. })
        ));
        let mut over = [0x80, 0x80, 0x80, 0x80, 0x10];
        assert_eq!(decode(&mut over, 1000), too_long(u32::MAX, 1000));
    }

    #[test]
    fn a_length_that_takes_more_bytes_than_it_has_to_is_refused() {
        for bad in [
            &[0x80, 0x00][..],
            &[0x81, 0x00],
            &[0x81, 0x80, 0x00],
            &[0x80, 0x80, 0x80, 0x80, 0x00],
            &[0x80, 0x80, 0x80, 0x80, 0x80],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
        ] {
            let mut input = bad.to_vec();
            let result = decode(&mut input, 1000);
            assert_eq!(result, Err(ProtocolError::LengthNotMinimal), "{bad:02x?}");
        }
    }
}
