//! Messages on their way to the order of their topic.

use crate::handler::{Extras, Publisher};
use crate::payload::Payload;
use crate::shard::mail::Weigh;
use crate::topic::Topic;

/// One message on its way to the order of its topic.
#[derive(Debug)]
pub struct Publication {
    /// The topic.
    pub topic: Topic,
    /// The message.
    pub payload: Payload,
    /// Where it comes from.
    pub origin: Origin,
    /// What few have.
    pub extras: Option<Box<Extras>>,
}

/// Where a publication comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A connection that is open.
    Connection(Publisher),
    /// An HTTP request, such as one to the publish API, or one that opens a connection.
    Request(Publisher),
    /// The work of a shard's own, which no connection has asked for.
    Shard,
    /// A thread with a [`Handle`](crate::Handle).
    Handle,
    /// A room, for a topic that is not its own.
    Room,
}

impl Publication {
    /// One without extras.
    pub fn new(topic: Topic, payload: Payload, origin: Origin) -> Self {
        Self {
            topic,
            payload,
            origin,
            extras: None,
        }
    }
}

impl Weigh for Publication {
    fn weight(&self) -> usize {
        let extras = self.extras.as_ref().map_or(0, |extras| extras.weight());
        self.payload.bytes.len() + extras
    }
}

impl Origin {
    /// The connection that published, if one did.
    pub(crate) fn publisher(self) -> Option<Publisher> {
        match self {
            Self::Connection(publisher) | Self::Request(publisher) => Some(publisher),
            Self::Shard | Self::Handle | Self::Room => None,
        }
    }
}
