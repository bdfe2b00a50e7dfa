//! Pausing where there is no room, and what becomes of those connections once there is.

use std::sync::Arc;

use crate::counters::Limit;
use crate::handler::{Busy, Wait};
use crate::id::{ConnId, ConnKey};
use crate::limits::OUTBOX_BYTES_HIGH;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::{Conn, Kept, PeerInfo};
use crate::shard::core::inner::Inner;

impl<D, A> Inner<D, A> {
    /// Whether to resume a connection is no use in this turn: it has a request with a body, for
    /// which there is no time left.
    pub(crate) fn waits_to_offer(&mut self, id: ConnId) -> bool {
        let has_request = |conn: &mut Conn<D>| {
            let request = conn.protocol.http().and_then(|http| http.request.as_ref());
            request.is_some_and(|request| request.is_whole)
        };
        let share = self.work.share_of_bodies();
        self.work.is_used_up(share) && self.current(id).is_some_and(has_request)
    }

    /// Keeps a message that is to be offered later.
    pub(crate) fn keep_message(&mut self, key: ConnKey, message: Kept) {
        if let Some(conn) = self.conn(key) {
            conn.input.get_or_insert_default().message = Some(message);
        }
    }

    /// Has a paused connection read on when it has its turn.
    pub(crate) fn queue_resume(&mut self, key: ConnKey) {
        let pause = self.conn(key).map(|conn| conn.pause);
        if pause.is_some_and(|pause| !matches!(pause, Pause::None | Pause::Turn)) {
            self.wait_for_turn(key);
        }
    }

    /// Reads a connection no further before it has its turn.
    pub(crate) fn wait_for_turn(&mut self, key: ConnKey) {
        let id = self.id(key);
        self.pause_for(key, Pause::Turn);
        self.resumed.push_back(id);
    }

    /// Reads a connection no further.
    pub(crate) fn pause_for(&mut self, key: ConnKey, pause: Pause) {
        if let Some(conn) = self.conns.get_mut(key.index()) {
            self.counters.paused += u64::from(!conn.is_paused());
            conn.pause = pause;
        }
    }

    /// Reads a connection on.
    pub(crate) fn unpause(&mut self, key: ConnKey) {
        if let Some(conn) = self.conns.get_mut(key.index()) {
            self.counters.paused -= u64::from(conn.is_paused());
            conn.pause = Pause::None;
        }
    }
}

impl<D, A> Inner<D, A> {
    /// Reads a connection no further until there is room for its message.
    pub(crate) fn pause(&mut self, key: ConnKey, Busy(wait): Busy) {
        self.counters.pauses += 1;
        let id = self.id(key);
        if self.conn(key).is_none() {
            return;
        }
        if wait == Wait::Outbox {
            self.counters.hit(Limit::Outbox);
        }
        let Some(conn) = self.conn(key) else {
            return;
        };
        let is_read = conn.outbox_len() < OUTBOX_BYTES_HIGH;
        match wait {
            Wait::Home(home) => {
                self.pause_for(key, Pause::Space);
                self.paused[usize::from(home)].push(id);
            }
            Wait::Answer => self.wait_for_answer(key),
            Wait::Outside => self.wait_a_moment(key),
            Wait::Outbox if !is_read => self.pause_for(key, Pause::Outbox),
            Wait::Outbox | Wait::Turn => self.wait_for_turn(key),
        }
    }
}

impl<D, A> Inner<D, A> {
    /// The replies to a connection were read: its message has its turn to be inflated, or it is
    /// read on.
    pub(crate) fn queue_read(&mut self, key: ConnKey) {
        let id = self.id(key);
        if self.conn(key).is_some_and(|conn| conn.waits_to_inflate()) {
            self.inflation.queue_up(id);
            self.pause_for(key, Pause::Inflate);
        } else {
            self.queue_resume(key);
        }
    }
}

impl<D, A> Inner<D, A> {
    /// A handler that wanted to open a connection wants to answer its request after all: what it
    /// sent for the opening does not go out.
    pub(crate) fn give_up_opening(&mut self, key: ConnKey) {
        if self
            .conn(key)
            .is_some_and(|conn| conn.state == State::Deferred)
        {
            self.cork_unopened(key, false);
            self.discard_outbox(key);
        }
    }

    /// Has a connection that the handler has not opened yet sent nothing, or lets it go on.
    pub(crate) fn cork_unopened(&mut self, key: ConnKey, corked: bool) {
        let Some(conn) = self
            .conn(key)
            .filter(|conn| conn.state.is_corked() != corked)
        else {
            return;
        };
        conn.move_to(if corked {
            State::Deferred
        } else {
            State::Opening
        });
        self.set_apart(key, corked);
        self.set_held(key, true);
        self.mark_dirty(key);
    }

    pub(crate) fn peer_info(&self, key: ConnKey) -> Option<Arc<PeerInfo>> {
        let http = self.conns.get(key.index())?.protocol.http()?;
        http.peer_info.clone()
    }
}
