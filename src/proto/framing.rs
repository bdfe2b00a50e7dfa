//! How messages follow one another on a TCP connection.

use crate::proto::length_prefix::{self, Step};
use crate::proto::{Kind, ProtocolError, is_utf8, line, varint};

/// Where one message of a TCP connection ends and the next begins.
///
/// An empty frame is no message in any of them: the server's first says that the subscription is
/// live, and a client's is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// A length of four bytes, big-endian, goes before each message.
    #[default]
    LengthPrefix,
    /// A line feed ends each message. It cannot carry one with a line break.
    Line,
    /// A length as a base-128 varint goes before each message, as protobuf's libraries write it.
    Varint,
}

/// What a listener says of its TCP connections: what their bytes are, and what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Where messages end.
    pub framing: Framing,
    /// Every message is text, and one that is not UTF-8 closes the connection. Otherwise a line is
    /// text if it is UTF-8, and everything else is binary.
    pub text: bool,
    /// What they are for.
    pub role: Role,
}

/// What the connections of a TCP listener are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// They publish, and get what is published.
    #[default]
    Both,
    /// They publish. They are sent no first frame: one that never reads loses nothing by that.
    Publish,
    /// They get what is published.
    Subscribe,
}

impl Framing {
    /// An empty frame.
    pub fn empty(self) -> &'static [u8] {
        match self {
            Self::LengthPrefix => &[0; length_prefix::HEADER_LEN],
            Self::Line => line::END,
            Self::Varint => &[0],
        }
    }
}

impl Frames {
    /// What a connection is sent when its subscriptions are live. One that only publishes is sent
    /// nothing: if it closes its socket without having read, its kernel resets the connection, and
    /// what it has just published may be lost (RFC 2525 2.17).
    pub fn greeting(self) -> &'static [u8] {
        match self.role {
            Role::Publish => &[],
            Role::Both | Role::Subscribe => self.framing.empty(),
        }
    }

    /// Reads one frame from the front of `input`, in place.
    ///
    /// # Errors
    ///
    /// Longer than `max` bytes, or a length that is written with too many.
    pub fn decode(self, input: &mut [u8], max: usize) -> Result<Step<'_>, ProtocolError> {
        match self.framing {
            Framing::LengthPrefix => length_prefix::decode(input, max),
            Framing::Line => line::decode(input, max),
            Framing::Varint => varint::decode(input, max),
        }
    }

    /// What a message is.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::InvalidUtf8`] where it must be text and is not.
    pub fn kind_of(self, payload: &[u8]) -> Result<Kind, ProtocolError> {
        match self.framing {
            Framing::LengthPrefix | Framing::Varint if !self.text => Ok(Kind::Binary),
            _ if is_utf8(payload) => Ok(Kind::Text),
            _ if self.text => Err(ProtocolError::InvalidUtf8),
            _ => Ok(Kind::Binary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Framing; 3] = [Framing::LengthPrefix, Framing::Line, Framing::Varint];

    #[test]
    fn an_empty_frame_is_read_as_one() {
        for framing in ALL {
            let frames = Frames {
                framing,
                ..Frames::default()
            };
            let mut bytes = framing.empty().to_vec();
            let taken = bytes.len();
            let empty = Step::Frame {
                payload: &mut [],
                taken,
            };
            assert_eq!(frames.decode(&mut bytes, 0), Ok(empty), "{framing:?}");
        }
    }

    #[test]
    fn the_listener_and_the_bytes_say_what_a_message_is() {
        for framing in ALL {
            let kinds = |text| {
                let frames = Frames {
                    framing,
                    text,
                    ..Frames::default()
                };
                ["ä".as_bytes(), b"\xff"].map(|payload| frames.kind_of(payload))
            };
            let loose = match framing {
                Framing::Line => Kind::Text,
                _ => Kind::Binary,
            };
            assert_eq!(kinds(false), [Ok(loose), Ok(Kind::Binary)], "{framing:?}");
            let refused = Err(ProtocolError::InvalidUtf8);
            assert_eq!(kinds(true), [Ok(Kind::Text), refused], "{framing:?}");
        }
    }
}
