//! The application: what it is told, and what it answers.

mod outcome;
mod room;
mod shared;

use std::time::Duration;

pub use outcome::{Busy, Halt, PublishError, Refusal, Sent, Unanswered};
pub(crate) use outcome::{Wait, check_message};
pub(crate) use room::{Event, Output, check_topic};
pub use room::{Publisher, Room, RoomCx};
pub use shared::SharedMessage;

use crate::close_reason::CloseReason;
use crate::proto::http::{Request, Response};
use crate::proto::{Kind, Role};
use crate::shard::core::app::cx::Cx;
use crate::shard::core::app::shard_cx::ShardCx;
use crate::time::Tick;

/// An application on one shard.
///
/// One value is made for each shard, on the shard's own thread, so it needs neither `Send` nor
/// locks. Its callbacks run inside the shard's loop: they must not block, nor must the `log` that
/// the program has chosen, which shards write to. They may ask the shard for anything through
/// their context; none of it calls back before the callback has returned.
///
/// # Not now
///
/// A callback that meets [`Busy`], as there is no room for a message now, or that has to ask
/// another thread ([`Cx::defer`]), returns it. The connection is read no further then, and the
/// callback is made again, with the same message or request, when there is room or an answer.
/// What it did before it met `Busy` stays done. For room a message waits as long as it takes, or
/// until its connection is reset; a
/// request, and a connection that is to be opened, for
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout), and is then refused with 503.
///
/// # Descriptors
///
/// Each shard has a descriptor table of its own: a file descriptor opened in a callback is valid
/// on its shard's thread, and threads that it spawns, alone, and one opened elsewhere is not open
/// in a callback unless [`keep_descriptors`](crate::ServerBuilder::keep_descriptors) named it.
pub trait Handler: Sized + 'static {
    /// What the application keeps for each connection.
    type Conn: 'static;
    /// What other threads answer to [`Cx::defer`]; `()` where that is not used.
    type Answer: Send + 'static;

    /// A connection asks to be opened; the subscriptions made here are live before it is told so.
    ///
    /// # Errors
    ///
    /// [`Refusal::Respond`] refuses the connection; over TCP there is no way to say why, and it is
    /// closed.
    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        opening: &Opening<'_>,
    ) -> Result<Self::Conn, Refusal>;

    /// A message came in.
    ///
    /// # Errors
    ///
    /// [`Halt::Close`] closes the connection.
    fn on_message(
        &mut self,
        cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        message: Message<'_>,
    ) -> Result<(), Halt>;

    /// All that was [sent](Cx::send) to the connection has gone to its socket, after a send that
    /// answered [`Sent::Pressure`], or [`Sent::Dropped`] for want of room.
    fn on_drain(&mut self, _cx: &mut Cx<'_, Self::Conn, Self::Answer>) {}

    /// The connection is open no more; called for each `on_open` that returned `Ok`, unless the
    /// server is [stopped](crate::Handle::stop) at once.
    ///
    /// # Errors
    ///
    /// [`Halt::Wait`] as anywhere, but for an answer: nobody is asked about one who is gone.
    /// [`Halt::Close`] means nothing here.
    fn on_close(
        &mut self,
        _cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        _reason: CloseReason,
    ) -> Result<(), Halt> {
        Ok(())
    }

    /// Whether a GET without a body asks for a stream of server-sent events: it goes to
    /// [`on_open`](Self::on_open) then, as [`Opening::Events`]. A HEAD is answered as that would
    /// be, without asking more.
    fn wants_events(&mut self, _request: &Request<'_>) -> bool {
        false
    }

    /// Whether a request without a body is answered although its connection is one too many, for
    /// the server or for its address: whoever asks for the server's health is not to take a server
    /// that is full for one that is ill. Others are answered with 503 or 429.
    fn answers_when_full(&mut self, _request: &Request<'_>) -> bool {
        false
    }

    /// Answers a request with a body by its head alone, if that decides the answer; its body is not
    /// kept then. Otherwise it goes to [`on_request`](Self::on_request), once the body has come.
    fn on_head(&mut self, _request: &Request<'_>) -> Option<Response> {
        None
    }

    /// A request that asks for neither an upgrade nor events, with its whole body. The connection
    /// cannot subscribe. Further requests may come on it; each finds nothing of those before.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], which is a response as well, or has the request come again.
    fn on_request(
        &mut self,
        _cx: &mut Cx<'_, Self::Conn, Self::Answer>,
        _request: &Request<'_>,
    ) -> Result<Response, Refusal> {
        Ok(Response::text(404, "not found"))
    }

    /// How often [`on_tick`](Self::on_tick) is called, in whole or broken milliseconds, at least
    /// one; asked once, when the shard starts.
    fn tick_every(&self) -> Option<Duration> {
        None
    }

    /// It is time for the shard's own work.
    fn on_tick(&mut self, _cx: &mut ShardCx<'_, Self::Conn, Self::Answer>, _tick: Tick) {}

    /// What the application keeps for a topic whose home is this shard, if anything.
    ///
    /// Asked when the topic gets its first subscriber anywhere, or a message without having any;
    /// see [`Room`]. A topic without a room costs nothing here, and its messages go straight to
    /// its subscribers. If clients choose the names of topics, they make rooms: whether one may is
    /// for [`on_open`](Self::on_open) and [`on_message`](Self::on_message) to decide.
    fn room(&mut self, _topic: &str) -> Option<Box<dyn Room>> {
        None
    }
}

/// How a connection came.
#[derive(Debug)]
#[non_exhaustive]
pub enum Opening<'b> {
    /// A WebSocket upgrade, valid but for the application's word.
    WebSocket(&'b Request<'b>),
    /// A request for a stream of events, for which [`Handler::wants_events`] said yes.
    Events(&'b Request<'b>),
    /// A connection to the TCP port; it belongs to this topic.
    Tcp {
        /// The listener's topic.
        topic: &'b str,
        /// What the listener's connections are for: what it lets them do is the handler's business.
        role: Role,
    },
}

/// One message of a client.
#[derive(Clone, Copy, Debug)]
pub struct Message<'b> {
    /// Text or binary; over TCP as the listener and its framing have it.
    pub kind: Kind,
    /// Its bytes; valid UTF-8 if it is text.
    pub payload: &'b [u8],
}
