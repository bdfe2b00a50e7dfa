//! What the server answers. Fields are those of the public `client.proto`; those that the server
//! has nothing for are left out.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::proto::centrifuge::json::{is_default, raw};
use crate::proto::centrifuge::push::{ClientInfo, Publication, Push};

/// The answer to a command, or what the server says by itself. With neither number nor answer it is
/// the server's ping.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Reply {
    /// That of the command; 0 for a push.
    #[prost(uint32, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub id: u32,
    /// What it says.
    #[prost(oneof = "Answer", tags = "2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15")]
    #[serde(flatten)]
    pub answer: Option<Answer>,
}

/// What a reply says.
#[derive(Clone, PartialEq, prost::Oneof, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are named as in the protocol")]
pub enum Answer {
    #[prost(message, tag = "2")]
    Error(Error),
    #[prost(message, tag = "4")]
    Push(Push),
    #[prost(message, tag = "5")]
    Connect(ConnectResult),
    #[prost(message, tag = "6")]
    Subscribe(SubscribeResult),
    #[prost(message, tag = "7")]
    Unsubscribe(Empty),
    #[prost(message, tag = "8")]
    Publish(Empty),
    #[prost(message, tag = "9")]
    Presence(PresenceResult),
    #[prost(message, tag = "10")]
    PresenceStats(PresenceStatsResult),
    #[prost(message, tag = "11")]
    History(HistoryResult),
    #[prost(message, tag = "13")]
    Rpc(RpcResult),
    #[prost(message, tag = "14")]
    Refresh(RefreshResult),
    #[prost(message, tag = "15")]
    SubRefresh(SubRefreshResult),
}

impl Reply {
    /// The server's ping.
    pub const PING: Self = Self {
        id: 0,
        answer: None,
    };

    /// The answer to the command with this number.
    pub fn new(id: u32, answer: Answer) -> Self {
        let answer = Some(answer);
        Self { id, answer }
    }

    /// What the server says by itself.
    pub fn push(push: Push) -> Self {
        Self::new(0, Answer::Push(push))
    }

    /// The refusal of the command with this number.
    pub fn error(id: u32, error: impl Into<Error>) -> Self {
        Self::new(id, Answer::Error(error.into()))
    }
}

/// Why a command is not done.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize)]
pub struct Error {
    /// An [`ErrorCode`](super::ErrorCode), or one of the application's: 400 to 1999.
    #[prost(uint32, tag = "1")]
    pub code: u32,
    /// What it says to people.
    #[prost(string, tag = "2")]
    pub message: String,
    /// The SDK is to try again by itself.
    #[prost(bool, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    pub temporary: bool,
}

/// A result with nothing in it.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Empty {}

/// The result of connect; on one-way transports it is a push.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct ConnectResult {
    /// The name of the connection.
    #[prost(string, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub client: String,
    /// That of the server.
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "is_default")]
    pub version: String,
    /// The token expires: the client is to refresh it.
    #[prost(bool, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    /// When, in seconds.
    #[prost(uint32, tag = "4")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
    /// What the application has to say.
    #[prost(bytes = "vec", tag = "5")]
    #[serde(with = "raw", skip_serializing_if = "is_default")]
    pub data: Vec<u8>,
    /// Server-side subscriptions.
    #[prost(message, repeated, tag = "6")]
    #[serde(serialize_with = "by_channel", skip_serializing_if = "is_default")]
    pub subs: Vec<ServerSub>,
    /// The interval of pings in seconds.
    #[prost(uint32, tag = "7")]
    #[serde(skip_serializing_if = "is_default")]
    pub ping: u32,
    /// Pings are to be answered.
    #[prost(bool, tag = "8")]
    #[serde(skip_serializing_if = "is_default")]
    pub pong: bool,
    /// What requests of emulated transports name the connection by.
    #[prost(string, tag = "9")]
    #[serde(skip_serializing_if = "is_default")]
    pub session: String,
    /// The server that has it.
    #[prost(string, tag = "10")]
    #[serde(skip_serializing_if = "is_default")]
    pub node: String,
}

/// A server-side subscription: an entry of a map. The maps of prost leave out a value that has only
/// defaults, and protobufjs takes it for null.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ServerSub {
    /// The name of the topic.
    #[prost(string, tag = "1")]
    pub channel: String,
    /// As for a subscription that the client asks for.
    #[prost(message, required, tag = "2")]
    pub result: SubscribeResult,
}

fn by_channel<S: Serializer>(subs: &[ServerSub], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(subs.iter().map(|sub| (&sub.channel, &sub.result)))
}

/// The result of subscribe.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct SubscribeResult {
    /// The token expires: the client is to refresh it.
    #[prost(bool, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    /// When, in seconds.
    #[prost(uint32, tag = "2")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
    /// The client may come back to where it was.
    #[prost(bool, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    pub recoverable: bool,
    /// Of the channel, if it has a history.
    #[prost(string, tag = "6")]
    #[serde(skip_serializing_if = "is_default")]
    pub epoch: String,
    /// What the client has missed, as far as it is not pushed.
    #[prost(message, repeated, tag = "7")]
    #[serde(skip_serializing_if = "is_default")]
    pub publications: Vec<Publication>,
    /// Nothing is missing.
    #[prost(bool, tag = "8")]
    #[serde(skip_serializing_if = "is_default")]
    pub recovered: bool,
    /// Where the client stands, before the publications.
    #[prost(uint64, tag = "9")]
    #[serde(skip_serializing_if = "is_default")]
    pub offset: u64,
    /// The server watches that no message is lost.
    #[prost(bool, tag = "10")]
    #[serde(skip_serializing_if = "is_default")]
    pub positioned: bool,
    /// What the application has to say.
    #[prost(bytes = "vec", tag = "11")]
    #[serde(with = "raw", skip_serializing_if = "is_default")]
    pub data: Vec<u8>,
    /// The client asked to recover.
    #[prost(bool, tag = "12")]
    #[serde(skip_serializing_if = "is_default")]
    pub was_recovering: bool,
    /// Messages are sent as differences.
    #[prost(bool, tag = "13")]
    #[serde(skip_serializing_if = "is_default")]
    pub delta: bool,
}

/// Which clients have subscribed.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct PresenceResult {
    /// Each client by its name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub presence: BTreeMap<String, ClientInfo>,
}

/// How many clients have subscribed.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct PresenceStatsResult {
    #[prost(uint32, tag = "1")]
    pub num_clients: u32,
    #[prost(uint32, tag = "2")]
    pub num_users: u32,
}

/// Messages of before.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct HistoryResult {
    #[prost(message, repeated, tag = "1")]
    pub publications: Vec<Publication>,
    #[prost(string, tag = "2")]
    pub epoch: String,
    /// The newest.
    #[prost(uint64, tag = "3")]
    pub offset: u64,
}

/// The application's answer.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct RpcResult {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(with = "raw", skip_serializing_if = "is_default")]
    pub data: Vec<u8>,
}

/// How long the new token of a connection holds.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct RefreshResult {
    #[prost(string, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub client: String,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "is_default")]
    pub version: String,
    #[prost(bool, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    #[prost(uint32, tag = "4")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
}

/// How long the new token of a subscription holds.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct SubRefreshResult {
    #[prost(bool, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    #[prost(uint32, tag = "2")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
}
