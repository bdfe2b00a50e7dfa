//! What few messages have beside their payload.

use std::sync::Arc;

use crate::proto::centrifuge::ClientInfo;

/// What few messages have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// Of what the message is the newest value.
    pub key: Option<Arc<str>>,
    /// With the message, the value of the key is gone.
    pub is_removal: bool,
    /// What its publisher says of it: names and values.
    pub tags: Vec<(Box<str>, Box<str>)>,
    /// Its publisher, as subscribers see it.
    pub info: Option<Arc<ClientInfo>>,
    /// It is no message, but says that this has happened to the client.
    pub event: Option<ClientEvent>,
}

/// What has happened to a client of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// It has subscribed.
    Joined,
    /// It is not subscribed any more.
    Left,
}

impl Extra {
    /// Bytes that it takes. What its publisher is counts for each message, although those of one
    /// connection share it.
    pub(crate) fn weight(&self) -> usize {
        let tags = self.tags.iter();
        let texts: usize = tags.map(|(name, value)| name.len() + value.len()).sum();
        let key = self.key.as_ref().map_or(0, |key| key.len());
        let info = self.info.as_ref().map_or(0, |info| info.weight());
        size_of::<Self>() + size_of_val(&self.tags[..]) + texts + key + info
    }
}
