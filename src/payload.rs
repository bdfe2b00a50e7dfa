//! One published message, and its wire forms.

use std::sync::Arc;

use crate::position::Position;
use crate::proto::ws::deflate::{CompressedForms, Compression, Deflater, Window};
use crate::proto::ws::frame::{self, Opcode};
use crate::proto::{Framing, Kind, length_prefix, line, sse, varint};

/// One published message: in shared bytes, as shards pass it to each other, or in borrowed ones.
#[derive(Clone, Copy, Debug)]
pub struct Payload<B = Arc<[u8]>> {
    /// Text or binary, as its publisher has set it.
    pub kind: Kind,
    /// The published bytes; UTF-8 if it is text.
    pub bytes: B,
}

impl<B: AsRef<[u8]>> Payload<B> {
    /// The same, without a copy of the bytes.
    pub fn borrowed(&self) -> Payload<&[u8]> {
        Payload {
            kind: self.kind,
            bytes: self.bytes.as_ref(),
        }
    }
}

impl<B: Into<Arc<[u8]>>> Payload<B> {
    /// The same, in bytes that can be passed on: a copy of them if they are not yet.
    pub fn shared(self) -> Payload {
        Payload {
            kind: self.kind,
            bytes: self.bytes.into(),
        }
    }
}

/// One message as forms encode it: beside the payload what a frame may name.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'m> {
    /// The topic; none for a reply, which belongs to no topic.
    pub topic: Option<&'m str>,
    /// The place in the topic's order, if the topic has a history.
    pub position: Option<Position>,
    /// The message itself.
    pub payload: Payload<&'m [u8]>,
}

impl<'m> Entry<'m> {
    /// A message of a topic.
    pub fn of(topic: &'m str, position: Option<Position>, payload: Payload<&'m [u8]>) -> Self {
        Self {
            topic: Some(topic),
            position,
            payload,
        }
    }

    /// A message for one connection.
    pub fn reply(payload: Payload<&'m [u8]>) -> Self {
        Self {
            topic: None,
            position: None,
            payload,
        }
    }
}

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
    /// A WebSocket frame for clients that accept permessage-deflate with this window or a larger
    /// one: compressed if that makes it smaller. Connections have one of [`Window::shared`].
    Deflate(Window),
}

const _: () = assert!(size_of::<Form>() == 1);

impl Form {
    /// Whether this form can carry a payload. An empty frame on TCP is the heartbeat, so it cannot
    /// be an empty message, and a line cannot contain a line break.
    pub fn carries(self, payload: &[u8]) -> bool {
        match self {
            Self::WebSocket | Self::Deflate(_) | Self::Sse | Self::SseChunks => true,
            Self::LengthPrefix | Self::Varint => !payload.is_empty(),
            Self::Line => line::carries(payload),
        }
    }

    /// Whether permessage-deflate was negotiated, so that received messages may be compressed as
    /// well.
    pub fn is_deflate(self) -> bool {
        matches!(self, Self::Deflate(_))
    }

    /// The maximum length of a message's frame in this form.
    pub fn frame_len_max(self, entry: &Entry<'_>) -> usize {
        let (kind, payload) = (entry.payload.kind, entry.payload.bytes);
        match self {
            // A payload that does not get smaller is sent uncompressed.
            Self::WebSocket | Self::Deflate(_) => frame::HEADER_LEN_MAX + payload.len(),
            Self::LengthPrefix => length_prefix::HEADER_LEN + payload.len(),
            Self::Line => payload.len() + line::END.len(),
            Self::Varint => varint::HEADER_LEN_MAX + payload.len(),
            Self::Sse => sse::event_len(entry.position, kind, payload),
            Self::SseChunks => sse::event_chunk_len_max(entry.position, kind, payload),
        }
    }

    /// Appends the message as one uncompressed frame.
    pub fn encode(self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        let (kind, payload) = (entry.payload.kind, entry.payload.bytes);
        match self {
            Self::WebSocket | Self::Deflate(_) => {
                frame::encode_header(out, Opcode::Data(kind), payload.len());
            }
            Self::LengthPrefix => out.extend_from_slice(&length_prefix::header(payload.len())),
            Self::Varint => varint::encode_header(out, payload.len()),
            Self::Line => {}
            Self::Sse => return sse::encode_event(out, entry.position, kind, payload),
            Self::SseChunks => {
                return sse::encode_event_chunk(out, entry.position, kind, payload);
            }
        }
        out.extend_from_slice(payload);
        if self == Self::Line {
            out.extend_from_slice(line::END);
        }
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

/// Encodes messages as frames. One encoder serves all connections of a shard.
#[derive(Debug)]
pub struct Encoder {
    deflater: Deflater,
    compression: Compression,
}

/// One message that is being encoded in several forms.
#[derive(Debug)]
pub struct Encoding<'e> {
    entry: Entry<'e>,
    once: CompressedForms<'e>,
    is_compressed: bool,
}

impl Encoder {
    /// Creates an encoder that compresses in this way for clients that accept it.
    pub fn new(compression: Compression) -> Self {
        Self {
            deflater: Deflater::new(compression.level),
            compression,
        }
    }

    /// The work of compressing since the last call.
    pub(crate) fn take_cost(&mut self) -> usize {
        self.deflater.take_cost()
    }

    /// Whether a message of `len` bytes is compressed in this form.
    pub(crate) fn compresses(&self, form: Form, len: usize) -> bool {
        form.is_deflate() && self.compression.level_for(len).is_some()
    }

    /// Begins to encode a message.
    pub fn begin<'e>(&'e mut self, entry: Entry<'e>) -> Encoding<'e> {
        let payload = entry.payload.bytes;
        let level = self.compression.level_for(payload.len());
        Encoding {
            entry,
            is_compressed: level.is_some(),
            once: self
                .deflater
                .once_at(level.unwrap_or(self.compression.level), payload),
        }
    }

    /// Appends a message for one connection; uncompressed if there is no time to compress it.
    pub(crate) fn encode_reply(
        &mut self,
        form: Form,
        out: &mut Vec<u8>,
        payload: Payload<&[u8]>,
        has_time: bool,
    ) {
        let mut reply = self.begin(Entry::reply(payload));
        reply.is_compressed &= has_time;
        reply.encode(form, out);
    }
}

impl Encoding<'_> {
    /// The maximum length of the message's frame in a form.
    pub fn frame_len_max(&self, form: Form) -> usize {
        form.frame_len_max(&self.entry)
    }

    /// Appends the message as one frame of `form`. It is compressed at most once for each window.
    pub fn encode(&mut self, form: Form, out: &mut Vec<u8>) {
        if let Form::Deflate(window) = form
            && self.is_compressed
            && let Some(compressed) = self.once.compressed(window)
        {
            let opcode = Opcode::Data(self.entry.payload.kind);
            frame::encode_compressed_header(out, opcode, compressed.len());
            out.extend_from_slice(compressed);
        } else {
            form.encode(out, &self.entry);
        }
    }
}
