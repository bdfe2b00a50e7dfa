//! Questions to other threads, and waits for a moment to pass: a connection is paused until then.

use std::time::Duration;

use crate::handler::{Busy, Handler, Wait};
use crate::id::ConnKey;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::Conn;
use crate::shard::core::conn::state::Pause;
use crate::shard::core::conns::questions::{Answered, Deferred};
use crate::shard::core::shard::Shard;
use crate::time::Now;

impl<D, A> Shard<D, A> {
    /// Opens a question of a connection.
    pub(crate) fn defer(&mut self, key: ConnKey, timeout: Duration) -> (Deferred<A>, Busy) {
        let conn = self.conns.get(key);
        let is_asking = conn.is_some_and(Conn::is_asking);
        let (id, deadline) = (self.conns.id(key), self.env.now.plus(timeout));
        let deferred = self.questions.open(id, deadline, is_asking);
        (deferred, Busy(Wait::Answer))
    }

    /// No answer has come in time.
    pub(crate) fn give_up_question(&mut self, key: ConnKey) {
        let was_asked = !self.questions.is_pause(key);
        self.questions.give_up(key);
        self.stop_asking(key, was_asked);
    }

    /// Offers a paused connection its message again after a moment: no event will tell when what it
    /// waits for has come.
    pub(super) fn wait_a_moment(&mut self, key: ConnKey) {
        self.wait_until(key, self.env.now.plus(MOMENT));
    }

    /// Offers a connection its message again when that moment has passed, and reads it no further
    /// until then.
    pub(crate) fn wait_until(&mut self, key: ConnKey, deadline: Now) {
        self.questions.pause_until(key, deadline);
        self.conns.pause_for(&mut self.env, key, Pause::Moment);
        self.arm(key);
    }

    /// A paused connection waits for its answer, if there is a question and it was not answered.
    pub(super) fn wait_for_answer(&mut self, key: ConnKey) {
        if self.questions.awaits_answer(key) {
            self.conns.pause_for(&mut self.env, key, Pause::Answer);
        } else {
            self.conns.wait_for_turn(&mut self.env, key);
        }
        self.arm(key);
    }

    fn stop_asking(&mut self, key: ConnKey, was_asked: bool) {
        let stamp = self.env.now.stamp();
        if let Some(conn) = self.conns.live(key)
            && conn.is_asking()
        {
            if was_asked {
                // The question had a deadline of its own. What is waited for next has one too.
                conn.heard = stamp;
            }
            self.conns.queue_resume(&mut self.env, key);
        }
    }
}

impl<H: Handler> ShardCore<H> {
    /// Another thread has answered.
    pub fn handle_answer(&mut self, answered: Answered<H::Answer>) {
        let Answered {
            conn: id,
            ticket,
            answer,
        } = answered;
        let conn = self.shard.conns.current(id);
        let is_waiting = conn.is_some_and(|conn| !conn.state.is_closing() && conn.is_paused());
        if is_waiting && self.shard.questions.take_answer(id.key, ticket, answer) {
            self.shard.stop_asking(id.key, true);
        }
    }
}

/// Between two looks at what no event tells of.
const MOMENT: Duration = Duration::from_millis(64);
