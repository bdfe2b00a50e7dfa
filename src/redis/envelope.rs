//! A message as it is in Redis: its place in text, which a script writes before it, and a body in
//! protobuf, which other versions can read.
//!
//! What is pushed is `h EPOCH OFFSET ; BODY` for a message of a topic with history (without the
//! spaces), `n COUNTER ; BODY` for one without, `r EPOCH OFFSET ;` if the history was removed, and
//! `p NUMBER ;` for the probe of a server. An entry of the stream is a body alone.

use std::sync::Arc;

use prost::Message;

use crate::handler::Publisher;
use crate::id::{ConnId, ShardId};
use crate::payload::{ClientEvent, Extra, Payload};
use crate::position::{EPOCH_LEN, Epoch, Position};
use crate::proto::Kind;
use crate::proto::centrifuge::ClientInfo;
use crate::shard::mail::Outbound;

/// Which server has sent a message: a random number of its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(pub(crate) u64);

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the order of a topic with history.
    Ordered(Position),
    /// The number of messages of a topic without history.
    Counted(u64),
    /// The history was removed when it stood here.
    Removed(Position),
    /// A server looks whether its subscriptions live.
    Probe(u64),
}

/// What has a place.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) payload: Payload,
    pub(crate) extra: Option<Arc<Extra>>,
    /// The stream does not keep it.
    pub(crate) skips_history: bool,
    /// The connection that does not get it, if it is one of this server.
    pub(crate) excluded: Option<Publisher>,
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no message of corecast, or one of a later version")]
pub(crate) struct EnvelopeError;

/// The body on the wire. A field that is not known is skipped, so that later versions can add some.
#[derive(Clone, PartialEq, Message)]
struct Wire {
    #[prost(bytes = "vec", tag = "1")]
    payload: Vec<u8>,
    #[prost(bool, tag = "2")]
    is_text: bool,
    #[prost(bool, tag = "3")]
    skips_history: bool,
    #[prost(fixed64, tag = "4")]
    node: u64,
    #[prost(message, optional, tag = "5")]
    excluded: Option<WirePublisher>,
    #[prost(message, optional, tag = "6")]
    extra: Option<WireExtra>,
}

#[derive(Clone, PartialEq, Message)]
struct WirePublisher {
    #[prost(uint32, tag = "1")]
    shard: u32,
    #[prost(uint64, tag = "2")]
    conn: u64,
}

#[derive(Clone, PartialEq, Message)]
struct WireExtra {
    #[prost(string, optional, tag = "1")]
    key: Option<String>,
    #[prost(bool, tag = "2")]
    is_removal: bool,
    #[prost(message, repeated, tag = "3")]
    tags: Vec<WireTag>,
    #[prost(message, optional, tag = "4")]
    info: Option<ClientInfo>,
    #[prost(uint32, tag = "5")]
    event: u32,
}

#[derive(Clone, PartialEq, Message)]
struct WireTag {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

const JOINED: u32 = 1;
const LEFT: u32 = 2;

/// The body of a message that is published here.
pub(crate) fn encode(outbound: &Outbound, node: NodeId) -> Vec<u8> {
    let extras = outbound.extras.as_ref();
    let body = Body {
        payload: outbound.payload.clone(),
        extra: extras.and_then(|extras| extras.extra.clone()),
        skips_history: outbound.skips_history(),
        excluded: outbound.excluded,
    };
    body.encode(node)
}

impl Body {
    pub(crate) fn encode(&self, node: NodeId) -> Vec<u8> {
        let wire = Wire {
            payload: self.payload.bytes.to_vec(),
            is_text: self.payload.kind == Kind::Text,
            skips_history: self.skips_history,
            node: node.0,
            excluded: self.excluded.map(|publisher| WirePublisher {
                shard: u32::from(publisher.shard.get()),
                conn: publisher.conn.pack() as u64,
            }),
            extra: self.extra.as_deref().map(WireExtra::of),
        };
        wire.encode_to_vec()
    }

    /// # Errors
    ///
    /// These bytes are no body.
    pub(crate) fn decode(bytes: &[u8], node: NodeId) -> Result<Self, EnvelopeError> {
        let wire = Wire::decode(bytes).map_err(|_| EnvelopeError)?;
        if wire.is_text && simdutf8::basic::from_utf8(&wire.payload).is_err() {
            return Err(EnvelopeError);
        }
        let kind = if wire.is_text {
            Kind::Text
        } else {
            Kind::Binary
        };
        let excluded = wire.excluded.filter(|_| wire.node == node.0);
        Ok(Self {
            payload: Payload {
                kind,
                bytes: wire.payload.into(),
            },
            extra: wire.extra.map(|extra| Arc::new(extra.into_extra())),
            skips_history: wire.skips_history,
            excluded: excluded.and_then(WirePublisher::read),
        })
    }
}

impl WirePublisher {
    fn read(self) -> Option<Publisher> {
        Some(Publisher {
            shard: ShardId::new(u16::try_from(self.shard).ok()?),
            conn: ConnId::unpack(usize::try_from(self.conn).ok()?),
        })
    }
}

impl WireExtra {
    fn of(extra: &Extra) -> Self {
        let tags = extra.tags.iter().map(|(name, value)| WireTag {
            name: name.to_string(),
            value: value.to_string(),
        });
        Self {
            key: extra.key.as_deref().map(str::to_owned),
            is_removal: extra.is_removal,
            tags: tags.collect(),
            info: extra.info.as_deref().cloned(),
            event: match extra.event {
                None => 0,
                Some(ClientEvent::Joined) => JOINED,
                Some(ClientEvent::Left) => LEFT,
            },
        }
    }

    fn into_extra(self) -> Extra {
        let tags = self.tags.into_iter();
        Extra {
            key: self.key.map(Arc::from),
            is_removal: self.is_removal,
            tags: tags
                .map(|tag| (tag.name.into(), tag.value.into()))
                .collect(),
            info: self.info.map(Arc::new),
            event: match self.event {
                JOINED => Some(ClientEvent::Joined),
                LEFT => Some(ClientEvent::Left),
                _ => None,
            },
        }
    }
}

/// Splits what was pushed into the place of a message and its body.
///
/// # Errors
///
/// These bytes begin with no place.
pub(crate) fn split(pushed: &[u8]) -> Result<(Place, &[u8]), EnvelopeError> {
    let (first, rest) = pushed.split_first().ok_or(EnvelopeError)?;
    let end = rest.iter().take(PLACE_LEN_MAX).position(|b| *b == b';');
    let (place, body) = rest.split_at(end.ok_or(EnvelopeError)?);
    let place = str::from_utf8(place).map_err(|_| EnvelopeError)?;
    let place = match first {
        b'h' => Place::Ordered(position(place)?),
        b'r' => Place::Removed(position(place)?),
        b'n' => Place::Counted(number(place)?),
        b'p' => Place::Probe(number(place)?),
        _ => return Err(EnvelopeError),
    };
    Ok((place, body.get(1..).unwrap_or_default()))
}

/// Of an epoch and an offset, or of a counter, with what ends it.
const PLACE_LEN_MAX: usize = EPOCH_LEN + 20 + 1;

/// An epoch, and behind it an offset.
pub(crate) fn position(text: &str) -> Result<Position, EnvelopeError> {
    let (epoch, offset) = text.split_at_checked(EPOCH_LEN).ok_or(EnvelopeError)?;
    Ok(Position {
        epoch: epoch.parse::<Epoch>().map_err(|_| EnvelopeError)?,
        offset: number(offset)?,
    })
}

fn number(text: &str) -> Result<u64, EnvelopeError> {
    // `parse` takes a sign.
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits).ok_or(EnvelopeError)
}
