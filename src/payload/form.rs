//! How messages look on the wire.

use crate::payload::{Entry, Structured};
use crate::position::Position;
use crate::proto::centrifuge::Wire;
use crate::proto::ws::deflate::{self, Window};
use crate::proto::ws::frame::{self, Opcode};
use crate::proto::{Framing, Kind, length_prefix, line, positions, sse, varint};

/// How messages look on the wire of one kind of connection, in one byte.
///
/// All subscribers with the same form get the same bytes, so a message is encoded once for each
/// form and shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An unmasked WebSocket frame, text or binary by the payload's kind.
    WebSocket,
    /// A 4-byte big-endian length and the payload.
    LengthPrefix,
    /// The payload and a line feed.
    Line,
    /// A base-128 varint length and the payload.
    Varint,
    /// A server-sent event.
    Sse,
    /// A server-sent event as one chunk of an HTTP/1.1 response.
    SseChunks,
    /// A WebSocket frame for clients that accept permessage-deflate with a window of 9 bits or a
    /// larger one: compressed if that makes it smaller. A variant for each
    /// [shared](Window::shared) window, so that all forms fit into one byte.
    DeflateBits9,
    /// The same with a window of 12 bits.
    DeflateBits12,
    /// The same with a window of 15 bits.
    DeflateBits15,
    /// A WebSocket frame that begins with its position, in the subprotocol
    /// [`corecast.positions`](positions).
    Positions,
    /// The same with permessage-deflate and a window of 9 bits.
    PositionsBits9,
    /// The same with a window of 12 bits.
    PositionsBits12,
    /// The same with a window of 15 bits.
    PositionsBits15,
    /// A push of the [structured protocol](crate::proto::centrifuge).
    Centrifuge(Structured),
}

const _: () = assert!(size_of::<Form>() == 1);

impl Form {
    /// A WebSocket connection with permessage-deflate.
    pub fn deflate(window: Window) -> Self {
        match window {
            // An offer of 8 bits is declined.
            Window::Bits8 => Self::WebSocket,
            Window::Bits9 | Window::Bits10 | Window::Bits11 => Self::DeflateBits9,
            Window::Bits12 | Window::Bits13 | Window::Bits14 => Self::DeflateBits12,
            Window::Bits15 => Self::DeflateBits15,
        }
    }

    /// Whether this form can carry a payload. An empty frame on TCP is the heartbeat, so it cannot
    /// be an empty message, and a line cannot contain a line break.
    pub fn carries(self, payload: &[u8]) -> bool {
        match self {
            Self::LengthPrefix | Self::Varint => !payload.is_empty(),
            Self::Line => line::carries(payload),
            _ => true,
        }
    }

    /// Whether it can carry every payload.
    pub fn carries_all(self) -> bool {
        !matches!(self, Self::LengthPrefix | Self::Varint | Self::Line)
    }

    /// The same for a WebSocket connection that is sent positions.
    pub fn with_positions(self) -> Self {
        match self {
            Self::DeflateBits9 | Self::PositionsBits9 => Self::PositionsBits9,
            Self::DeflateBits12 | Self::PositionsBits12 => Self::PositionsBits12,
            Self::DeflateBits15 | Self::PositionsBits15 => Self::PositionsBits15,
            _ => Self::Positions,
        }
    }

    /// The same for a WebSocket connection of the structured protocol.
    pub fn structured(self, wire: Wire) -> Self {
        Self::Centrifuge(self.session(wire))
    }

    /// How a WebSocket connection with this form has the structured protocol.
    pub(crate) fn session(self, wire: Wire) -> Structured {
        match self {
            Self::Centrifuge(structured) => structured,
            _ => Structured::web_socket(wire, self.window()),
        }
    }

    /// The same for a subscription with deltas, if it is a form of the structured protocol.
    pub(crate) fn with_deltas(self) -> Self {
        match self {
            Self::Centrifuge(structured) => Self::Centrifuge(structured.with_deltas()),
            other => other,
        }
    }

    /// The form of the structured protocol that this is, if it is for subscriptions with deltas.
    pub(crate) fn deltas(self) -> Option<Structured> {
        match self {
            Self::Centrifuge(structured) if structured.has_deltas() => Some(structured),
            _ => None,
        }
    }

    /// How the structured protocol is written, if this is a form of it.
    pub fn wire(self) -> Option<Wire> {
        match self {
            Self::Centrifuge(structured) => Some(structured.wire()),
            _ => None,
        }
    }

    /// Whether it carries the positions of messages that have one: its client can say where it was
    /// when it comes back, and is told of gaps.
    pub fn carries_positions(self) -> bool {
        matches!(self, Self::Sse | Self::SseChunks | Self::Centrifuge(_)) || self.begins_with_line()
    }

    /// Whether messages begin with a line of [`corecast.positions`](positions).
    fn begins_with_line(self) -> bool {
        let bits = [
            Self::PositionsBits9,
            Self::PositionsBits12,
            Self::PositionsBits15,
        ];
        self == Self::Positions || bits.contains(&self)
    }

    /// The window of permessage-deflate, if it was negotiated: then received messages may be
    /// compressed as well.
    pub fn window(self) -> Option<Window> {
        match self {
            Self::DeflateBits9 | Self::PositionsBits9 => Some(Window::Bits9),
            Self::DeflateBits12 | Self::PositionsBits12 => Some(Window::Bits12),
            Self::DeflateBits15 | Self::PositionsBits15 => Some(Window::Bits15),
            Self::Centrifuge(structured) => structured.window(),
            _ => None,
        }
    }

    /// The maximum length of a message's frame in this form.
    pub fn frame_len_max(self, entry: &Entry<'_>) -> usize {
        let (kind, payload) = (entry.payload.kind, entry.payload.bytes);
        let line_len = positions::line_len(entry.position);
        match self {
            // A payload that does not get smaller is sent uncompressed.
            Self::WebSocket | Self::DeflateBits9 | Self::DeflateBits12 | Self::DeflateBits15 => {
                frame::HEADER_LEN_MAX + payload.len()
            }
            Self::Positions => frame::HEADER_LEN_MAX + line_len + payload.len(),
            Self::PositionsBits9 | Self::PositionsBits12 | Self::PositionsBits15 => {
                let line_len = deflate::STORED_HEADER_LEN + line_len;
                frame::HEADER_LEN_MAX + line_len + payload.len()
            }
            Self::LengthPrefix => length_prefix::HEADER_LEN + payload.len(),
            Self::Line => payload.len() + line::END.len(),
            Self::Varint => varint::HEADER_LEN_MAX + payload.len(),
            Self::Sse => sse::event_len(entry.position, kind, payload),
            Self::SseChunks => sse::event_chunk_len_max(entry.position, kind, payload),
            Self::Centrifuge(structured) => structured.frame_len_max(entry),
        }
    }

    /// Appends the message as one uncompressed frame.
    pub fn encode(self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        let (kind, payload) = (entry.payload.kind, entry.payload.bytes);
        match self {
            Self::WebSocket | Self::DeflateBits9 | Self::DeflateBits12 | Self::DeflateBits15 => {
                frame::encode_header(out, Opcode::Data(kind), payload.len());
            }
            Self::Positions
            | Self::PositionsBits9
            | Self::PositionsBits12
            | Self::PositionsBits15 => {
                let len = positions::line_len(entry.position) + payload.len();
                frame::encode_header(out, Opcode::Data(kind), len);
                positions::encode_line(out, entry.position);
            }
            Self::LengthPrefix => out.extend_from_slice(&length_prefix::header(payload.len())),
            Self::Varint => varint::encode_header(out, payload.len()),
            Self::Line => {}
            Self::Sse => return sse::encode_event(out, entry.position, kind, payload),
            Self::SseChunks => {
                return sse::encode_event_chunk(out, entry.position, kind, payload);
            }
            Self::Centrifuge(structured) => return structured.encode(out, entry),
        }
        out.extend_from_slice(payload);
        if self == Self::Line {
            out.extend_from_slice(line::END);
        }
    }

    /// Appends what says where a client stands, if the form carries positions.
    pub fn encode_position(self, out: &mut Vec<u8>, position: Position) {
        match self {
            Self::Sse => sse::encode_position(out, false, position),
            Self::SseChunks => sse::encode_position(out, true, position),
            _ => self.encode_line(out, &positions::position_text(position)),
        }
    }

    /// Appends what says that messages are missing up to a position, or that a topic has none any
    /// more.
    pub fn encode_gap(self, out: &mut Vec<u8>, position: Option<Position>) {
        match self {
            Self::Sse => sse::encode_gap(out, false, position),
            Self::SseChunks => sse::encode_gap(out, true, position),
            _ => self.encode_line(out, &positions::gap_text(position)),
        }
    }

    /// Appends a text of the subprotocol that is no message.
    fn encode_line(self, out: &mut Vec<u8>, text: &str) {
        if self.begins_with_line() {
            frame::encode_header(out, Opcode::Data(Kind::Text), text.len());
            out.extend_from_slice(text.as_bytes());
        }
    }

    /// Appends the message compressed to these bytes.
    pub(super) fn encode_compressed(self, out: &mut Vec<u8>, entry: &Entry<'_>, compressed: &[u8]) {
        let opcode = Opcode::Data(entry.payload.kind);
        if let Self::Centrifuge(structured) = self {
            return structured.encode_compressed(out, entry, compressed);
        }
        if self.begins_with_line() {
            // In a block before those of the payload, which so are the same for all forms.
            let line_len = positions::line_len(entry.position);
            let len = deflate::STORED_HEADER_LEN + line_len + compressed.len();
            frame::encode_compressed_header(out, opcode, len);
            deflate::encode_stored_header(out, line_len);
            positions::encode_line(out, entry.position);
        } else {
            frame::encode_compressed_header(out, opcode, compressed.len());
        }
        out.extend_from_slice(compressed);
    }
}

impl From<Framing> for Form {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::LengthPrefix => Self::LengthPrefix,
            Framing::Line => Self::Line,
            Framing::Varint => Self::Varint,
        }
    }
}
