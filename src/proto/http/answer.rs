//! The head of an HTTP/1.x answer, RFC 9112 section 4, as a client reads it.

use std::time::Duration;

use httparse::{EMPTY_HEADER, Error, Header, Status};
use thiserror::Error;

use crate::limits::{ANSWER_HEAD_BYTES_MAX, ANSWER_HEADERS_MAX};
use crate::proto::http::{list_token, values};

/// Space for the header fields of an answer, to be lent to [`parse_answer`].
pub const NO_ANSWER_HEADERS: [Header<'static>; ANSWER_HEADERS_MAX] =
    [EMPTY_HEADER; ANSWER_HEADERS_MAX];

/// The result of [`parse_answer`].
#[derive(Debug)]
pub enum AnswerHead<'b> {
    /// The head is incomplete; keep the bytes and call again with more of them.
    Incomplete,
    /// An answer.
    Complete {
        /// The answer.
        answer: Answer<'b>,
        /// Bytes of input that the head took; what follows is its body or another protocol.
        taken: usize,
    },
}

/// An answer without its body.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'b> {
    /// The status code.
    pub status: u16,
    /// The minor version: 0 or 1.
    pub version_minor: u8,
    /// In their order. Values are bytes without control characters.
    pub headers: &'b [Header<'b>],
}

/// Why a head cannot be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is not HTTP/1.x: the port speaks another protocol.
    #[error("the server does not speak HTTP/1.1; is it the right port?")]
    NotHttp,
    /// A header field is malformed.
    #[error("a header field of the answer is malformed")]
    HeaderField,
    /// The head does not end within [`ANSWER_HEAD_BYTES_MAX`], or has more fields than
    /// [`ANSWER_HEADERS_MAX`].
    #[error("the head of the answer is too large")]
    TooLarge,
}

/// Reads the head of an answer from the front of `input`. Lend [`NO_ANSWER_HEADERS`].
///
/// # Errors
///
/// See [`AnswerError`]; the connection cannot be used after any of them.
pub fn parse_answer<'h, 'b: 'h>(
    input: &'b [u8],
    headers: &'h mut [Header<'b>],
) -> Result<AnswerHead<'h>, AnswerError> {
    let window = &input[..input.len().min(ANSWER_HEAD_BYTES_MAX)];
    let mut parsed = httparse::Response::new(headers);
    match parsed.parse(window) {
        Ok(Status::Complete(taken)) => {
            let (Some(status), Some(version_minor)) = (parsed.code, parsed.version) else {
                return Err(AnswerError::NotHttp);
            };
            let headers = parsed.headers;
            let answer = Answer {
                status,
                version_minor,
                headers,
            };
            Ok(AnswerHead::Complete { answer, taken })
        }
        Ok(Status::Partial) if input.len() < ANSWER_HEAD_BYTES_MAX => Ok(AnswerHead::Incomplete),
        Ok(Status::Partial) | Err(Error::TooManyHeaders) => Err(AnswerError::TooLarge),
        Err(Error::HeaderName | Error::HeaderValue | Error::NewLine) => {
            Err(AnswerError::HeaderField)
        }
        Err(_) => Err(AnswerError::NotHttp),
    }
}

impl<'b> Answer<'b> {
    /// The values of all header fields with this name, in any case, in order.
    pub fn headers<'n>(&self, name: &'n str) -> impl Iterator<Item = &'b [u8]> + use<'b, 'n> {
        values(self.headers, name)
    }

    /// Whether a header field with this name lists `token`, both in any case.
    pub fn lists_token(&self, name: &str, token: &str) -> bool {
        list_token(self.headers, name, token)
    }

    /// The length of the body, if the answer has it.
    pub fn content_length(&self) -> Option<usize> {
        let value = self.headers("content-length").next()?;
        std::str::from_utf8(value).ok()?.trim().parse().ok()
    }

    /// The delay before another request, RFC 9110 10.2.3; a date in its place is not read.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.headers("retry-after").next()?;
        let seconds = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

/// The payload of a chunked body, RFC 9112 7.1, as far as it is complete and well-formed.
pub fn dechunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Ok(Status::Complete((taken, len))) = httparse::parse_chunk_size(body) {
        let rest = body.get(taken..).unwrap_or_default();
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
        let (chunk, rest) = rest.split_at(len);
        whole.extend_from_slice(chunk);
        if chunk.is_empty() {
            break;
        }
        body = rest.strip_prefix(b"\r\n").unwrap_or_default();
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::{AnswerError, AnswerHead, NO_ANSWER_HEADERS, dechunk, parse_answer};
    use crate::limits::ANSWER_HEAD_BYTES_MAX;

    fn status(input: &[u8]) -> Result<Option<(u16, usize)>, AnswerError> {
        let mut headers = NO_ANSWER_HEADERS;
        Ok(match parse_answer(input, &mut headers)? {
            AnswerHead::Incomplete => None,
            AnswerHead::Complete { answer, taken } => Some((answer.status, taken)),
        })
    }

    #[test]
    fn every_prefix_asks_for_more() {
        let whole = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX:  y \r\n\r\n";
        for cut in 0..whole.len() {
            assert_eq!(status(&whole[..cut]), Ok(None), "cut at {cut}");
        }
        let more = [&whole[..], b"abc"].concat();
        assert_eq!(status(&more), Ok(Some((404, whole.len()))));
        let mut headers = NO_ANSWER_HEADERS;
        let Ok(AnswerHead::Complete { answer, .. }) = parse_answer(&more, &mut headers) else {
            panic!("not understood");
        };
        assert_eq!(answer.content_length(), Some(3));
        assert!(answer.lists_token("x", "Y"));
    }

    #[test]
    fn chunks_are_put_together_as_far_as_they_are_there() {
        let body = b"4\r\nWiki\r\n6;x=y\r\npedia \r\n0\r\n\r\n";
        assert_eq!(dechunk(body), b"Wikipedia ");
        for cut in 0..body.len() {
            let part = dechunk(&body[..cut]);
            assert!(b"Wikipedia ".starts_with(&part[..]), "cut at {cut}");
        }
        assert_eq!(dechunk(b"zz\r\nx"), b"");
        assert_eq!(dechunk(b"ffffffffffffffff\r\nx"), b"x");
    }

    #[test]
    fn what_is_not_an_answer_is_refused() {
        assert_eq!(status(b"\0\0\0\0"), Err(AnswerError::NotHttp));
        assert_eq!(status(b"SSH-2.0-x\r\n"), Err(AnswerError::NotHttp));
        assert_eq!(
            status(b"HTTP/2.0 200 OK\r\n\r\n"),
            Err(AnswerError::NotHttp)
        );
        let field = b"HTTP/1.1 200 OK\r\na b: c\r\n\r\n";
        assert_eq!(status(field), Err(AnswerError::HeaderField));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(1_000));
        assert_eq!(status(many.as_bytes()), Err(AnswerError::TooLarge));
        let mut long = b"HTTP/1.1 200 OK\r\na: ".to_vec();
        long.resize(ANSWER_HEAD_BYTES_MAX - 1, b'x');
        assert_eq!(status(&long), Ok(None));
        long.push(b'x');
        assert_eq!(status(&long), Err(AnswerError::TooLarge));
    }
}
