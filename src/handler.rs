//! The application: what it is told, and what it answers.

use crate::close_reason::CloseReason;
use crate::id::ShardId;
use crate::proto::Kind;
use crate::proto::http::{Request, Response};
use crate::shard::cx::Cx;

/// An application on one shard.
///
/// One value is made for each shard, on the shard's own thread, so it needs neither `Send` nor
/// locks. Its callbacks run inside the shard's loop: they must not block. They may ask the shard
/// for anything through their context; none of it calls back before the callback has returned.
///
/// Each shard has a descriptor table of its own: a file descriptor opened in a callback is valid
/// on its shard's thread, and threads that it spawns, alone, and one opened elsewhere is not open
/// in a callback unless [`keep_descriptors`](crate::ServerBuilder::keep_descriptors) named it.
pub trait Handler: Sized + 'static {
    /// What the application keeps for each connection.
    type Conn: 'static;

    /// A connection asks to be opened; the subscriptions made here are live before it is told so.
    ///
    /// # Errors
    ///
    /// The response refuses the connection. Over TCP there is none to send: it is closed.
    fn on_open(
        &mut self,
        cx: &mut Cx<'_, Self::Conn>,
        opening: &Opening<'_>,
    ) -> Result<Self::Conn, Response>;

    /// A message came in.
    ///
    /// # Errors
    ///
    /// After [`Busy`] the connection is read no further, and the same message is offered again
    /// when there is room. What the callback did before it met `Busy` stays done.
    fn on_message(&mut self, cx: &mut Cx<'_, Self::Conn>, message: Message<'_>)
    -> Result<(), Busy>;

    /// The connection is open no more; called once for each `on_open` that returned `Ok`, unless
    /// the server is [stopped](crate::Handle::stop) at once.
    fn on_close(&mut self, _cx: &mut Cx<'_, Self::Conn>, _reason: CloseReason) {}

    /// A request that does not ask for an upgrade.
    fn on_request(&mut self, _request: &Request<'_>) -> Response {
        Response::text(404, "not found")
    }
}

/// How a connection came.
#[derive(Debug)]
pub enum Opening<'b> {
    /// A WebSocket upgrade, valid but for the application's word.
    WebSocket(&'b Request<'b>),
    /// A connection to the TCP port; it belongs to this topic.
    Tcp {
        /// The listener's topic.
        topic: &'b str,
    },
}

/// One message of a client.
#[derive(Clone, Copy, Debug)]
pub struct Message<'b> {
    /// Text or binary; over TCP always binary.
    pub kind: Kind,
    /// Its bytes; valid UTF-8 if it is text.
    pub payload: &'b [u8],
}

/// There is no room now. Returned from [`Handler::on_message`], it pauses the connection until
/// there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for the message now")]
pub struct Busy(pub(crate) Wait);

/// What a paused connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Room on the way to the home shard of a topic.
    Home(ShardId),
    /// Its own unsent replies.
    Outbox,
}
