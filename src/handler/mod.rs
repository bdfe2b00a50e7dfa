//! The interface of an application: its callbacks and their results.

mod boxed;
mod history;
mod opening;
mod outcome;
mod presence;
mod publish;
mod room;
mod room_event;
mod session;
mod shared;
mod subscribe;
mod user;

use std::time::Duration;

pub use history::{HistoryError, HistoryMessage, HistoryPage, HistoryReply, HomeReply};
pub(crate) use history::{TopicHistory, history_calls};
pub use opening::{Message, Opening};
pub use outcome::{Busy, Halt, PublishError, Refusal, Sent, Unanswered};
pub(crate) use outcome::{Wait, check_message};
pub use presence::{Census, PresenceError, PresenceList, TopicEvent};
pub(crate) use presence::{TopicFilter, census_calls, presence_calls};
pub use publish::{Extras, Publish};
pub use room::{Publisher, Room, RoomCx};
pub(crate) use room_event::{Event, Output};
pub use session::{
    ConnectCommand, Connected, Failure, Grant, PublishCommand, Query, RpcCommand,
    ServerSubscription, SessionStream, SubscribeCommand, Subscribed,
};
pub use shared::SharedMessage;
pub use subscribe::Subscribe;
pub use user::{ConnectionInfo, Disconnect, Selection, UserError};
pub(crate) use user::{Reply, user_calls};

use crate::close_reason::CloseReason;
use crate::proto::centrifuge::{DisconnectCode, ErrorCode};
use crate::proto::http::{Request, Response};
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

    /// Decides about a client that connects, on a connection that speaks the structured protocol
    /// ([`Cx::open_session`]). Its token is checked before; its identity is
    /// [`Cx::principal`], here and in the callbacks about its commands.
    ///
    /// # Errors
    ///
    /// After a [`Failure::Error`] the client can do nothing more on this connection.
    fn on_connect(
        &mut self,
        _cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        _connect: &ConnectCommand<'_>,
    ) -> Result<Connected, Failure> {
        Ok(Connected::default())
    }

    /// Decides about a subscription that the client of a session asks for. By default, a token for
    /// this subscription decides, and without one the right to subscribe to the topic.
    ///
    /// # Errors
    ///
    /// The client may not.
    fn on_subscribe(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        subscribe: &SubscribeCommand<'_>,
    ) -> Result<Subscribed, Failure> {
        cx.decide_subscribe(subscribe)
    }

    /// Decides about a message that the client of a session publishes. By default, the right to
    /// publish to the topic decides.
    ///
    /// # Errors
    ///
    /// The client may not.
    fn on_publish(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        publish: &PublishCommand<'_>,
    ) -> Result<(), Failure> {
        cx.decide_publish(publish)
    }

    /// Decides about a question of the client of a session about a topic. By default, the right to
    /// the topic's presence or history decides.
    ///
    /// # Errors
    ///
    /// The client may not.
    fn on_query(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        query: Query,
        channel: &str,
    ) -> Result<(), Failure> {
        cx.decide_query(query, channel)
    }

    /// Answers a question of the client of a session: with JSON, or with any bytes if the client
    /// uses protobuf.
    ///
    /// # Errors
    ///
    /// By default there is nothing to ask.
    fn on_rpc(
        &mut self,
        _cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        _rpc: &RpcCommand<'_>,
    ) -> Result<Vec<u8>, Failure> {
        Err(ErrorCode::NotAvailable.into())
    }

    /// Handles what the client of a session sends to the application without waiting for an answer.
    ///
    /// # Errors
    ///
    /// A [`Failure::Error`] is dropped, as nothing is answered. By default the connection is
    /// closed, as what is sent would never be read.
    fn on_send(
        &mut self,
        _cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        _data: &[u8],
    ) -> Result<(), Failure> {
        Err(DisconnectCode::NotAvailable.into())
    }

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

    /// Whether a GET without a body, or a POST with one, asks for a session of the structured
    /// protocol over HTTP. Then it goes to [`on_open`](Self::on_open) as [`Opening::Session`], and
    /// what follows is as on other sessions. Its first commands are the body, or `cf_connect` in
    /// the query; the client sends the others by requests ([`Cx::pass_commands`]).
    fn wants_session(&mut self, _request: &Request<'_>) -> Option<SessionStream> {
        None
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
