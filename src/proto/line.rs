//! Lines: a message and a line feed; a carriage return before that is not part of the message.
//!
//! A line is a message, except the empty line, which is a heartbeat. `nc` and the `read` command of
//! a shell use this framing.

use crate::proto::ProtocolError;
use crate::proto::length_prefix::Step;

/// The end of a sent message.
pub const END: &[u8] = b"\n";

/// Reads one line from the front of `input`, in place.
///
/// Looks at each byte up to the first line feed. A caller with more of the same line should call
/// again only when a line feed has arrived.
///
/// # Errors
///
/// [`ProtocolError::MessageTooBig`] at the first byte above `max`.
pub fn decode(input: &mut [u8], max: usize) -> Result<Step<'_>, ProtocolError> {
    let seen = input.len().min(max.saturating_add(LINE_END_MAX));
    let too_big = Err(ProtocolError::MessageTooBig { limit: max });
    let Some(len) = input[..seen].iter().position(|byte| *byte == b'\n') else {
        // Only a carriage return may follow the maximum.
        let begun = message_len(&input[..seen]);
        return if max < begun {
            too_big
        } else {
            let need = input.len().saturating_add(1);
            Ok(Step::Incomplete { need })
        };
    };
    let taken = len + END.len();
    let len = message_len(&input[..len]);
    if max < len {
        return too_big;
    }
    let payload = &mut input[..len];
    Ok(Step::Frame { payload, taken })
}

/// Whether `payload` can be sent as a line. An empty one would be a heartbeat, and one with a line
/// break would be several lines or lose its last carriage return.
pub fn carries(payload: &[u8]) -> bool {
    !payload.is_empty() && !payload.contains(&b'\n') && !payload.contains(&b'\r')
}

/// Length of a line without its end and without one carriage return before that.
fn message_len(line: &[u8]) -> usize {
    line.strip_suffix(b"\r").unwrap_or(line).len()
}

/// A carriage return and a line feed.
const LINE_END_MAX: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_BIG: ProtocolError = ProtocolError::MessageTooBig { limit: 3 };

    fn step(input: &[u8], max: usize) -> Result<Option<(Vec<u8>, usize)>, ProtocolError> {
        decode(&mut input.to_vec(), max).map(|step| match step {
            Step::Incomplete { need } => {
                assert_eq!(need, input.len() + 1);
                None
            }
            Step::Frame { payload, taken } => Some((payload.to_vec(), taken)),
        })
    }

    fn line(payload: &[u8], taken: usize) -> Option<(Vec<u8>, usize)> {
        Some((payload.to_vec(), taken))
    }

    #[test]
    fn a_line_ends_at_its_first_line_feed() {
        assert_eq!(step(b"hello\nnext\n", 5), Ok(line(b"hello", 6)));
        assert_eq!(step(b"\n", 5), Ok(line(b"", 1)));
        assert_eq!(step(b"\xff\0 \n", 5), Ok(line(b"\xff\0 ", 4)));
    }

    #[test]
    fn one_carriage_return_belongs_to_the_end() {
        assert_eq!(step(b"hello\r\nnext", 5), Ok(line(b"hello", 7)));
        assert_eq!(step(b"\r\n", 5), Ok(line(b"", 2)));
        assert_eq!(step(b"a\r\r\n", 5), Ok(line(b"a\r", 4)));
        assert_eq!(step(b"a\rb\n", 5), Ok(line(b"a\rb", 4)));
    }

    #[test]
    fn every_prefix_asks_for_more() {
        let whole = b"0123456789\r\n";
        for cut in 0..whole.len() {
            assert_eq!(step(&whole[..cut], 10), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn too_long_is_refused_at_the_first_byte_too_many() {
        for fine in ["abc\n", "abc\r\n"] {
            assert!(matches!(step(fine.as_bytes(), 3), Ok(Some(_))), "{fine:?}");
        }
        for begun in ["abc", "abc\r"] {
            assert_eq!(step(begun.as_bytes(), 3), Ok(None), "{begun:?}");
        }
        for over in [
            "abcd",
            "abcd\n",
            "abcd\r\n",
            "abc\rd",
            "abc\r\r",
            "abcdefgh\n",
        ] {
            assert_eq!(step(over.as_bytes(), 3), Err(TOO_BIG), "{over:?}");
        }
    }

    #[test]
    fn only_what_reads_back_is_carried() {
        for payload in ["a", " ", "a b", "ä"] {
            assert!(carries(payload.as_bytes()), "{payload:?}");
        }
        for payload in ["", "\n", "a\nb", "a\r", "a\rb"] {
            assert!(!carries(payload.as_bytes()), "{payload:?}");
        }
    }
}
