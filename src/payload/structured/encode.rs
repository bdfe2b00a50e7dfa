//! Messages in the forms of the structured protocol.

use std::borrow::Cow;

use crate::payload::structured::{Carrier, Structured};
use crate::payload::{ClientEvent, Entry, Payload};
use crate::proto::centrifuge::{
    Content, Data, Event, Join, PublicationRef, Push, PushEncoding, Reply, Wire, Wrap,
};
use crate::proto::sse;
use crate::proto::ws::deflate;
use crate::proto::ws::frame::{self, Opcode};

impl Structured {
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

    pub(in crate::payload) fn encode_message(self, out: &mut Vec<u8>, message: &[u8]) {
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

    pub(crate) fn frame_len_max(self, entry: &Entry<'_>) -> usize {
        let len = match self.event(entry) {
            Some(event) => event.len(),
            None => PushEncoding::len_max(self.wire(), self.wrap(), self.publication(entry)),
        };
        let around = match self.carrier() {
            Carrier::WebSocket(None) => frame::HEADER_LEN_MAX,
            Carrier::WebSocket(Some(_)) => frame::HEADER_LEN_MAX + BLOCKS_LEN,
            Carrier::Stream { .. } | Carrier::Events { .. } => STREAM_LEN_MAX,
        };
        around + len
    }

    pub(in crate::payload) fn encode(self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        if let Some(event) = self.event(entry) {
            return self.encode_message(out, &event);
        }
        if self.has_deltas() {
            return self.encode_data(out, entry, &self.value(entry.payload), Content::Value);
        }
        let push = self.push(entry);
        self.carry(out, push.len(), |out| push.encode(out));
    }

    /// What a client with deltas has of a message: they are made of this.
    pub(crate) fn value<'m>(self, payload: Payload<&'m [u8]>) -> Cow<'m, [u8]> {
        match self.wire() {
            Wire::Json => Data::value(payload.kind, payload.bytes),
            Wire::Protobuf => Cow::Borrowed(payload.bytes),
        }
    }

    /// Appends the push of a message with its value, or a delta of that, as its data.
    pub(crate) fn encode_data(
        self,
        out: &mut Vec<u8>,
        entry: &Entry<'_>,
        data: &[u8],
        content: Content,
    ) {
        let message = PublicationRef {
            payload: data,
            content,
            ..self.publication(entry)
        };
        let push = PushEncoding::new(self.wire(), self.wrap(), message);
        self.carry(out, push.len(), |out| push.encode(out));
    }

    /// Appends a push with the payload compressed to these bytes, if it has the payload as it is.
    pub(in crate::payload) fn encode_compressed(
        self,
        out: &mut Vec<u8>,
        entry: &Entry<'_>,
        compressed: &[u8],
    ) {
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
        PushEncoding::new(self.wire(), self.wrap(), self.publication(entry))
    }

    fn publication<'m>(self, entry: &Entry<'m>) -> PublicationRef<'m> {
        let extra = entry.extra;
        PublicationRef {
            channel: entry.topic,
            source: entry.source,
            position: entry.position,
            kind: entry.payload.kind,
            payload: entry.payload.bytes,
            content: if self.has_deltas() {
                Content::Value
            } else {
                Content::Payload
            },
            info: extra.and_then(|extra| extra.info.as_deref()),
            tags: extra.map_or(&[], |extra| &extra.tags),
        }
    }
}

/// What a push takes that has its payload compressed, beside its frame's header and its parts.
const BLOCKS_LEN: usize = 2 * deflate::STORED_HEADER_LEN + deflate::TAIL.len() + 1;
/// What a message of a stream takes beside itself, at most: its chunk, and the field of an event.
const STREAM_LEN_MAX: usize = sse::CHUNK_LEN_MAX + 8;
