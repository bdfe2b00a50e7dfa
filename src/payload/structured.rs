//! How messages look in the structured protocol.

use crate::payload::Entry;
use crate::proto::centrifuge::{PublicationRef, PushEncoding, Wire, Wrap};
use crate::proto::ws::deflate::{self, Window};
use crate::proto::ws::frame::{self, Opcode};

/// How pushes of the structured protocol look on the wire of one kind of connection. A variant for
/// each window of permessage-deflate, so that all fit into one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structured {
    /// JSON in WebSocket frames.
    Json,
    /// The same with permessage-deflate and a window of 9 bits.
    JsonBits9,
    /// The same with a window of 12 bits.
    JsonBits12,
    /// The same with a window of 15 bits.
    JsonBits15,
    /// Protobuf in WebSocket frames.
    Protobuf,
    /// The same with permessage-deflate and a window of 9 bits.
    ProtobufBits9,
    /// The same with a window of 12 bits.
    ProtobufBits12,
    /// The same with a window of 15 bits.
    ProtobufBits15,
}

impl Structured {
    /// That of WebSocket connections, with the window of permessage-deflate if it was negotiated.
    pub(super) fn web_socket(wire: Wire, window: Option<Window>) -> Self {
        // An offer of 8 bits is declined.
        match (wire, window.map(Window::shared)) {
            (Wire::Json, Some(Window::Bits9)) => Self::JsonBits9,
            (Wire::Json, Some(Window::Bits12)) => Self::JsonBits12,
            (Wire::Json, Some(Window::Bits15)) => Self::JsonBits15,
            (Wire::Json, _) => Self::Json,
            (Wire::Protobuf, Some(Window::Bits9)) => Self::ProtobufBits9,
            (Wire::Protobuf, Some(Window::Bits12)) => Self::ProtobufBits12,
            (Wire::Protobuf, Some(Window::Bits15)) => Self::ProtobufBits15,
            (Wire::Protobuf, _) => Self::Protobuf,
        }
    }

    /// JSON or protobuf.
    pub fn wire(self) -> Wire {
        match self {
            Self::Json | Self::JsonBits9 | Self::JsonBits12 | Self::JsonBits15 => Wire::Json,
            Self::Protobuf | Self::ProtobufBits9 | Self::ProtobufBits12 | Self::ProtobufBits15 => {
                Wire::Protobuf
            }
        }
    }

    /// The window of permessage-deflate, if it was negotiated.
    pub(super) fn window(self) -> Option<Window> {
        match self {
            Self::Json | Self::Protobuf => None,
            Self::JsonBits9 | Self::ProtobufBits9 => Some(Window::Bits9),
            Self::JsonBits12 | Self::ProtobufBits12 => Some(Window::Bits12),
            Self::JsonBits15 | Self::ProtobufBits15 => Some(Window::Bits15),
        }
    }

    pub(super) fn frame_len_max(self, entry: &Entry<'_>) -> usize {
        let len = PushEncoding::len_max(self.wire(), Wrap::Reply, publication(entry));
        let blocks = self.window().map_or(0, |_| BLOCKS_LEN);
        frame::HEADER_LEN_MAX + blocks + len
    }

    pub(super) fn encode(self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        let push = self.push(entry);
        frame::encode_header(out, self.opcode(), push.len());
        push.encode(out);
    }

    /// Appends a push with the payload compressed to these bytes, if it has the payload as it is.
    pub(super) fn encode_compressed(self, out: &mut Vec<u8>, entry: &Entry<'_>, compressed: &[u8]) {
        let push = self.push(entry);
        let blocks = push.around_payload().filter(|&(before, after)| {
            let len_max = usize::from(u16::MAX);
            before <= len_max && after <= len_max
        });
        let Some((before, after)) = blocks else {
            frame::encode_header(out, self.opcode(), push.len());
            return push.encode(out);
        };
        // In blocks around those of the payload, which so are the same for all forms.
        let len = BLOCKS_LEN + before + compressed.len() + after;
        frame::encode_compressed_header(out, self.opcode(), len);
        deflate::encode_stored_header(out, before);
        push.encode_before(out);
        out.extend_from_slice(compressed);
        out.extend_from_slice(&deflate::TAIL);
        deflate::encode_stored_header(out, after);
        push.encode_after(out);
        out.push(deflate::LAST_BYTE);
    }

    fn push<'m>(self, entry: &Entry<'m>) -> PushEncoding<'m> {
        PushEncoding::new(self.wire(), Wrap::Reply, publication(entry))
    }

    fn opcode(self) -> Opcode {
        Opcode::Data(self.wire().kind())
    }
}

/// What a push takes that has its payload compressed, beside its frame's header and its parts.
const BLOCKS_LEN: usize = 2 * deflate::STORED_HEADER_LEN + deflate::TAIL.len() + 1;

fn publication<'m>(entry: &Entry<'m>) -> PublicationRef<'m> {
    let extra = entry.extra;
    PublicationRef {
        channel: entry.topic,
        position: entry.position,
        kind: entry.payload.kind,
        payload: entry.payload.bytes,
        info: extra.and_then(|extra| extra.info.as_deref()),
        tags: extra.map_or(&[], |extra| &extra.tags),
    }
}
