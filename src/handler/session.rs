//! What an application decides about sessions: connections of the structured protocol, whose
//! clients connect, subscribe, publish and ask by commands.

use crate::close_reason::CloseReason;
use crate::handler::{Busy, PublishError};
use crate::position::Since;
use crate::proto::Kind;
use crate::proto::centrifuge::{self, DisconnectCode, ErrorCode};
use crate::shard::core::pubsub::subscribe::SubscribeError;
use crate::topic::TopicNameError;
use crate::topic::patterns::TopicPattern;

/// How a session is had over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStream {
    /// As lines of JSON; as protobuf with lengths if the body of the request is
    /// `application/octet-stream`.
    Messages,
    /// As server-sent events with JSON.
    Events,
    /// As lines of JSON that are pushes. The first commands are a request to connect alone, and no
    /// others can be sent.
    OneWayMessages,
    /// The same as server-sent events.
    OneWayEvents,
}

impl SessionStream {
    /// Whether its client can send commands after the first.
    pub(crate) fn is_one_way(self) -> bool {
        matches!(self, Self::OneWayMessages | Self::OneWayEvents)
    }

    /// Whether it is server-sent events.
    pub(crate) fn is_events(self) -> bool {
        matches!(self, Self::Events | Self::OneWayEvents)
    }
}

/// Why a command is not carried out. `?` converts codes and the errors of a context's calls to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// It is answered with this error.
    Error(centrifuge::Error),
    /// The connection is closed.
    Close(CloseReason),
    /// The callback must be repeated with the same command; those behind it wait.
    Wait(Busy),
}

/// What a client says when it connects, beside its token.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConnectCommand<'c> {
    /// For the application: JSON, or any bytes of a client that uses protobuf.
    pub data: &'c [u8],
    /// The client's program.
    pub name: &'c str,
    /// Its version.
    pub version: &'c str,
}

/// What the application says to a client that connects.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Connected {
    /// For the client: JSON, or any bytes for a client that uses protobuf.
    pub data: Vec<u8>,
    /// What the client is subscribed to without having asked. It is connected when all of these are
    /// live.
    pub subscriptions: Vec<ServerSubscription>,
}

/// A subscription that the server makes for a client.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerSubscription {
    /// The name of the topic.
    pub channel: String,
    /// What is said of it.
    pub subscribed: Subscribed,
    /// Where the client is, if it does not say so itself: it gets what it has missed from there on,
    /// where the subscription is recoverable. [`Since::Last`] is as [`Since::Default`].
    pub since: Since,
    /// The client is told of gaps; `None`: as the settings of the topic say. Without a history it
    /// never is.
    pub positioned: Option<bool>,
    /// It may come back to where it was, and so is told of gaps; `None`: as the settings say.
    pub recoverable: Option<bool>,
    /// It is told of joins and leaves, if the topic tells them, and not only where all clients are.
    pub joins: bool,
}

impl ServerSubscription {
    /// One of which nothing is said.
    pub fn new(channel: impl Into<String>) -> Self {
        Self {
            channel: channel.into(),
            ..Self::default()
        }
    }
}

/// A subscription that a client asks for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubscribeCommand<'c> {
    /// The name of the topic, or the text of the pattern.
    pub channel: &'c str,
    /// It is for all topics that match this.
    pub pattern: Option<&'c TopicPattern>,
    /// For the application.
    pub data: &'c [u8],
    /// It has shown a token for this subscription, which is right.
    pub grant: Option<&'c Grant>,
}

/// What a token for one subscription says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// What others are told of the client as a subscriber of this topic.
    pub info: Vec<u8>,
    /// When the subscription ends, in seconds since the beginning of 1970.
    pub expires_at: Option<u64>,
}

/// A subscription that a client may have.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Subscribed {
    /// For the client.
    pub data: Vec<u8>,
    /// What others are told of the client as a subscriber of this topic.
    pub info: Vec<u8>,
    /// When the subscription ends, in seconds since the beginning of 1970.
    pub expires_at: Option<u64>,
    /// Whether the client may have all topics that match, where it asks for a pattern. If not, that
    /// is refused: an application that looks at names alone does not let it pass.
    pub allows_pattern: bool,
}

/// A message that a client publishes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PublishCommand<'c> {
    /// The name of the topic.
    pub channel: &'c str,
    /// Text, unless it is not UTF-8.
    pub kind: Kind,
    /// The message.
    pub data: &'c [u8],
}

/// A question of a client to the application.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RpcCommand<'c> {
    /// What is asked.
    pub method: &'c str,
    /// For the application.
    pub data: &'c [u8],
}

/// What a client asks about a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// Which clients have subscribed, or how many.
    Presence,
    /// Earlier messages.
    History,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self::Error(code.into())
    }
}

impl From<DisconnectCode> for Failure {
    fn from(code: DisconnectCode) -> Self {
        Self::Close(CloseReason::Session(code))
    }
}

impl From<CloseReason> for Failure {
    fn from(reason: CloseReason) -> Self {
        Self::Close(reason)
    }
}

impl From<Busy> for Failure {
    fn from(busy: Busy) -> Self {
        Self::Wait(busy)
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Busy(busy) => Self::Wait(busy),
            PublishError::Stopped => CloseReason::Shutdown.into(),
            PublishError::Unanswered => ErrorCode::Internal.into(),
            PublishError::TopicName | PublishError::Message | PublishError::Options => {
                ErrorCode::BadRequest.into()
            }
        }
    }
}

impl From<TopicNameError> for Failure {
    fn from(_: TopicNameError) -> Self {
        ErrorCode::BadRequest.into()
    }
}

impl From<SubscribeError> for Failure {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::TooMany | SubscribeError::TooManyPatterns => {
                ErrorCode::LimitExceeded.into()
            }
            SubscribeError::TopicName | SubscribeError::Tag | SubscribeError::Info => {
                ErrorCode::BadRequest.into()
            }
            SubscribeError::Closed => CloseReason::Client.into(),
        }
    }
}
