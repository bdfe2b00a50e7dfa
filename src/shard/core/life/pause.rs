//! Connections are paused where there is no space for what they send, and go on once there is.

use crate::counters::Limit;
use crate::handler::{Busy, Wait};
use crate::id::{ConnId, ConnKey};
use crate::limits::OUTBOX_BYTES_HIGH;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::{Conn, WaitingMessage};
use crate::shard::core::shard::Shard;

impl<D, A> Shard<D, A> {
    /// Whether to resume a connection is no use in this turn: it has a request with a body, for
    /// which there is no time left.
    pub(crate) fn waits_to_offer(&mut self, id: ConnId) -> bool {
        let has_request = |conn: &mut Conn<D>| {
            let request = conn.protocol.http().and_then(|http| http.request.as_ref());
            request.is_some_and(|request| request.is_whole)
        };
        let share = self.env.work.share_of_bodies();
        self.env.work.is_used_up(share) && self.conns.current(id).is_some_and(has_request)
    }

    /// Keeps a message that is to be offered later.
    pub(crate) fn keep_message(&mut self, key: ConnKey, message: WaitingMessage) {
        if let Some(conn) = self.conns.live(key) {
            conn.input.get_or_insert_default().message = Some(message);
        }
    }

    /// Reads a connection no further until there is room for its message.
    pub(crate) fn pause(&mut self, key: ConnKey, Busy(wait): Busy) {
        self.env.counters.pauses += 1;
        let id = self.conns.id(key);
        if self.conns.live(key).is_none() {
            return;
        }
        if wait == Wait::Outbox {
            self.env.counters.hit(Limit::Outbox);
        }
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        let is_read = conn.outbox_len() < OUTBOX_BYTES_HIGH;
        match wait {
            Wait::Home(home) => {
                self.conns.pause_for(&mut self.env, key, Pause::Space);
                self.conns.waits.space[home.index()].push(id);
            }
            Wait::Answer => self.wait_for_answer(key),
            Wait::Outside => self.wait_a_moment(key),
            Wait::Outbox if !is_read => self.conns.pause_for(&mut self.env, key, Pause::Outbox),
            Wait::Outbox | Wait::Turn => self.conns.wait_for_turn(&mut self.env, key),
        }
    }

    /// The replies to a connection were read: its message has its turn to be inflated, or it is
    /// read on.
    pub(crate) fn queue_read(&mut self, key: ConnKey) {
        let id = self.conns.id(key);
        if self
            .conns
            .live(key)
            .is_some_and(|conn| conn.waits_to_inflate())
        {
            self.conns.waits.inflate.push_back(id);
            self.conns.pause_for(&mut self.env, key, Pause::Inflate);
        } else {
            self.conns.queue_resume(&mut self.env, key);
        }
    }

    /// A handler that wanted to open a connection wants to answer its request after all: what it
    /// sent for the opening does not go out.
    pub(crate) fn give_up_opening(&mut self, key: ConnKey) {
        if self
            .conns
            .live(key)
            .is_some_and(|conn| conn.state == State::Deferred)
        {
            self.cork_unopened(key, false);
            self.conns.discard_outbox(key);
        }
    }

    /// Has a connection that the handler has not opened yet sent nothing, or lets it go on.
    pub(crate) fn cork_unopened(&mut self, key: ConnKey, corked: bool) {
        let Some(conn) = self
            .conns
            .live(key)
            .filter(|conn| conn.state.is_corked() != corked)
        else {
            return;
        };
        conn.move_to(if corked {
            State::Deferred
        } else {
            State::Opening
        });
        self.pubsub.set_apart(&self.conns, key, corked);
        self.pubsub.set_held(&self.conns, key, true);
        self.pubsub.mark_dirty(&mut self.conns, key);
    }
}
