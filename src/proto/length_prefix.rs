//! Length-prefixed frames: a big-endian `u32` length, then that many payload bytes.
//!
//! A frame is a message, except the empty one: that is a heartbeat.

use crate::proto::ProtocolError;

/// Bytes before the payload.
pub const HEADER_LEN: usize = 4;

/// The result of `decode`.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'b> {
    /// The frame is incomplete; keep the bytes and call again with at least `need` of them.
    Incomplete {
        /// Minimum number of bytes from the start of the frame.
        need: usize,
    },
    /// One frame.
    Frame {
        /// The payload, empty for a heartbeat.
        payload: &'b mut [u8],
        /// Number of bytes of input that it took, including the header.
        taken: usize,
    },
}

/// Reads one frame from the front of `input`, in place.
///
/// # Errors
///
/// [`ProtocolError::FrameTooLong`] as soon as the header announces more than `max` bytes.
pub fn decode(input: &mut [u8], max: usize) -> Result<Step<'_>, ProtocolError> {
    let Some((header, rest)) = input.split_first_chunk_mut::<HEADER_LEN>() else {
        return Ok(Step::Incomplete { need: HEADER_LEN });
    };
    let announced = u32::from_be_bytes(*header);
    let Some(len) = usize::try_from(announced).ok().filter(|len| *len <= max) else {
        return Err(ProtocolError::FrameTooLong {
            len: announced,
            limit: max,
        });
    };
    let taken = HEADER_LEN.saturating_add(len);
    match rest.get_mut(..len) {
        Some(payload) => Ok(Step::Frame { payload, taken }),
        None => Ok(Step::Incomplete { need: taken }),
    }
}

/// The header of a frame that carries `len` bytes, at most `u32::MAX`.
pub fn header(len: usize) -> [u8; HEADER_LEN] {
    debug_assert!(u32::try_from(len).is_ok());
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::{HEADER_LEN, Step, decode, header};
    use crate::proto::ProtocolError;

    fn frame(payload: &[u8]) -> Vec<u8> {
        [&header(payload.len())[..], payload].concat()
    }

    #[test]
    fn a_frame_is_found_in_place_and_the_rest_is_left() {
        let mut input = [frame(b"hello"), frame(b"next")].concat();
        let Ok(Step::Frame { payload, taken }) = decode(&mut input, 5) else {
            panic!("no frame");
        };
        assert_eq!(payload, b"hello");
        assert_eq!(taken, HEADER_LEN + 5);
    }

    #[test]
    fn an_empty_frame_is_a_heartbeat_and_not_an_end() {
        let mut input = frame(b"");
        let step = decode(&mut input, 0).unwrap();
        assert_eq!(
            step,
            Step::Frame {
                payload: &mut [],
                taken: HEADER_LEN
            }
        );
    }

    #[test]
    fn every_prefix_asks_for_more() {
        let whole = frame(b"0123456789");
        for cut in 0..whole.len() {
            let mut input = whole[..cut].to_vec();
            let need = if cut < HEADER_LEN {
                HEADER_LEN
            } else {
                whole.len()
            };
            assert_eq!(
                decode(&mut input, 10),
                Ok(Step::Incomplete { need }),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn too_long_is_refused_before_any_payload() {
        for (len, allowed) in [
            (99, true),
            (100, true),
            (101, false),
            (usize::MAX >> 32, false),
        ] {
            let mut input = header(len);
            let expected = if allowed {
                Ok(Step::Incomplete {
                    need: HEADER_LEN + len,
                })
            } else {
                let len = u32::try_from(len).unwrap();
                Err(ProtocolError::FrameTooLong { len, limit: 100 })
            };
            assert_eq!(decode(&mut input, 100), expected, "length {len}");
        }
    }
}
