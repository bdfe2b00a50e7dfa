//! How messages look in the structured protocol.

use crate::payload::{ClientEvent, Entry};
use crate::proto::centrifuge::{
    Event, Join, PublicationRef, Push, PushEncoding, Reply, Wire, Wrap,
};
use crate::proto::sse;
use crate::proto::ws::deflate::{self, Window};
use crate::proto::ws::frame::{self, Opcode};

/// How the structured protocol looks on the wire of one kind of connection. A variant for each way
/// to carry it, so that all fit into one byte.
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
    /// Lines of JSON.
    JsonLines,
    /// Lines of JSON, each as one chunk of an HTTP/1.1 response.
    JsonChunks,
    /// Protobuf with lengths.
    ProtobufStream,
    /// Protobuf with lengths, each message as one chunk of an HTTP/1.1 response.
    ProtobufChunks,
    /// JSON as server-sent events.
    JsonEvents,
    /// JSON as server-sent events, each as one chunk of an HTTP/1.1 response.
    JsonEventChunks,
    /// Pushes alone, in WebSocket frames.
    Bare,
    /// Pushes alone, as lines.
    BareLines,
    /// Pushes alone, as lines that are chunks.
    BareChunks,
    /// Pushes alone, as server-sent events.
    BareEvents,
    /// Pushes alone, as server-sent events that are chunks.
    BareEventChunks,
}

/// What carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    WebSocket(Option<Window>),
    Stream { is_chunked: bool },
    Events { is_chunked: bool },
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

    /// That of a stream of messages, one after the other.
    pub fn stream(wire: Wire, is_chunked: bool) -> Self {
        match (wire, is_chunked) {
            (Wire::Json, false) => Self::JsonLines,
            (Wire::Json, true) => Self::JsonChunks,
            (Wire::Protobuf, false) => Self::ProtobufStream,
            (Wire::Protobuf, true) => Self::ProtobufChunks,
        }
    }

    /// That of server-sent events.
    pub fn events(is_chunked: bool) -> Self {
        if is_chunked {
            Self::JsonEventChunks
        } else {
            Self::JsonEvents
        }
    }

    /// The same for a connection of one way.
    pub fn bare(self) -> Self {
        match self.carrier() {
            Carrier::WebSocket(_) => Self::Bare,
            Carrier::Stream { is_chunked: false } => Self::BareLines,
            Carrier::Stream { is_chunked: true } => Self::BareChunks,
            Carrier::Events { is_chunked: false } => Self::BareEvents,
            Carrier::Events { is_chunked: true } => Self::BareEventChunks,
        }
    }

    /// Whether pushes are in replies.
    pub(crate) fn wrap(self) -> Wrap {
        match self {
            Self::Bare | Self::BareLines | Self::BareChunks => Wrap::Bare,
            Self::BareEvents | Self::BareEventChunks => Wrap::Bare,
            _ => Wrap::Reply,
        }
    }

    /// JSON or protobuf.
    pub fn wire(self) -> Wire {
        match self {
            Self::Json | Self::JsonBits9 | Self::JsonBits12 | Self::JsonBits15 => Wire::Json,
            Self::JsonLines | Self::JsonChunks => Wire::Json,
            Self::JsonEvents | Self::JsonEventChunks => Wire::Json,
            Self::Bare | Self::BareLines | Self::BareChunks => Wire::Json,
            Self::BareEvents | Self::BareEventChunks => Wire::Json,
            Self::Protobuf | Self::ProtobufBits9 | Self::ProtobufBits12 | Self::ProtobufBits15 => {
                Wire::Protobuf
            }
            Self::ProtobufStream | Self::ProtobufChunks => Wire::Protobuf,
        }
    }

    fn carrier(self) -> Carrier {
        match self {
            Self::Json | Self::Protobuf | Self::Bare => Carrier::WebSocket(None),
            Self::JsonBits9 | Self::ProtobufBits9 => Carrier::WebSocket(Some(Window::Bits9)),
            Self::JsonBits12 | Self::ProtobufBits12 => Carrier::WebSocket(Some(Window::Bits12)),
            Self::JsonBits15 | Self::ProtobufBits15 => Carrier::WebSocket(Some(Window::Bits15)),
            Self::JsonLines | Self::ProtobufStream | Self::BareLines => {
                Carrier::Stream { is_chunked: false }
            }
            Self::JsonChunks | Self::ProtobufChunks | Self::BareChunks => {
                Carrier::Stream { is_chunked: true }
            }
            Self::JsonEvents | Self::BareEvents => Carrier::Events { is_chunked: false },
            Self::JsonEventChunks | Self::BareEventChunks => Carrier::Events { is_chunked: true },
        }
    }

    /// Whether its messages are in WebSocket frames.
    pub(crate) fn is_web_socket(self) -> bool {
        matches!(self.carrier(), Carrier::WebSocket(_))
    }

    /// What carries it over HTTP, for lists.
    pub(crate) fn stream_name(self) -> &'static str {
        match self.carrier() {
            Carrier::Events { .. } => "sse",
            Carrier::Stream { .. } | Carrier::WebSocket(_) => "http_stream",
        }
    }

    /// Whether its messages are chunks of an HTTP/1.1 response.
    pub(crate) fn is_chunked(self) -> bool {
        matches!(
            self.carrier(),
            Carrier::Stream { is_chunked: true } | Carrier::Events { is_chunked: true }
        )
    }

    /// The window of permessage-deflate, if it was negotiated.
    pub(super) fn window(self) -> Option<Window> {
        match self.carrier() {
            Carrier::WebSocket(window) => window,
            Carrier::Stream { .. } | Carrier::Events { .. } => None,
        }
    }

    /// Appends a reply.
    pub fn encode_reply(self, out: &mut Vec<u8>, reply: &Reply) {
        self.encode_message(out, &self.message(reply));
    }

    /// A reply without what carries it.
    fn message(self, reply: &Reply) -> Vec<u8> {
        let mut message = Vec::new();
        match self.wrap() {
            Wrap::Reply => self.wire().encode_reply(&mut message, reply),
            Wrap::Bare => self.wire().encode_bare(&mut message, reply),
        }
        message
    }

    pub(super) fn encode_message(self, out: &mut Vec<u8>, message: &[u8]) {
        self.carry(out, message.len(), |out| out.extend_from_slice(message));
    }

    /// Appends a message of this length with what carries it.
    fn carry(self, out: &mut Vec<u8>, len: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let (before, after): (&[u8], &[u8]) = match (self.carrier(), self.wire()) {
            (Carrier::WebSocket(_), wire) => {
                frame::encode_header(out, Opcode::Data(wire.kind()), len);
                return write(out);
            }
            (Carrier::Stream { .. }, wire) => (b"", wire.end()),
            (Carrier::Events { .. }, _) => (b"data: ", b"\n\n"),
        };
        let is_chunked = self.is_chunked();
        if is_chunked {
            sse::begin_chunk(out, before.len() + len + after.len());
        }
        out.extend_from_slice(before);
        write(out);
        out.extend_from_slice(after);
        if is_chunked {
            out.extend_from_slice(sse::CHUNK_END);
        }
    }

    pub(super) fn frame_len_max(self, entry: &Entry<'_>) -> usize {
        let len = match self.event(entry) {
            Some(event) => event.len(),
            None => PushEncoding::len_max(self.wire(), self.wrap(), publication(entry)),
        };
        let around = match self.carrier() {
            Carrier::WebSocket(None) => frame::HEADER_LEN_MAX,
            Carrier::WebSocket(Some(_)) => frame::HEADER_LEN_MAX + BLOCKS_LEN,
            Carrier::Stream { .. } | Carrier::Events { .. } => STREAM_LEN_MAX,
        };
        around + len
    }

    pub(super) fn encode(self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        if let Some(event) = self.event(entry) {
            return self.encode_message(out, &event);
        }
        let push = self.push(entry);
        self.carry(out, push.len(), |out| push.encode(out));
    }

    /// Appends a push with the payload compressed to these bytes, if it has the payload as it is.
    pub(super) fn encode_compressed(self, out: &mut Vec<u8>, entry: &Entry<'_>, compressed: &[u8]) {
        let push = self.push(entry);
        let blocks = push.around_payload().filter(|&(before, after)| {
            let len_max = usize::from(u16::MAX);
            before <= len_max && after <= len_max
        });
        let Some((before, after)) = blocks else {
            return self.carry(out, push.len(), |out| push.encode(out));
        };
        // In blocks around those of the payload, which so are the same for all forms.
        let len = BLOCKS_LEN + before + compressed.len() + after;
        frame::encode_compressed_header(out, Opcode::Data(self.wire().kind()), len);
        deflate::encode_stored_header(out, before);
        push.encode_before(out);
        out.extend_from_slice(compressed);
        out.extend_from_slice(&deflate::TAIL);
        deflate::encode_stored_header(out, after);
        push.encode_after(out);
        out.push(deflate::LAST_BYTE);
    }

    /// The push of what has happened to a client, if the entry says that.
    fn event(self, entry: &Entry<'_>) -> Option<Vec<u8>> {
        let extra = entry.extra?;
        let info = extra.info.as_deref().cloned();
        let event = match extra.event? {
            ClientEvent::Joined => Event::Join(Join { info }),
            ClientEvent::Left => Event::Leave(Join { info }),
        };
        let push = Push::of(entry.topic.unwrap_or_default(), event);
        Some(self.message(&Reply::push(push)))
    }

    fn push<'m>(self, entry: &Entry<'m>) -> PushEncoding<'m> {
        PushEncoding::new(self.wire(), self.wrap(), publication(entry))
    }
}

/// What a push takes that has its payload compressed, beside its frame's header and its parts.
const BLOCKS_LEN: usize = 2 * deflate::STORED_HEADER_LEN + deflate::TAIL.len() + 1;
/// What a message of a stream takes beside itself, at most: its chunk, and the field of an event.
const STREAM_LEN_MAX: usize = sse::CHUNK_LEN_MAX + 8;

fn publication<'m>(entry: &Entry<'m>) -> PublicationRef<'m> {
    let extra = entry.extra;
    PublicationRef {
        channel: entry.topic,
        source: entry.source,
        position: entry.position,
        kind: entry.payload.kind,
        payload: entry.payload.bytes,
        info: extra.and_then(|extra| extra.info.as_deref()),
        tags: extra.map_or(&[], |extra| &extra.tags),
    }
}
