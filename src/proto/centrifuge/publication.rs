//! Pushes of messages, which are the same for all subscribers: by hand, without values in between
//! and without memory of their own.

use crate::position::{Epoch, Position};
use crate::proto::Kind;
use crate::proto::centrifuge::json::Data;
use crate::proto::centrifuge::sink::{Counter, Sink};
use crate::proto::centrifuge::{ClientInfo, Wire};

/// A message that is pushed.
#[derive(Clone, Copy, Debug)]
pub struct PublicationRef<'m> {
    /// Its topic; none if it is for one connection alone.
    pub channel: Option<&'m str>,
    /// The topic that it was published to, if `channel` is a pattern.
    pub source: Option<&'m str>,
    /// Its place, if the topic has a history.
    pub position: Option<Position>,
    /// Text or binary.
    pub kind: Kind,
    /// What was published, or what stands for that.
    pub payload: &'m [u8],
    /// How it stands for that.
    pub content: Content,
    /// Its publisher, if that is to be told.
    pub info: Option<&'m ClientInfo>,
    /// What its publisher says of it: names and values.
    pub tags: &'m [(Box<str>, Box<str>)],
}

/// What the data of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The payload.
    Payload,
    /// The whole value, for a client with deltas: in JSON, it is in a string.
    Value,
    /// The difference to the value before it.
    Delta,
}

/// Whether pushes are in replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// They are.
    Reply,
    /// They stand alone, on transports of one way.
    Bare,
}

/// How a message is pushed: what goes before its payload, the payload, and what goes after it.
#[derive(Clone, Copy, Debug)]
pub struct PushEncoding<'m> {
    message: PublicationRef<'m>,
    wire: Wire,
    wrap: Wrap,
    /// Of the first message of an epoch.
    epoch: Option<Epoch>,
    data: Data,
    data_len: usize,
    before_len: usize,
    after_len: usize,
}

impl<'m> PushEncoding<'m> {
    /// That of a message.
    pub fn new(wire: Wire, wrap: Wrap, message: PublicationRef<'m>) -> Self {
        let data = match (wire, message.content) {
            (Wire::Json, Content::Payload) => Data::of(message.kind, message.payload),
            (Wire::Json, Content::Value | Content::Delta) => Data::Text,
            (Wire::Protobuf, _) => Data::Json,
        };
        let data_len = data.value_len(message.payload);
        let first = message.position.filter(|position| position.offset == 1);
        Self {
            message,
            wire,
            wrap,
            epoch: first.map(|position| position.epoch),
            data,
            data_len,
            before_len: 0,
            after_len: 0,
        }
        .counted()
    }

    /// The maximum length for a message like this, wherever it stands in its topic, and whether or
    /// not it is whole. Its payload is not looked into as far.
    pub fn len_max(wire: Wire, wrap: Wrap, message: PublicationRef<'m>) -> usize {
        let position = message.position.map(|_| Position::LONGEST);
        let (kind, payload) = (message.kind, message.payload);
        let has_deltas = message.content != Content::Payload;
        let data_len = match wire {
            Wire::Json if has_deltas => Data::string_len_max(kind, payload),
            Wire::Json => Data::value_len_max(kind, payload),
            Wire::Protobuf => payload.len(),
        };
        let longest = Self {
            message: PublicationRef {
                position,
                content: if has_deltas {
                    Content::Delta
                } else {
                    Content::Payload
                },
                ..message
            },
            wire,
            wrap,
            epoch: position.map(|position| position.epoch),
            data: Data::Json,
            data_len,
            before_len: 0,
            after_len: 0,
        };
        longest.counted().len()
    }

    fn counted(mut self) -> Self {
        // Lengths before the payload are also of what goes after it.
        self.after_len = Counter::of(|counter| self.put_after(counter));
        self.before_len = Counter::of(|counter| self.put_before(counter));
        self
    }

    /// Its length.
    #[expect(clippy::len_without_is_empty, reason = "no push is empty")]
    pub fn len(&self) -> usize {
        self.before_len + self.data_len + self.after_len
    }

    /// The lengths of what goes before and after the payload, if that is sent as it is.
    pub fn around_payload(&self) -> Option<(usize, usize)> {
        (self.data == Data::Json).then_some((self.before_len, self.after_len))
    }

    /// Appends all of it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_before(out);
        out.put_data(self.data, self.message.payload);
        self.encode_after(out);
    }

    /// Appends what goes before the payload.
    pub fn encode_before(&self, out: &mut Vec<u8>) {
        self.put_before(out);
    }

    /// Appends what goes after the payload.
    pub fn encode_after(&self, out: &mut Vec<u8>) {
        self.put_after(out);
    }

    fn put_before(&self, out: &mut impl Sink) {
        match self.wire {
            Wire::Json => self.put_json_before(out),
            Wire::Protobuf => self.put_protobuf_before(out),
        }
    }

    fn put_after(&self, out: &mut impl Sink) {
        match self.wire {
            Wire::Json => self.put_json_after(out),
            Wire::Protobuf => self.put_protobuf_after(out),
        }
    }

    fn put_json_before(&self, out: &mut impl Sink) {
        if self.wrap == Wrap::Reply {
            out.put(br#"{"push":"#);
        }
        if let Some(channel) = self.message.channel {
            out.put(br#"{"channel":"#);
            out.put_string(channel.as_bytes());
            out.put(br#","pub":{"data":"#);
        } else {
            out.put(br#"{"message":{"data":"#);
        }
    }

    fn put_json_after(&self, out: &mut impl Sink) {
        if let Some(info) = self.message.info {
            out.put(br#","info":"#);
            put_json_info(out, info);
        }
        if let Some(position) = self.message.position {
            out.put(br#","offset":"#);
            out.put_number(position.offset);
        }
        for (index, (name, value)) in self.message.tags.iter().enumerate() {
            out.put(if index == 0 { br#","tags":{"# } else { b"," });
            out.put_string(name.as_bytes());
            out.put(b":");
            out.put_string(value.as_bytes());
        }
        if !self.message.tags.is_empty() {
            out.put(b"}");
        }
        if self.message.content == Content::Delta {
            out.put(br#","delta":true"#);
        }
        if let Some(source) = self.message.source {
            out.put(br#","channel":"#);
            out.put_string(source.as_bytes());
        }
        if let Some(epoch) = self.epoch {
            out.put(br#","epoch":"#);
            out.put_string(&epoch.letters());
        }
        out.put(if self.wrap == Wrap::Reply {
            b"}}}"
        } else {
            b"}}"
        });
    }

    fn put_protobuf_before(&self, out: &mut impl Sink) {
        let payload = self.message.payload;
        let data_tag = if self.message.channel.is_some() { 4 } else { 1 };
        let data_header = Counter::of(|counter| counter.put_len(data_tag, payload.len()));
        let event_len = data_header + payload.len() + self.after_len;
        let event_tag = if self.message.channel.is_some() { 4 } else { 8 };
        let put_push = |out: &mut Counter| self.put_protobuf_push(out, event_tag, event_len);
        let push_len = Counter::of(put_push) + event_len;
        match self.wrap {
            Wrap::Reply => {
                let reply_len = Counter::of(|counter| counter.put_len(4, push_len)) + push_len;
                out.put_varint(reply_len as u64);
                out.put_len(4, push_len);
            }
            Wrap::Bare => out.put_varint(push_len as u64),
        }
        self.put_protobuf_push(out, event_tag, event_len);
        out.put_len(data_tag, payload.len());
    }

    /// The push up to its event.
    fn put_protobuf_push(&self, out: &mut impl Sink, event_tag: u8, event_len: usize) {
        let channel = self.message.channel.unwrap_or_default();
        out.put_field(2, channel.as_bytes());
        out.put_len(event_tag, event_len);
    }

    fn put_protobuf_after(&self, out: &mut impl Sink) {
        if let Some(info) = self.message.info {
            out.put_len(5, Counter::of(|counter| put_protobuf_info(counter, info)));
            put_protobuf_info(out, info);
        }
        if let Some(position) = self.message.position {
            out.put(&[6 << 3]);
            out.put_varint(position.offset);
        }
        for (name, value) in self.message.tags {
            let put = |out: &mut Counter| put_protobuf_tag(out, name, value);
            out.put_len(7, Counter::of(put));
            put_protobuf_tag(out, name, value);
        }
        if self.message.content == Content::Delta {
            out.put(&[8 << 3, 1]);
        }
        if let Some(source) = self.message.source {
            out.put_field(10, source.as_bytes());
        }
        if let Some(epoch) = self.epoch {
            out.put_field(14, &epoch.letters());
        }
    }
}

fn put_json_info(out: &mut impl Sink, info: &ClientInfo) {
    out.put(br#"{"user":"#);
    out.put_string(info.user.as_bytes());
    out.put(br#","client":"#);
    out.put_string(info.client.as_bytes());
    let infos: [(&[u8], &[u8]); 2] = [
        (br#","conn_info":"#, &info.conn_info),
        (br#","chan_info":"#, &info.chan_info),
    ];
    for (name, info) in infos {
        if !info.is_empty() {
            out.put(name);
            out.put_data(Data::of_bytes(info), info);
        }
    }
    out.put(b"}");
}

fn put_protobuf_info(out: &mut impl Sink, info: &ClientInfo) {
    out.put_field(1, info.user.as_bytes());
    out.put_field(2, info.client.as_bytes());
    out.put_field(3, &info.conn_info);
    out.put_field(4, &info.chan_info);
}

fn put_protobuf_tag(out: &mut impl Sink, name: &str, value: &str) {
    out.put_field(1, name.as_bytes());
    out.put_field(2, value.as_bytes());
}
