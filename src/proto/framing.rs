//! The framing and the role of TCP connections.

use crate::position::Since;
use crate::proto::centrifuge::Wire;
use crate::proto::length_prefix::{self, Step};
use crate::proto::{Kind, ProtocolError, is_utf8, line, varint};

/// How messages are delimited on a TCP connection.
///
/// An empty frame is not a message in any framing: the server's first one says that the
/// subscription is live, and a client's is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// A length of four bytes, big-endian, precedes each message.
    #[default]
    LengthPrefix,
    /// A line feed ends each message. A message with a line break cannot be carried.
    Line,
    /// A length as a base-128 varint precedes each message, as in delimited protobuf messages.
    Varint,
}

/// The framing, kind and role of a listener's TCP connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// How messages are delimited.
    pub framing: Framing,
    /// Every message is text, and one that is not UTF-8 closes the connection. If false, a line in
    /// UTF-8 is text, and every other message is binary.
    pub text: bool,
    /// What the connections may do.
    pub role: Role,
    /// The first frame of each connection is its credential, and no message.
    pub asks: bool,
    /// How many of the newest messages a connection that receives gets first, if the topic has a
    /// history; 0: what the topic's settings say.
    pub last: u32,
}

/// What the connections of a TCP listener may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// They publish and receive.
    #[default]
    Both,
    /// They publish. They get no first frame, so a client that never reads loses nothing.
    Publish,
    /// They receive.
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

impl From<Wire> for Framing {
    /// That of commands and replies over TCP.
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Json => Self::Line,
            Wire::Protobuf => Self::Varint,
        }
    }
}

impl Frames {
    /// Those of commands and replies of the structured protocol.
    pub fn of_commands(wire: Wire) -> Self {
        Self {
            framing: wire.into(),
            ..Self::default()
        }
    }

    /// What a connection is sent when its subscriptions are live. A connection that only publishes
    /// is sent nothing: if its client closed the socket without having read, its kernel would reset
    /// the connection, and what it has just published could be lost (RFC 2525 2.17).
    pub fn greeting(self) -> &'static [u8] {
        match self.role {
            Role::Publish => &[],
            Role::Both | Role::Subscribe => self.framing.empty(),
        }
    }

    /// What a connection that receives gets first.
    pub fn since(self) -> Since {
        match self.last {
            0 => Since::Default,
            last => Since::Last(last),
        }
    }

    /// Reads one frame from the front of `input`, in place.
    ///
    /// # Errors
    ///
    /// The message is longer than `max` bytes, or its length is written in too many bytes.
    pub fn decode(self, input: &mut [u8], max: usize) -> Result<Step<'_>, ProtocolError> {
        match self.framing {
            Framing::LengthPrefix => length_prefix::decode(input, max),
            Framing::Line => line::decode(input, max),
            Framing::Varint => varint::decode(input, max),
        }
    }

    /// The kind of a message.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::InvalidUtf8`] if it must be text and is not UTF-8.
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
