//! The WebSocket subprotocol `corecast.positions`, for clients that come back to where they were:
//! each message of the server begins with a line, which is the position of the message.
//!
//! A message keeps its kind. Its line is empty if it has no position, because it is for this client
//! alone, or its topic has no history. A text without a line feed is no message: `EPOCH:OFFSET` is
//! where the client stands, and `gap EPOCH:OFFSET` where it goes on after messages that it cannot
//! have. What the client sends has no such lines.

use thiserror::Error;

use crate::position::{POSITION_LEN_MAX, Position};
use crate::proto::Kind;

/// Its name.
pub const SUBPROTOCOL: &str = "corecast.positions";
/// The length of a message's first line, at most.
pub const LINE_LEN_MAX: usize = POSITION_LEN_MAX + 1;

/// What the server says in one WebSocket message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'b> {
    /// A message.
    Message {
        /// Its place in its topic, if that has a history.
        position: Option<Position>,
        /// What was published.
        payload: &'b [u8],
    },
    /// The client has all messages up to this one, as far as it has asked for them.
    Position(Position),
    /// Messages are missing that the client cannot have. It goes on after this position; without
    /// one, the topic has no history any more.
    Gap(Option<Position>),
}

/// A WebSocket message that does not belong to the subprotocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a message of {SUBPROTOCOL} begins with a line that is a position, or empty")]
pub struct FrameError;

/// Reads one WebSocket message of the server.
///
/// # Errors
///
/// It does not belong to the subprotocol.
pub fn decode(kind: Kind, message: &[u8]) -> Result<Frame<'_>, FrameError> {
    let front = &message[..message.len().min(LINE_LEN_MAX)];
    if let Some(end) = front.iter().position(|byte| *byte == b'\n') {
        let line = &message[..end];
        let position = (!line.is_empty()).then(|| read(line)).transpose()?;
        let payload = &message[end + 1..];
        return Ok(Frame::Message { position, payload });
    }
    if kind == Kind::Binary {
        return Err(FrameError);
    }
    match message.strip_prefix(GAP) {
        Some([]) => Ok(Frame::Gap(None)),
        Some([b' ', position @ ..]) => Ok(Frame::Gap(Some(read(position)?))),
        _ => Ok(Frame::Position(read(message)?)),
    }
}

fn read(text: &[u8]) -> Result<Position, FrameError> {
    let text = std::str::from_utf8(text).map_err(|_| FrameError)?;
    text.parse().map_err(|_| FrameError)
}

/// Appends the line with which a message begins.
pub fn encode_line(out: &mut Vec<u8>, position: Option<Position>) {
    if let Some(position) = position {
        position.encode(out);
    }
    out.push(b'\n');
}

/// The length of that line.
pub fn line_len(position: Option<Position>) -> usize {
    position.map_or(0, Position::text_len) + 1
}

/// The text that says where a client stands.
pub fn position_text(position: Position) -> String {
    position.to_string()
}

/// The text that says that messages are missing.
pub fn gap_text(position: Option<Position>) -> String {
    let gap = String::from_utf8_lossy(GAP);
    position.map_or_else(|| gap.to_string(), |position| format!("{gap} {position}"))
}

const GAP: &[u8] = b"gap";

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str) -> Position {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let positions = ["mzxw6ytb:0", "mzxw6ytb:42", "77777777:18446744073709551615"];
        let positions = positions.map(|text| Some(position(text)));
        for position in positions.into_iter().chain([None]) {
            for payload in ["", "a", "\n", "a\nb", "mzxw6ytb:1", "gap"].map(str::as_bytes) {
                let mut message = Vec::new();
                encode_line(&mut message, position);
                assert_eq!(message.len(), line_len(position));
                assert!(message.len() <= LINE_LEN_MAX);
                message.extend_from_slice(payload);
                for kind in [Kind::Text, Kind::Binary] {
                    let frame = Frame::Message { position, payload };
                    assert_eq!(decode(kind, &message), Ok(frame));
                }
            }
            let gap = gap_text(position);
            assert_eq!(decode(Kind::Text, gap.as_bytes()), Ok(Frame::Gap(position)));
            assert_eq!(decode(Kind::Binary, gap.as_bytes()), Err(FrameError));
        }
        for position in positions.into_iter().flatten() {
            let text = position_text(position);
            let frame = Frame::Position(position);
            assert_eq!(decode(Kind::Text, text.as_bytes()), Ok(frame));
            assert_eq!(decode(Kind::Binary, text.as_bytes()), Err(FrameError));
        }
    }

    #[test]
    fn other_messages_are_refused() {
        let wrong = [
            "",
            "hello",
            "hello\nworld",
            "gap ",
            "gap  mzxw6ytb:1",
            "gap mzxw6ytb:1\n",
            "gaps",
            "mzxw6ytb",
            "mzxw6ytb:",
            "mzxw6ytb:042\n",
            "mzxw6ytb:1\r\n",
            "mzxw6ytb:18446744073709551616\n",
            " \n",
        ];
        for text in wrong {
            for kind in [Kind::Text, Kind::Binary] {
                assert_eq!(decode(kind, text.as_bytes()), Err(FrameError), "{text:?}");
            }
        }
        assert_eq!(decode(Kind::Text, b"\xff\n"), Err(FrameError));
    }

    #[test]
    fn every_beginning_of_a_line_is_refused_or_says_where_the_client_stands() {
        let message = b"mzxw6ytb:42\nhello";
        for len in 0..=message.len() {
            let text = decode(Kind::Text, &message[..len]);
            let binary = decode(Kind::Binary, &message[..len]);
            match len {
                ..10 => assert_eq!(text, Err(FrameError)),
                10 => assert_eq!(text, Ok(Frame::Position(position("mzxw6ytb:4")))),
                11 => assert_eq!(text, Ok(Frame::Position(position("mzxw6ytb:42")))),
                _ => assert!(matches!(text, Ok(Frame::Message { .. }))),
            }
            assert_eq!(binary.is_ok(), 12 <= len);
        }
    }
}
