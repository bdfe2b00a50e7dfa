//! What clients ask for. Fields are those of the public `client.proto`; others are ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::proto::centrifuge::json::raw;

/// A command of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Names its reply; 0 where there is none.
    pub id: u32,
    /// What the client asks for.
    pub request: Request,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "they are named as in the protocol")]
pub enum Request {
    /// The answer to a ping: a command with nothing in it.
    Pong,
    Connect(ConnectRequest),
    Subscribe(SubscribeRequest),
    Unsubscribe(UnsubscribeRequest),
    Publish(PublishRequest),
    Presence(PresenceRequest),
    PresenceStats(PresenceRequest),
    History(HistoryRequest),
    Send(SendRequest),
    Rpc(RpcRequest),
    Refresh(RefreshRequest),
    SubRefresh(SubRefreshRequest),
}

/// The first command of a connection.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct ConnectRequest {
    #[prost(string, tag = "1")]
    pub token: String,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(with = "raw")]
    pub data: Vec<u8>,
    /// Server-side subscriptions of before, each with its position.
    #[prost(btree_map = "string, message", tag = "3")]
    pub subs: BTreeMap<String, SubscribeRequest>,
    #[prost(string, tag = "4")]
    pub name: String,
    #[prost(string, tag = "5")]
    pub version: String,
    /// What browsers cannot set as header fields.
    #[prost(btree_map = "string, string", tag = "6")]
    pub headers: BTreeMap<String, String>,
}

/// One subscription.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct SubscribeRequest {
    #[prost(string, tag = "1")]
    pub channel: String,
    #[prost(string, tag = "2")]
    pub token: String,
    /// It goes on after `offset` in `epoch`.
    #[prost(bool, tag = "3")]
    pub recover: bool,
    #[prost(string, tag = "6")]
    pub epoch: String,
    #[prost(uint64, tag = "7")]
    pub offset: u64,
    #[prost(bytes = "vec", tag = "8")]
    #[serde(with = "raw")]
    pub data: Vec<u8>,
    #[prost(bool, tag = "9")]
    pub positioned: bool,
    #[prost(bool, tag = "10")]
    pub recoverable: bool,
    #[prost(bool, tag = "11")]
    pub join_leave: bool,
    /// The name of a way to encode differences.
    #[prost(string, tag = "12")]
    pub delta: String,
    /// A filter on tags. Whatever it says, the server has none.
    #[prost(message, optional, tag = "13")]
    pub tf: Option<Filter>,
    /// [`SUBSCRIBE_COMPACT`], [`SUBSCRIBE_REJECT_UNRECOVERED`].
    #[prost(int64, tag = "14")]
    pub flag: i64,
    /// 0 for a stream of messages, which all but new kinds of subscription are.
    #[prost(int32, tag = "15")]
    pub r#type: i32,
}

/// The client would take numbers for names of channels.
pub const SUBSCRIBE_COMPACT: i64 = 1;
/// The client wants an error rather than a subscription that has missed something.
pub const SUBSCRIBE_REJECT_UNRECOVERED: i64 = 2;

/// A filter of which is known only that it is there.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
pub struct Filter {}

/// The end of a subscription.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct UnsubscribeRequest {
    #[prost(string, tag = "1")]
    pub channel: String,
}

/// A message for a channel.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct PublishRequest {
    #[prost(string, tag = "1")]
    pub channel: String,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(with = "raw")]
    pub data: Vec<u8>,
    /// 0 for a message, 1 for an entry of a map.
    #[prost(int32, tag = "3")]
    pub r#type: i32,
}

/// Which clients have subscribed, or how many.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct PresenceRequest {
    #[prost(string, tag = "1")]
    pub channel: String,
}

/// Messages of before.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct HistoryRequest {
    #[prost(string, tag = "1")]
    pub channel: String,
    /// 0 for the position alone, -1 for as many as the server allows.
    #[prost(int32, tag = "7")]
    pub limit: i32,
    #[prost(message, optional, tag = "8")]
    pub since: Option<StreamPosition>,
    #[prost(bool, tag = "9")]
    pub reverse: bool,
}

/// A place in the history of a channel.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct StreamPosition {
    #[prost(uint64, tag = "1")]
    pub offset: u64,
    #[prost(string, tag = "2")]
    pub epoch: String,
}

/// A message for the application, without a reply.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct SendRequest {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(with = "raw")]
    pub data: Vec<u8>,
}

/// A question to the application.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct RpcRequest {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(with = "raw")]
    pub data: Vec<u8>,
    #[prost(string, tag = "2")]
    pub method: String,
}

/// A new token of the connection.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct RefreshRequest {
    #[prost(string, tag = "1")]
    pub token: String,
}

/// A new token of a subscription.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct SubRefreshRequest {
    #[prost(string, tag = "1")]
    pub channel: String,
    #[prost(string, tag = "2")]
    pub token: String,
    /// 0 for a token; 1 and 2 for keys, of which the server knows nothing.
    #[prost(int32, tag = "3")]
    pub r#type: i32,
}

/// Commands of a client that cannot send on its own connection.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the protocol")]
pub struct EmulationRequest {
    #[prost(string, tag = "1")]
    pub node: String,
    #[prost(string, tag = "2")]
    pub session: String,
    /// In JSON, a string with the commands.
    #[prost(bytes = "vec", tag = "3")]
    #[serde(deserialize_with = "string_bytes")]
    pub data: Vec<u8>,
}

fn string_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    String::deserialize(deserializer).map(String::into_bytes)
}

/// `ping`, which no SDK sends.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
pub(super) struct PingRequest {}

/// A command as it is on the wire, where nothing keeps a client from more than one request.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    #[prost(uint32, tag = "1")]
    pub(super) id: u32,
    #[prost(message, optional, tag = "4")]
    pub(super) connect: Option<ConnectRequest>,
    #[prost(message, optional, tag = "5")]
    pub(super) subscribe: Option<SubscribeRequest>,
    #[prost(message, optional, tag = "6")]
    pub(super) unsubscribe: Option<UnsubscribeRequest>,
    #[prost(message, optional, tag = "7")]
    pub(super) publish: Option<PublishRequest>,
    #[prost(message, optional, tag = "8")]
    pub(super) presence: Option<PresenceRequest>,
    #[prost(message, optional, tag = "9")]
    pub(super) presence_stats: Option<PresenceRequest>,
    #[prost(message, optional, tag = "10")]
    pub(super) history: Option<HistoryRequest>,
    #[prost(message, optional, tag = "11")]
    pub(super) ping: Option<PingRequest>,
    #[prost(message, optional, tag = "12")]
    pub(super) send: Option<SendRequest>,
    #[prost(message, optional, tag = "13")]
    pub(super) rpc: Option<RpcRequest>,
    #[prost(message, optional, tag = "14")]
    pub(super) refresh: Option<RefreshRequest>,
    #[prost(message, optional, tag = "15")]
    pub(super) sub_refresh: Option<SubRefreshRequest>,
}

impl Fields {
    /// The first of its requests counts. `None` if it has none that may be sent.
    pub(super) fn command(self) -> Option<Command> {
        let id = self.id;
        let connect = self.connect.map(Request::Connect);
        let request = connect
            .or_else(|| self.subscribe.map(Request::Subscribe))
            .or_else(|| self.unsubscribe.map(Request::Unsubscribe))
            .or_else(|| self.publish.map(Request::Publish))
            .or_else(|| self.presence.map(Request::Presence))
            .or_else(|| self.presence_stats.map(Request::PresenceStats))
            .or_else(|| self.history.map(Request::History))
            .or_else(|| self.rpc.map(Request::Rpc))
            .or_else(|| self.send.map(Request::Send))
            .or_else(|| self.refresh.map(Request::Refresh))
            .or_else(|| self.sub_refresh.map(Request::SubRefresh));
        match request {
            // Without a number all is a pong, but what wants no reply.
            None if id == 0 && self.ping.is_none() => Some(Command {
                id,
                request: Request::Pong,
            }),
            Some(request @ Request::Send(_)) => Some(Command { id, request }),
            Some(request) if id != 0 => Some(Command { id, request }),
            _ => None,
        }
    }
}
