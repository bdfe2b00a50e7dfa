//! Connections are paused where there is no space for what they send, and go on once there is.

use crate::counters::Limit;
use crate::handler::{Busy, Wait};
use crate::id::ConnKey;
use crate::limits::OUTBOX_BYTES_HIGH;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::shard::Shard;

impl<D, A> Shard<D, A> {
    /// Reads a connection no further until there is space for its message.
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
        let is_read = conn.own_len() < OUTBOX_BYTES_HIGH;
        match wait {
            Wait::Home(home) => {
                self.conns.pause_for(&mut self.env, key, Pause::Space);
                self.conns.waits.space[home.index()].push(id);
            }
            Wait::Verification => {
                self.conns
                    .pause_for(&mut self.env, key, Pause::Verification);
                self.conns.waits.verification.push_back(id);
            }
            Wait::Answer => self.wait_for_answer(key),
            Wait::Outside => self.wait_a_moment(key),
            Wait::Paused => {}
            Wait::Until(moment) => self.wait_until(key, moment),
            Wait::Outbox if !is_read => self.conns.pause_for(&mut self.env, key, Pause::Outbox),
            Wait::Outbox | Wait::Turn => self.conns.wait_for_turn(&mut self.env, key),
        }
    }

    /// A handler that wanted to open a connection wants to answer its request after all: what it
    /// sent for the opening does not go out, and it has no user.
    pub(crate) fn give_up_opening(&mut self, key: ConnKey) {
        if self
            .conns
            .live(key)
            .is_some_and(|conn| conn.state == State::Deferred)
        {
            self.cork_unopened(key, false);
            self.conns.discard_outbox(key);
            self.conns.forget_user(key);
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
        self.pubsub.set_detached(&self.conns, key, corked);
        self.pubsub.set_outbox_first(&self.conns, key, true);
        self.pubsub.mark_all_dirty(&mut self.conns, key);
    }
}
