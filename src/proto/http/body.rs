//! The body of a request: its framing, RFC 9112 section 6, and its bytes as they arrive.

use std::num::NonZeroUsize;

use crate::limits::{CHUNK_LINE_BYTES_MAX, CHUNK_OVERHEAD_BYTES_MAX};
use crate::proto::http::HttpError;
use crate::proto::http::request::{Request, is_tchar};

/// How the body that follows a head is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none.
    None,
    /// This number of bytes.
    Length(NonZeroUsize),
    /// Chunks, RFC 9112 7.1.
    Chunked,
}

/// Decodes a body. Keeps none of its bytes.
#[derive(Clone, Debug)]
pub struct Body {
    state: State,
    /// Number of bytes of the body that may still arrive.
    space: usize,
    /// Number of bytes of extensions and trailers that may still arrive.
    overhead: usize,
}

/// One piece of a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'b> {
    /// The next bytes of the body; may be empty.
    pub data: &'b [u8],
    /// Number of processed bytes of input, including `data`.
    pub taken: usize,
    /// Whether the body ends here; what follows is the next request.
    pub is_last: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// This number of bytes of a body without chunks is left.
    Length(usize),
    /// In the digits of a chunk's size.
    Size {
        size: usize,
        len: usize,
    },
    /// In the white space after the digits, which only an extension may follow.
    Space {
        size: usize,
        len: usize,
    },
    /// In an extension, which is ignored.
    Extension {
        size: usize,
        len: usize,
    },
    /// Before the LF of a size line.
    SizeEnd {
        size: usize,
    },
    /// This number of bytes of a chunk is left.
    Data(usize),
    /// Before the CR, or the LF, that ends a chunk.
    DataEnd {
        has_cr: bool,
    },
    /// At the start of a trailer field, or of the empty line after all of them.
    Trailer,
    /// In a trailer field's name, or in its value.
    TrailerField {
        in_value: bool,
    },
    /// Before the LF of a trailer field.
    TrailerEnd,
    /// Before the LF of the last line.
    LastEnd,
    Done,
}

impl Request<'_> {
    /// The framing of the request's body. This is stricter than RFC 9112 6.3, because an ambiguous
    /// request is an attack: `Content-Length` together with `Transfer-Encoding`, either of them
    /// twice, and a list instead of one value are all refused.
    ///
    /// # Errors
    ///
    /// One of the framing errors of [`HttpError`]. The bytes after the head cannot be understood.
    pub fn body_length(&self) -> Result<BodyLength, HttpError> {
        let mut lengths = self.headers("content-length");
        let mut codings = self.headers("transfer-encoding");
        match (lengths.next(), codings.next()) {
            (None, None) => Ok(BodyLength::None),
            (Some(_), Some(_)) => Err(HttpError::FramingTwice),
            (Some(length), None) if lengths.next().is_none() => {
                let length = parse_length(length)?;
                Ok(NonZeroUsize::new(length).map_or(BodyLength::None, BodyLength::Length))
            }
            (Some(_), None) => Err(HttpError::ContentLength),
            // RFC 9112 6.1: HTTP/1.0 has no chunks, and an HTTP/1.0 proxy forwards the field
            // unchanged.
            (None, Some(_)) if self.version_minor == 0 => Err(HttpError::TransferEncoding),
            (None, Some(coding)) if codings.next().is_none() => {
                if coding.eq_ignore_ascii_case(b"chunked") {
                    Ok(BodyLength::Chunked)
                } else if ends_in_chunked(coding) {
                    Err(HttpError::TransferCoding)
                } else {
                    Err(HttpError::TransferEncoding)
                }
            }
            (None, Some(_)) => Err(HttpError::TransferEncoding),
        }
    }
}

impl Body {
    /// A decoder for a body of at most `max` bytes.
    ///
    /// # Errors
    ///
    /// [`HttpError::BodyTooLarge`] if the announced length is longer.
    pub fn new(framing: BodyLength, max: usize) -> Result<Self, HttpError> {
        let state = match framing {
            BodyLength::None => State::Done,
            BodyLength::Length(length) if max < length.get() => {
                return Err(HttpError::BodyTooLarge);
            }
            BodyLength::Length(length) => State::Length(length.get()),
            BodyLength::Chunked => State::Size { size: 0, len: 0 },
        };
        Ok(Self {
            state,
            space: max,
            overhead: CHUNK_OVERHEAD_BYTES_MAX,
        })
    }

    /// Takes bytes from the front of `input`: all of them, or those up to the end of one piece.
    /// Call again with the rest until the input is empty or a piece is the last.
    ///
    /// # Errors
    ///
    /// See [`HttpError`]; the connection cannot be used after any of them.
    pub fn decode<'b>(&mut self, input: &'b [u8]) -> Result<Piece<'b>, HttpError> {
        let mut taken = 0;
        loop {
            let rest = &input[taken..];
            match &mut self.state {
                State::Done => break,
                State::Length(left) | State::Data(left) if !rest.is_empty() => {
                    let len = rest.len().min(*left);
                    *left -= len;
                    if *left == 0 {
                        self.state = match self.state {
                            State::Length(_) => State::Done,
                            _ => State::DataEnd { has_cr: false },
                        };
                    }
                    return Ok(Piece {
                        data: &rest[..len],
                        taken: taken + len,
                        is_last: self.state == State::Done,
                    });
                }
                state => {
                    let Some(&byte) = rest.first() else { break };
                    let state = *state;
                    self.state = self.step(state, byte)?;
                    taken += 1;
                }
            }
        }
        Ok(Piece {
            data: &[],
            taken,
            is_last: self.state == State::Done,
        })
    }

    /// The next state after `byte` of the lines around the chunks.
    fn step(&mut self, state: State, byte: u8) -> Result<State, HttpError> {
        match (state, byte) {
            (State::Size { size, len }, _) if byte.is_ascii_hexdigit() => {
                let len = line_grown(len)?;
                let digit = char::from(byte).to_digit(16).unwrap_or_default() as usize;
                let size = size.saturating_mul(16).saturating_add(digit);
                if self.space < size {
                    return Err(HttpError::BodyTooLarge);
                }
                Ok(State::Size { size, len })
            }
            (State::Size { size, len: 1.. } | State::Extension { size, .. }, b'\r') => {
                Ok(State::SizeEnd { size })
            }
            (
                State::Size {
                    size,
                    len: len @ 1..,
                }
                | State::Space { size, len },
                b';',
            ) => {
                let len = line_grown(len)?;
                self.spend()?;
                Ok(State::Extension { size, len })
            }
            (
                State::Size {
                    size,
                    len: len @ 1..,
                }
                | State::Space { size, len },
                b' ' | b'\t',
            ) => {
                let len = line_grown(len)?;
                self.spend()?;
                Ok(State::Space { size, len })
            }
            (State::Extension { size, len }, _) if is_text(byte) => {
                let len = line_grown(len)?;
                self.spend()?;
                Ok(State::Extension { size, len })
            }
            (State::SizeEnd { size: 0 }, b'\n') => Ok(State::Trailer),
            (State::SizeEnd { size }, b'\n') => {
                self.space -= size;
                Ok(State::Data(size))
            }
            (State::DataEnd { has_cr: false }, b'\r') => Ok(State::DataEnd { has_cr: true }),
            (State::DataEnd { has_cr: true }, b'\n') => Ok(State::Size { size: 0, len: 0 }),
            (State::Trailer, b'\r') => Ok(State::LastEnd),
            (State::TrailerField { in_value: true }, b'\r') => Ok(State::TrailerEnd),
            (State::TrailerField { in_value: false }, b':') => {
                self.spend()?;
                Ok(State::TrailerField { in_value: true })
            }
            (State::TrailerField { in_value: true }, _) if is_text(byte) => {
                self.spend()?;
                Ok(State::TrailerField { in_value: true })
            }
            (State::Trailer | State::TrailerField { in_value: false }, _) if is_tchar(byte) => {
                self.spend()?;
                Ok(State::TrailerField { in_value: false })
            }
            (State::TrailerEnd, b'\n') => Ok(State::Trailer),
            (State::LastEnd, b'\n') => Ok(State::Done),
            _ => Err(HttpError::Chunk),
        }
    }

    /// Counts one byte that is not part of the body.
    fn spend(&mut self) -> Result<(), HttpError> {
        let left = self.overhead.checked_sub(1);
        self.overhead = left.ok_or(HttpError::ChunkOverhead)?;
        Ok(())
    }
}

/// The length of a chunk's size line with one byte more.
fn line_grown(len: usize) -> Result<usize, HttpError> {
    if len < CHUNK_LINE_BYTES_MAX {
        Ok(len + 1)
    } else {
        Err(HttpError::ChunkOverhead)
    }
}

/// RFC 9110 8.6: digits and nothing else; a list of equal numbers is refused as well.
fn parse_length(value: &[u8]) -> Result<usize, HttpError> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(HttpError::ContentLength);
    }
    let text = std::str::from_utf8(value).map_err(|_| HttpError::ContentLength)?;
    // A number that does not fit is too large.
    Ok(text.parse().unwrap_or(usize::MAX))
}

fn ends_in_chunked(coding: &[u8]) -> bool {
    let last = coding.rsplit(|byte| *byte == b',').next();
    last.is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

/// Whether a byte may be in a field's value or an extension: anything except control characters.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
