//! What the server says by itself. Fields are those of the public `client.proto`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::proto::centrifuge::json::{is_default, raw};
use crate::proto::centrifuge::reply::ConnectResult;

/// What the server says by itself, of a channel or of the connection.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Push {
    /// Empty for what is not about a channel.
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "is_default")]
    pub channel: String,
    /// What has happened.
    #[prost(oneof = "Event", tags = "4, 5, 6, 7, 8, 9, 10, 11, 12")]
    #[serde(flatten)]
    pub event: Option<Event>,
}

/// What has happened.
#[derive(Clone, PartialEq, prost::Oneof, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are named as in the protocol")]
pub enum Event {
    #[prost(message, tag = "4")]
    Pub(Publication),
    #[prost(message, tag = "5")]
    Join(Join),
    #[prost(message, tag = "6")]
    Leave(Join),
    #[prost(message, tag = "7")]
    Unsubscribe(Unsubscribe),
    #[prost(message, tag = "8")]
    Message(Message),
    #[prost(message, tag = "9")]
    Subscribe(Subscribe),
    /// On one-way transports.
    #[prost(message, tag = "10")]
    Connect(ConnectResult),
    /// On transports that have no close codes.
    #[prost(message, tag = "11")]
    Disconnect(Disconnect),
    #[prost(message, tag = "12")]
    Refresh(Refresh),
}

impl Push {
    /// Of a channel.
    pub fn of(channel: &str, event: Event) -> Self {
        Self {
            channel: channel.to_owned(),
            event: Some(event),
        }
    }

    /// Of the connection.
    pub fn to_connection(event: Event) -> Self {
        Self::of("", event)
    }
}

/// A client as others see it.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize)]
pub struct ClientInfo {
    /// Its user; empty if it has none.
    #[prost(string, tag = "1")]
    pub user: String,
    /// The name of its connection.
    #[prost(string, tag = "2")]
    pub client: String,
    /// What its token says of it.
    #[prost(bytes = "vec", tag = "3")]
    #[serde(with = "raw", skip_serializing_if = "is_default")]
    pub conn_info: Vec<u8>,
    /// What the token of its subscription says of it.
    #[prost(bytes = "vec", tag = "4")]
    #[serde(with = "raw", skip_serializing_if = "is_default")]
    pub chan_info: Vec<u8>,
}

impl ClientInfo {
    /// Bytes that it takes.
    pub(crate) fn weight(&self) -> usize {
        let texts = self.user.len() + self.client.len();
        size_of::<Self>() + texts + self.conn_info.len() + self.chan_info.len()
    }
}

/// A message of a channel.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Publication {
    /// What was published. In JSON it is embedded, as [`Data`](super::Data) says.
    #[prost(bytes = "vec", tag = "4")]
    #[serde(with = "raw")]
    pub data: Vec<u8>,
    /// Its publisher, if that is a client.
    #[prost(message, optional, tag = "5")]
    #[serde(skip_serializing_if = "is_default")]
    pub info: Option<ClientInfo>,
    /// Its place, if the channel has a history.
    #[prost(uint64, tag = "6")]
    #[serde(skip_serializing_if = "is_default")]
    pub offset: u64,
    /// What its publisher says of it.
    #[prost(btree_map = "string, string", tag = "7")]
    #[serde(skip_serializing_if = "is_default")]
    pub tags: BTreeMap<String, String>,
    /// The data is the difference to the message before it.
    #[prost(bool, tag = "8")]
    #[serde(skip_serializing_if = "is_default")]
    pub delta: bool,
    /// When it was published, in milliseconds since 1970.
    #[prost(int64, tag = "9")]
    #[serde(skip_serializing_if = "is_default")]
    pub time: i64,
    /// Its channel, where the subscription is to a pattern.
    #[prost(string, tag = "10")]
    #[serde(skip_serializing_if = "is_default")]
    pub channel: String,
    /// Of the first message of an epoch.
    #[prost(string, tag = "14")]
    #[serde(skip_serializing_if = "is_default")]
    pub epoch: String,
}

/// A client has subscribed, or has a subscription no more.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Join {
    /// Which one.
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub info: Option<ClientInfo>,
}

/// The server ends a subscription.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Unsubscribe {
    /// An [`UnsubscribeCode`](super::UnsubscribeCode).
    #[prost(uint32, tag = "2")]
    pub code: u32,
    /// Its text.
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    pub reason: String,
}

/// What the application has for this client alone.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct Message {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(with = "raw")]
    pub data: Vec<u8>,
}

/// The server has subscribed the client.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct Subscribe {
    #[prost(bool, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub recoverable: bool,
    #[prost(string, tag = "4")]
    #[serde(skip_serializing_if = "is_default")]
    pub epoch: String,
    #[prost(uint64, tag = "5")]
    #[serde(skip_serializing_if = "is_default")]
    pub offset: u64,
    #[prost(bool, tag = "6")]
    #[serde(skip_serializing_if = "is_default")]
    pub positioned: bool,
    #[prost(bytes = "vec", tag = "7")]
    #[serde(with = "raw", skip_serializing_if = "is_default")]
    pub data: Vec<u8>,
}

/// The server ends the connection.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Disconnect {
    /// A [`DisconnectCode`](super::DisconnectCode), or one of the application's.
    #[prost(uint32, tag = "1")]
    pub code: u32,
    /// Its text.
    #[prost(string, tag = "2")]
    pub reason: String,
}

/// How long the connection's token holds.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct Refresh {
    #[prost(bool, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    #[prost(uint32, tag = "2")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
}
