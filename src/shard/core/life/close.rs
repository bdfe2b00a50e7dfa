//! How connections end: with a last word where there is one to say, at once where not.

use crate::close_reason::CloseReason;
use crate::counters::status_index;
use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::limits::WORK_OF_UNSUBSCRIBING;
use crate::proto::http::Response;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::http::Phase;
use crate::shard::core::conn::session;
use crate::shard::core::conn::state::State;
use crate::shard::core::conn::{ACCEPTED, BLOCKED, READ_ENDED, SPILLED, UNPROCESSED};
use crate::shard::core::ingress::protocol::{AtEnd, LastWord, Protocol};
use crate::shard::core::shard::Shard;
use crate::topic::sink::Sock;

impl<D, A> Shard<D, A> {
    /// Ends a connection: what its outbox holds is sent, then the last word, then nothing.
    pub(crate) fn close(&mut self, key: ConnKey, reason: CloseReason) {
        self.close_with(key, reason, &LastWord::Reason(reason));
    }

    /// Answers a client's close frame.
    pub(crate) fn answer_close(&mut self, key: ConnKey, code: Option<u16>, reason: &str) {
        let echo = LastWord::Given { code, reason };
        self.close_with(key, CloseReason::Client, &echo);
    }

    /// Ends a connection as [`close`](Self::close) does, with this last word.
    pub(crate) fn close_with(&mut self, key: ConnKey, reason: CloseReason, word: &LastWord<'_>) {
        let Some(conn) = self.conns.live(key).filter(|conn| !conn.state.is_closing()) else {
            return;
        };
        if conn.state.is_corked() && conn.protocol.session().is_none() {
            // The client was not told yet that it is connected: there is no word to say.
            self.kill(key, reason);
            return;
        }
        let mut last = Vec::new();
        conn.protocol.encode_last_word(conn.form, word, &mut last);
        self.close_saying(key, reason, &last);
    }

    /// Ends a connection with these bytes as its last word.
    pub(crate) fn close_saying(&mut self, key: ConnKey, reason: CloseReason, last: &[u8]) {
        let stamp = self.env.now.stamp();
        self.end(key, reason);
        if !last.is_empty() {
            self.reply(key, |out| out.extend_from_slice(last));
        }
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        conn.move_to(State::Closing);
        conn.heard = stamp;
        // What came while it was paused, of which no event will tell again: a client that writes
        // before it reads would never read the last word.
        let id = self.conns.id(key);
        self.conns.reads.release(id);
        self.pubsub.mark_dirty(&mut self.conns, key);
        self.arm(key);
    }

    /// Ends a connection that could not be opened in time.
    pub(crate) fn refuse_late(&mut self, key: ConnKey) {
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        if conn.is(BLOCKED) {
            return self.kill(key, CloseReason::Stalled);
        }
        // An upgrade that waits has no answer before it in the outbox.
        if conn.state.is_corked() || conn.protocol.frames().is_some() {
            self.cork_unopened(key, false);
            self.conns.discard_outbox(key);
        }
        let http = self.conns.http(key);
        let is_answered = http.as_ref().and_then(|http| http.request.as_ref());
        if is_answered.is_some_and(|request| request.is_answered) {
            return self.close(key, CloseReason::HandshakeTimeout);
        }
        let refusal = match self.conns.http(key).map(|http| http.phase) {
            Some(Phase::Idle) => return self.close(key, CloseReason::IdleTimeout),
            Some(Phase::Handler) => {
                let text = "the server has no space for the request now";
                // RFC 9110 10.2.3: in seconds.
                Some(Response::text(503, text).with_header("Retry-After", "1"))
            }
            Some(Phase::Head | Phase::Body) => {
                Some(Response::text(408, "the request did not come in time"))
            }
            // A client that has sent no request gets no answer: it would take that for the answer
            // to the request that it sends now (RFC 9110 15.5.9 is for an incomplete request).
            Some(Phase::New) | None => None,
        };
        if let Some(refusal) = refusal {
            // The close tells another reason than the status.
            self.env.counters.refused[status_index(refusal.status)] += 1;
            if let Some(head) = self.take_head(key) {
                self.respond_to_head(key, &head, &refusal);
            } else {
                self.reply_without_request(key, &refusal);
            }
        }
        self.close(key, CloseReason::HandshakeTimeout);
    }

    /// The head of the request in hand, if it is complete.
    pub(crate) fn take_head(&mut self, key: ConnKey) -> Option<Vec<u8>> {
        let conn = self.conns.live(key)?;
        let http = conn.protocol.http_mut()?;
        match http.request.take() {
            Some(collected) => Some(collected.head),
            // One without a body stays where it came.
            None if http.phase == Phase::Handler => Some(conn.input.take()?.bytes),
            None => None,
        }
    }

    /// Ends a connection at once; its socket is closed at the end of the turn.
    pub(crate) fn kill(&mut self, key: ConnKey, reason: CloseReason) {
        if self.conns.live(key).is_none() {
            return;
        }
        self.end(key, reason);
        if let Some(conn) = self.conns.live(key) {
            conn.move_to(State::Dead);
            conn.outbox = None;
            let lingered = conn.protocol.linger().is_some();
            self.conns.lingering.forget_early(key);
            self.conns.ends.note_dead(key);
            if lingered {
                self.conns.lingering.note_gone();
            }
        }
    }

    /// Takes a connection out of everything but the slab.
    pub(crate) fn end(&mut self, key: ConnKey, reason: CloseReason) {
        let id = self.conns.id(key);
        // Without its subscriptions it would wait for nothing more, and be told that it is
        // connected.
        if let Some(session) = self.conns.session(key) {
            session.phase = session::Phase::Refused;
        }
        if let Some(conn) = self.conns.get_mut(key) {
            // One is paid for by its end.
            let others = conn.subs.count().saturating_sub(1);
            self.env.work.charge(others * WORK_OF_UNSUBSCRIBING);
            conn.subs.write_all();
        }
        while let Some(topic) = self
            .conns
            .get(key)
            .and_then(|conn| conn.subs.as_slice().last().map(|sub| sub.topic))
        {
            self.pubsub
                .unsubscribe(&mut self.conns, &mut self.env, key, topic);
        }
        self.pubsub.leave_user(&mut self.conns, &mut self.env, key);
        self.questions.forget(key);
        self.conns.contexts.forget(key);
        self.conns.forget_holder(key, self.env.now);
        let Some(conn) = self.conns.get_mut(key) else {
            return;
        };
        conn.input = None;
        conn.protocol.clear();
        conn.set(SPILLED | UNPROCESSED, false);
        if conn.state != State::Closing {
            self.conns.ends.note_ended(id, reason);
        }
        self.conns.unpause(&mut self.env, key);
    }

    /// The client has closed its side.
    pub(crate) fn read_ended(&mut self, key: ConnKey) {
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        conn.set(READ_ENDED, true);
        match Protocol::at_end(conn) {
            AtEnd::Nothing => {}
            AtEnd::Close(reason) => self.close(key, reason),
            AtEnd::Kill(reason) => self.kill(key, reason),
            AtEnd::ListenOn => {
                conn.input = conn
                    .input
                    .take()
                    .filter(|input| input.message.is_some() || input.arrival.is_some());
                self.account(key);
                // Whether it listens on is to be seen from now on.
                self.arm(key);
            }
        }
    }
}

impl<H: Handler> ShardCore<H> {
    /// Frees dead connections, and hands out their sockets, which are to be closed. To be called
    /// after `settle`, at the end of the turn. The flag says that it was one too many.
    pub fn reap(&mut self, mut close: impl FnMut(ConnId, Sock, bool)) {
        let mut dead = self.shard.conns.ends.take_dead();
        dead.retain(|&key| {
            let conns = &mut self.shard.conns;
            if conns.get(key).is_some_and(|conn| conn.is(ACCEPTED)) {
                // The handler has still to be told.
                return true;
            }
            let id = conns.id(key);
            if let Some(conn) = conns.remove(key) {
                self.shard.env.counters.blocked -= u64::from(conn.is(BLOCKED));
                close(id, conn.sock, conn.is_overflow);
            }
            false
        });
        self.shard.conns.ends.give_dead(dead);
        self.shard.env.counters.connections = self.shard.conns.len() as u64;
    }
}
