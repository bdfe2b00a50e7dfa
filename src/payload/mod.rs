//! One published message, and its wire forms.

mod extra;
mod form;
mod structured;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use extra::{ClientEvent, Extra};
pub use form::Form;
pub use structured::Structured;

use crate::position::Position;
use crate::proto::Kind;
use crate::proto::ws::deflate::{CompressedForms, Compression, Deflater};

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

/// Bytes of a payload: shared already, or to be copied once they are to be passed on.
pub trait PayloadBytes: AsRef<[u8]> + Into<Arc<[u8]>> + Clone {}

impl<B: AsRef<[u8]> + Into<Arc<[u8]>> + Clone> PayloadBytes for B {}

/// One message as forms encode it: beside the payload what a frame may name.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'m> {
    /// The topic; none for a reply, which belongs to no topic. For subscribers of a pattern, the
    /// pattern.
    pub topic: Option<&'m str>,
    /// For these, the topic.
    pub source: Option<&'m str>,
    /// The place in the topic's order, if the topic has a history.
    pub position: Option<Position>,
    /// The message itself.
    pub payload: Payload<&'m [u8]>,
    /// What few messages have.
    pub extra: Option<&'m Extra>,
}

impl<'m> Entry<'m> {
    /// A message without a topic: a reply, or one whose topic is known by its key.
    pub fn new(
        position: Option<Position>,
        payload: Payload<&'m [u8]>,
        extra: Option<&'m Extra>,
    ) -> Self {
        Self {
            topic: None,
            source: None,
            position,
            payload,
            extra,
        }
    }

    /// A message for one connection.
    pub fn reply(payload: Payload<&'m [u8]>) -> Self {
        Self::new(None, payload, None)
    }

    /// The same for subscribers of a pattern that this topic matches. They have no place in it.
    pub fn from_topic(self, topic: &'m str) -> Self {
        let (source, position) = (Some(topic), None);
        Self {
            source,
            position,
            ..self
        }
    }

    /// The same as a message of this topic.
    pub fn of(self, topic: &'m str) -> Self {
        let topic = Some(topic);
        Self { topic, ..self }
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

    /// Bytes of all messages that were compressed, before and after that.
    pub(crate) fn compressed(&self) -> (u64, u64) {
        self.deflater.totals()
    }

    /// Whether a message of `len` bytes is compressed in this form.
    pub(crate) fn compresses(&self, form: Form, len: usize) -> bool {
        form.window().is_some() && self.compression.level_for(len).is_some()
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

    /// Appends a message in one form; uncompressed if there is no time to compress it.
    pub(crate) fn encode_alone(
        &mut self,
        form: Form,
        out: &mut Vec<u8>,
        entry: Entry<'_>,
        has_time: bool,
    ) {
        let mut message = self.begin(entry);
        message.is_compressed &= has_time;
        message.encode(form, out);
    }
}

impl Encoding<'_> {
    /// The maximum length of the message's frame in a form.
    pub fn frame_len_max(&self, form: Form) -> usize {
        form.frame_len_max(&self.entry)
    }

    /// Appends the message as one frame of `form`. It is compressed at most once for each window.
    pub fn encode(&mut self, form: Form, out: &mut Vec<u8>) {
        if let Some(window) = form.window()
            && self.is_compressed
            && let Some(compressed) = self.once.compressed(window)
        {
            form.encode_compressed(out, &self.entry, compressed);
        } else {
            form.encode(out, &self.entry);
        }
    }
}
