//! What a callback sends to its own connection.

use std::any::Any;

use crate::close_reason::CloseReason;
use crate::handler::{Busy, PublishError, Sent, Wait};
use crate::limits::OUTBOX_BYTES_HIGH;
use crate::proto::Kind;
use crate::shard::core::app::cx::Cx;
use crate::shard::core::conn::ACCEPTED;

impl<D, A> Cx<'_, D, A> {
    /// Answers a message of this connection: sends to it alone, and keeps the pace of the client.
    ///
    /// # Errors
    ///
    /// [`PublishError::Busy`] while more than [`OUTBOX_BYTES_HIGH`] bytes for it are unsent, or the
    /// shard has as many unread replies as it may. If the callback returns it, the connection is
    /// paused until its client has read.
    pub fn reply(&mut self, kind: Kind, payload: &[u8]) -> Result<(), PublishError> {
        self.shard.check_message(kind, payload)?;
        let Some(conn) = self
            .shard
            .conns
            .live(self.key)
            .filter(|conn| !conn.state.is_closing())
        else {
            return Ok(());
        };
        if OUTBOX_BYTES_HIGH < conn.own_len() || self.shard.usage().is_full_of_replies() {
            return Err(PublishError::Busy(Busy(Wait::Outbox)));
        }
        self.shard.reply_message(self.key, kind, payload);
        Ok(())
    }

    /// Sends to this connection alone, whether it asked or not, and says what became of it: up to
    /// [`OUTBOX_BYTES_PRESSURE`](crate::limits::OUTBOX_BYTES_PRESSURE) unsent bytes it is
    /// [`Sent::Queued`], up to [`OUTBOX_BYTES_HIGH`] it is queued under [`Sent::Pressure`], and
    /// beyond it is [`Sent::Dropped`].
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Sent {
        match self.shard.check_message(kind, payload) {
            Ok(()) => self.shard.send(self.key, kind, payload),
            Err(_) => Sent::Dropped,
        }
    }

    /// Bytes for this connection alone that its socket has not taken yet. What it has still to
    /// get of its topics is among them only where it was begun, or is kept for it apart
    /// ([`SlowConsumer::DropNewest`](crate::SlowConsumer::DropNewest)).
    pub fn buffered(&self) -> usize {
        let conn = self.shard.conns.get(self.key);
        conn.map_or(0, |conn| conn.own_len())
    }

    /// Closes the connection once its replies are sent.
    pub fn close(&mut self, reason: CloseReason) {
        if self
            .shard
            .conns
            .live(self.key)
            .is_some_and(|conn| conn.is(ACCEPTED))
        {
            self.shard.close(self.key, reason);
        }
    }
}

impl<D, A> Cx<'_, D, A> {
    /// What [`note_done`](Self::note_done) has noted of the request in hand; 0 if nothing.
    pub fn done(&self) -> usize {
        let conn = self.shard.conns.get(self.key);
        let http = conn.and_then(|conn| conn.protocol.http());
        http.map_or(0, |http| http.done)
    }

    /// Notes how much of a request is done, in [`on_request`](crate::Handler::on_request) before
    /// it returns [`Busy`]: one that publishes several messages must not begin again at
    /// the first.
    pub fn note_done(&mut self, steps: usize) {
        if let Some(http) = self.shard.conns.http(self.key) {
            http.done = steps;
        }
    }

    /// Takes what [`keep_work`](Self::keep_work) has kept of the request in hand.
    pub(crate) fn take_work<T: Any>(&mut self) -> Option<Box<T>> {
        let http = self.shard.conns.http(self.key)?;
        http.work.take()?.downcast().ok()
    }

    /// Keeps what the application is doing for the request in hand, before it has to wait.
    pub(crate) fn keep_work<T: Any>(&mut self, work: Box<T>) {
        if let Some(http) = self.shard.conns.http(self.key) {
            http.work = Some(work);
        }
    }
}
