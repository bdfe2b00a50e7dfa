//! The interface of an application: its callbacks and their results.

mod boxed;
mod history;
mod outcome;
mod presence;
mod publish;
mod room;
mod room_event;
mod shared;
mod subscribe;
mod user;

use std::fmt;
use std::time::Duration;

pub use history::{HistoryError, HistoryMessage, HistoryPage};
pub(crate) use history::{HistoryReply, HomeReply, TopicHistory, history_calls};
pub use outcome::{Busy, Halt, PublishError, Refusal, Sent, Unanswered};
pub(crate) use outcome::{Wait, check_message};
pub(crate) use presence::presence_calls;
pub use presence::{PresenceError, PresenceList};
pub use publish::{Extras, Publish};
pub use room::{Publisher, Room, RoomCx};
pub(crate) use room_event::{Event, Output};
pub use shared::SharedMessage;
pub use subscribe::Subscribe;
pub use user::{ConnectionInfo, Disconnect, Selection, UserError};
pub(crate) use user::{Reply, user_calls};

use crate::close_reason::CloseReason;
use crate::position::Since;
use crate::proto::http::{Request, Response};
use crate::proto::{Kind, Role};
use crate::shard::core::app::cx::Cx;
use crate::shard::core::app::shard_cx::ShardCx;
use crate::time::Tick;
use crate::topic::Topic;
pub use crate::topic::history::Filter as HistoryFilter;
pub use crate::topic::presence::{ClientInfo, PresenceStats};

/// An application on one shard.
///
/// One value is created for each shard, on the shard's own thread, so it needs neither `Send` nor
/// locks. Its callbacks run in the shard's loop. They must not block, and neither may the program's
/// `log` implementation, to which shards write. Through their context, callbacks may ask the shard
/// for anything; nothing of it calls back before the callback has returned.
///
/// # Waiting for space or an answer
///
/// A callback that gets [`Busy`], because there is no space for a message now, or that has to ask
/// another thread ([`Cx::defer`]), returns it. Then the connection is not read, and the callback is
/// repeated with the same message or request when there is space or an answer. What it did before
/// it got `Busy` is not undone. A message waits for space as long as necessary, or until its
/// connection is reset. A request, or a connection that is being opened, waits for
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout) and is then refused with 503.
///
/// # File descriptors
///
/// Each shard has its own descriptor table. A file descriptor opened in a callback is valid only on
/// its shard's thread and on threads that it spawns. A descriptor opened elsewhere is not valid in
/// a callback, unless [`keep_descriptors`](crate::ServerBuilder::keep_descriptors) named it.
///
/// A boxed handler is a handler, so a program can choose one of several when it starts:
/// `Box<dyn Handler<Conn = C, Answer = A>>`.
pub trait Handler: 'static {
    /// The application's data for each connection.
    type Conn: 'static;
    /// The answer of other threads to [`Cx::defer`]; `()` if that is not used.
    type Answer: Send + 'static;

    /// Opens a connection. The subscriptions made here are live before the client learns that it is
    /// connected.
    ///
    /// # Errors
    ///
    /// [`Refusal::Respond`] refuses the connection. TCP has no refusal, so there the connection is
    /// closed.
    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<Self::Conn, Refusal>;

    /// Handles a message.
    ///
    /// # Errors
    ///
    /// [`Halt::Close`] closes the connection.
    fn on_message(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt>;

    /// Everything [sent](Cx::send) to the connection has been written to its socket, after a send
    /// that returned [`Sent::Pressure`], or [`Sent::Dropped`] because there was no space.
    fn on_drain(&mut self, _cx: &mut Cx<'_, Self::Conn, Self::Answer>) {}

    /// The connection has ended. Called once for each `on_open` that returned `Ok`, unless the
    /// server is [stopped](crate::Handle::stop) at once.
    ///
    /// # Errors
    ///
    /// [`Halt::Wait`] repeats the callback when there is space. It cannot wait for an answer of
    /// another thread. [`Halt::Close`] has no effect.
    fn on_close(
        &mut self,
        _cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        _reason: CloseReason,
    ) -> Result<(), Halt> {
        Ok(())
    }

    /// Whether a GET without a body asks for a stream of server-sent events. Then it goes to
    /// [`on_open`](Self::on_open) as [`Opening::Events`]. A HEAD goes to
    /// [`on_head`](Self::on_head), and gets the head of such a stream if that does not answer it.
    fn wants_events(&mut self, _request: &Request<'_>) -> bool {
        false
    }

    /// Whether only an identified client may make a request, where the server asks for identity
    /// ([`ServerBuilder::auth`](crate::ServerBuilder::auth)): it is asked for every request, also
    /// one that opens a connection, before the callback for that. A client that is not admitted is
    /// answered without a callback; the others are [`Cx::principal`]. Connections over TCP always
    /// need an identity.
    ///
    /// By default all requests do, health checks and paths that do not exist among them.
    fn needs_identity(&mut self, _request: &Request<'_>) -> bool {
        true
    }

    /// Whether a request without a body is answered although its connection exceeds the limit of
    /// the server or of its address. A health check must not take a full server for a broken one.
    /// Other requests are answered with 503 or 429.
    fn answers_when_full(&mut self, _request: &Request<'_>) -> bool {
        false
    }

    /// Answers a request with a body by its head, if the head decides the answer. Then the body is
    /// not kept. Otherwise the request goes to [`on_request`](Self::on_request) when the body is
    /// complete.
    fn on_head(
        &mut self,
        _cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        _request: &Request<'_>,
    ) -> Option<Response> {
        None
    }

    /// Answers a request that asks for neither an upgrade nor events; its body is complete. The
    /// connection cannot subscribe. Further requests may follow on it; each one starts without the
    /// state of earlier ones.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] is a response as well, or makes the request come again.
    fn on_request(
        &mut self,
        _cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        _request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        Ok(Response::text(404, "not found"))
    }

    /// The period of [`on_tick`](Self::on_tick), at least one millisecond; asked once, when the
    /// shard starts.
    fn tick_every(&self) -> Option<Duration> {
        None
    }

    /// Does periodic work of the shard.
    fn on_tick(&mut self, _cx: &mut ShardCx<'_, Self::Conn, Self::Answer>, _tick: Tick) {}

    /// Whether [`on_topic`](Self::on_topic) is called; asked once, when the shard starts.
    fn watches_topics(&self) -> bool {
        false
    }

    /// A topic whose home is this shard has its first subscriber on any shard, or has had none for
    /// [`Config::interest_linger`](crate::Config::interest_linger). Of each topic both are told in
    /// turn, the first one first. What is left when the server stops is not told.
    fn on_topic(
        &mut self,
        _cx: &mut ShardCx<'_, Self::Conn, Self::Answer>,
        _topic: &Topic,
        _event: TopicEvent,
    ) {
    }

    /// The application's room for a topic whose home is this shard, if the topic has one.
    ///
    /// Asked when the topic gets its first subscriber on any shard, or a message while it has none;
    /// see [`Room`]. A topic without a room costs nothing here, and its messages go directly to its
    /// subscribers. If clients choose the names of topics, they create rooms:
    /// [`on_open`](Self::on_open) and [`on_message`](Self::on_message) decide whether they may.
    fn room(&mut self, _topic: &str) -> Option<Box<dyn Room>> {
        None
    }
}

/// What has happened to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicEvent {
    /// It has subscribers, and had none.
    Occupied,
    /// It has none any more.
    Vacated,
}

/// The kind of a new connection.
#[non_exhaustive]
pub enum Opening<'b> {
    /// A valid WebSocket upgrade, for the application to accept.
    WebSocket(&'b Request<'b>),
    /// A request for an event stream, for which [`Handler::wants_events`] returned `true`.
    Events(&'b Request<'b>),
    /// A connection to a TCP port.
    Tcp {
        /// The listener's topic.
        topic: &'b Topic,
        /// The role of the listener's connections. The handler enforces it.
        role: Role,
        /// What connections that receive get first ([`Listener::last`](crate::Listener::last)).
        since: Since,
        /// The first frame of the connection, if the listener asks for a credential
        /// ([`Listener::credential`](crate::Listener::credential)) and the server does not check it
        /// ([`ServerBuilder::auth`](crate::ServerBuilder::auth)).
        credential: Option<&'b [u8]>,
    },
}

impl fmt::Debug for Opening<'_> {
    /// Without the credential, and of a request the path alone: its fields and its query may have
    /// one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebSocket(request) => f.debug_tuple("WebSocket").field(&request.path).finish(),
            Self::Events(request) => f.debug_tuple("Events").field(&request.path).finish(),
            Self::Tcp { topic, role, .. } => f
                .debug_struct("Tcp")
                .field("topic", topic)
                .field("role", role)
                .finish_non_exhaustive(),
        }
    }
}

/// One message of a client.
#[derive(Clone, Copy, Debug)]
pub struct Message<'b> {
    /// Text or binary; over TCP as the listener and its framing define it.
    pub kind: Kind,
    /// The bytes; valid UTF-8 if it is text.
    pub payload: &'b [u8],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::http::{Head, HeadLimits, NO_HEADERS, parse_head};

    #[test]
    fn an_opening_is_printed_without_a_credential() {
        let head = b"GET /ws?access_token=secret HTTP/1.1\r\nHost: a\r\n\
            Authorization: Bearer secret\r\n\r\n";
        let mut headers = NO_HEADERS;
        let parsed = parse_head(head, &mut headers, HeadLimits::default());
        let Ok(Head::Complete { request, .. }) = parsed else {
            panic!("{parsed:?}");
        };
        let topic = Topic::unchecked("room");
        let tcp = Opening::Tcp {
            topic: &topic,
            role: Role::Both,
            since: Since::Default,
            credential: Some(b"secret"),
        };
        let all = [Opening::WebSocket(&request), Opening::Events(&request), tcp];
        let expected =
            "[WebSocket(\"/ws\"), Events(\"/ws\"), Tcp { topic: \"room\", role: Both, .. }]";
        assert_eq!(format!("{all:?}"), expected);
    }
}
