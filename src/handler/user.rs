//! Users: what an application may ask about the connections of one, on all shards.

use core::net::SocketAddr;
use std::sync::Arc;

use crate::error::debug_is_text;
use crate::handler::{Busy, PublishError};
use crate::id::ConnectionId;
use crate::limits::{
    CLIENT_INFO_BYTES_MAX, CLOSE_REASON_BYTES_MAX, MESSAGE_BYTES_CEILING, TOPIC_BYTES_MAX,
    USER_BYTES_MAX,
};
use crate::topic::{Topic, TopicNameError};

/// Which of a user's connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    #[default]
    All,
    /// This one, if it is the user's.
    Only(ConnectionId),
    /// All but these.
    AllBut(Vec<ConnectionId>),
}

/// What a client is told that is disconnected. By default the code is 3503 and the reason `force
/// disconnect`, as with Centrifugo, whose clients do not come back then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    code: u16,
    reason: Arc<str>,
}

/// Why a call about a user failed.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// There is no space now: try again later; in a callback, return it.
    #[error("the server has no space for this now")]
    Busy(Busy),
    /// The server drains, or has stopped.
    #[error("the server drains or has stopped")]
    Stopped,
    /// The name is empty, and not one connection is meant, or it is too long.
    #[error("a user's name has 1 to {USER_BYTES_MAX} bytes")]
    Name,
    /// The connection has another user.
    #[error("the connection has another user")]
    Another,
    /// A connection gets its user in `on_open`.
    #[error("a connection gets its user when it is opened")]
    NotOpening,
    /// The message exceeds the maximum length, or is text and not UTF-8.
    #[error("a message has at most {MESSAGE_BYTES_CEILING} bytes, and as text is UTF-8")]
    Message,
    /// No topic has this name.
    #[error("a topic's name has 1 to {TOPIC_BYTES_MAX} bytes, and is not . or ..")]
    Topic,
    /// What is said of the client is too long.
    #[error("what is said of a client has at most {CLIENT_INFO_BYTES_MAX} bytes")]
    Info,
    /// The code is none of an application, or the reason is too long.
    #[error(
        "a close code is 3000 to 4999, and a reason has at most {CLOSE_REASON_BYTES_MAX} bytes"
    )]
    Disconnect,
}

debug_is_text!(UserError);

/// One connection of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Which one.
    pub id: ConnectionId,
    /// Its user.
    pub user: String,
    /// Its client's address, if it has one. A proxy says no port: then that is 0.
    pub addr: Option<SocketAddr>,
    /// Where it has connected to: a local address, or `unix:` and a path.
    pub listener: Option<String>,
    /// What it speaks: `websocket`, `sse`, `http_stream` or `tcp`.
    pub protocol: &'static str,
    /// How the structured protocol is written there, `json` or `protobuf`; `raw` for others.
    pub format: &'static str,
    /// The topics that it has subscribed to.
    pub topics: Vec<Topic>,
    /// Since when it has its user, in seconds since the beginning of 1970.
    pub since: u64,
    /// Messages that have come from it.
    pub messages_in: u64,
    /// Bytes that have come, as TCP has counted them; `None` where that cannot be told.
    pub bytes_in: Option<u64>,
    /// Bytes that its client's host has confirmed.
    pub bytes_out: Option<u64>,
}

/// Takes the list of a user's connections.
pub(crate) type Reply = Box<dyn FnOnce(Vec<ConnectionInfo>) + Send + Sync>;

impl Disconnect {
    /// With a close code from 3000 to 4999 (RFC 6455 section 7.4.2) and a reason of at most 123
    /// bytes. Clients without WebSocket are told neither.
    ///
    /// # Errors
    ///
    /// [`UserError::Disconnect`].
    pub fn new(code: u16, reason: &str) -> Result<Self, UserError> {
        let is_good = (3000..=4999).contains(&code) && reason.len() <= CLOSE_REASON_BYTES_MAX;
        let reason = || Arc::from(reason);
        is_good
            .then(|| Self {
                code,
                reason: reason(),
            })
            .ok_or(UserError::Disconnect)
    }

    /// The close code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The reason for the client.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl Default for Disconnect {
    fn default() -> Self {
        Self {
            code: 3503,
            reason: Arc::from("force disconnect"),
        }
    }
}

impl Selection {
    /// Whether a connection is one of these; all that are left out are in their order.
    pub(crate) fn has(&self, conn: ConnectionId) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => *only == conn,
            Self::AllBut(others) => others.binary_search(&conn).is_err(),
        }
    }
}

impl From<TopicNameError> for UserError {
    fn from(_: TopicNameError) -> Self {
        Self::Topic
    }
}

impl From<PublishError> for UserError {
    fn from(err: PublishError) -> Self {
        match err {
            PublishError::Busy(busy) => Self::Busy(busy),
            PublishError::Stopped => Self::Stopped,
            _ => Self::Message,
        }
    }
}

/// The calls about users, of everything that has a method `command`. An empty name of a user is for
/// one connection without a user.
macro_rules! user_calls {
    ($this:ident: $receiver:ty) => {
        /// Disconnects connections of a user, on all shards. Those that the user opens at the same
        /// time may stay.
        ///
        /// # Errors
        ///
        /// [`UserError::Busy`] if there is no space for this now: then no connection is
        /// disconnected. [`UserError::Name`].
        pub fn disconnect_user(
            $this: $receiver,
            user: &str,
            which: Selection,
            disconnect: Disconnect,
        ) -> Result<(), UserError> {
            let act = UserAct::Disconnect(disconnect);
            $this.command(UserCommand::new(user, which, act)?)
        }

        /// Sends a message to each connection of a user, on all shards, as
        /// [`Cx::send`](crate::Cx::send) does. Messages that one thread or one callback sends to
        /// one user stay in order.
        ///
        /// # Errors
        ///
        /// [`UserError::Busy`] if there is no space for this now: then no connection gets it.
        /// [`UserError::Name`], [`UserError::Message`].
        pub fn send_to_user(
            $this: $receiver,
            user: &str,
            kind: Kind,
            payload: &[u8],
        ) -> Result<(), UserError> {
            check_message(kind, payload)?;
            let act = UserAct::Send(Payload {
                kind,
                bytes: payload.into(),
            });
            $this.command(UserCommand::new(user, Selection::All, act)?)
        }

        /// Sets when connections of a user end, in seconds since the beginning of 1970, as
        /// [`Cx::close_after`](crate::Cx::close_after) does: in the past is now, 0 is never.
        ///
        /// # Errors
        ///
        /// [`UserError::Busy`], [`UserError::Name`].
        pub fn refresh_user(
            $this: $receiver,
            user: &str,
            which: Selection,
            expire_at: u64,
        ) -> Result<(), UserError> {
            let act = UserAct::refresh(expire_at, None)?;
            $this.command(UserCommand::new(user, which, act)?)
        }

        /// The same, and sets what others are told of clients of the structured protocol, from
        /// their next subscriptions and messages on.
        ///
        /// # Errors
        ///
        /// The same, and [`UserError::Info`].
        pub fn refresh_user_with(
            $this: $receiver,
            user: &str,
            which: Selection,
            expire_at: u64,
            info: &[u8],
        ) -> Result<(), UserError> {
            let act = UserAct::refresh(expire_at, Some(info))?;
            $this.command(UserCommand::new(user, which, act)?)
        }

        /// Subscribes clients of the structured protocol, on all shards, as if their connections
        /// had begun with that: each is told so when its subscription is live. One that has it
        /// already keeps the one that it has; one that has as many subscriptions as it may is
        /// closed. Connections of other protocols, which do not name the topics of messages, stay
        /// as they are.
        ///
        /// # Errors
        ///
        /// [`UserError::Busy`] if there is no space for this now: then no client is subscribed.
        /// [`UserError::Name`], [`UserError::Topic`], [`UserError::Message`], [`UserError::Info`].
        pub fn subscribe_user(
            $this: $receiver,
            user: &str,
            which: Selection,
            subscription: ServerSubscription,
        ) -> Result<(), UserError> {
            let act = UserAct::subscribe(subscription)?;
            $this.command(UserCommand::new(user, which, act)?)
        }

        /// Ends subscriptions of clients of the structured protocol, on all shards, also those that
        /// clients have asked for. Each client is told so, and does not subscribe again by itself.
        ///
        /// # Errors
        ///
        /// [`UserError::Busy`], [`UserError::Name`], [`UserError::Topic`].
        pub fn unsubscribe_user(
            $this: $receiver,
            user: &str,
            which: Selection,
            topic: &(impl TopicName + ?Sized),
        ) -> Result<(), UserError> {
            let act = UserAct::Unsubscribe(Topic::named(topic)?.into_owned());
            $this.command(UserCommand::new(user, which, act)?)
        }

        /// Lists the connections of a user, on all shards: up to
        /// [`CONNECTIONS_LISTED_MAX`](crate::limits::CONNECTIONS_LISTED_MAX), the oldest first on
        /// each shard. `reply` runs on a shard's thread, and must not wait; it is dropped if the
        /// server stops first.
        ///
        /// # Errors
        ///
        /// [`UserError::Busy`], [`UserError::Name`]: then `reply` is not called.
        pub fn connections_of(
            $this: $receiver,
            user: &str,
            reply: impl FnOnce(Vec<ConnectionInfo>) + Send + Sync + 'static,
        ) -> Result<(), UserError> {
            let act = UserAct::list($this.shards(), Box::new(reply));
            $this.command(UserCommand::new(user, Selection::All, act)?)
        }
    };
}
pub(crate) use user_calls;
