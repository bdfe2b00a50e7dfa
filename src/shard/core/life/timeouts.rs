//! Timeouts: connections are looked at when their deadline may have passed.

use std::time::Duration;

use crate::close_reason::CloseReason;
use crate::handler::Handler;
use crate::id::ConnKey;
use crate::limits::CLOSE_AFTER_MAX;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::session::Session;
use crate::shard::core::conn::state::State;
use crate::shard::core::conn::{BLOCKED, PINGED};
use crate::shard::core::conns::grace::Polled;
use crate::shard::core::ingress::protocol::KeepAlive;
use crate::shard::core::life::deadlines::Deadlines;
use crate::shard::core::shard::Shard;
use crate::time::{Now, Stamp, TICK_MS};

impl<D, A> Shard<D, A> {
    fn deadlines(&self) -> Deadlines<'_, D, A> {
        Deadlines {
            env: &self.env,
            conns: &self.conns,
            questions: &self.questions,
            fanout: &self.pubsub.fanout,
            is_draining: self.drain.is_some(),
        }
    }

    /// Makes sure that the wheel has the connection no later than its deadline.
    pub(crate) fn arm(&mut self, key: ConnKey) {
        let Some(conn) = self.conns.get(key) else {
            return;
        };
        let Some(deadline) = self.deadlines().of(key, conn) else {
            return;
        };
        // The wheel rounds up: compared with the deadline itself, one that is in the wheel already
        // would be put there again.
        if conn.armed <= self.conns.timers.place_of(deadline) {
            return;
        }
        self.arm_at(key, deadline);
    }

    /// The same for all connections.
    pub(crate) fn arm_all(&mut self) {
        for key in self.conns.keys() {
            self.arm(key);
        }
    }

    /// Has a connection closed after this time with [`CloseReason::Expired`].
    pub(crate) fn close_after(&mut self, key: ConnKey, time: Duration) {
        let until = self.stamp_after(time);
        if let Some(conn) = self.conns.live(key) {
            conn.until = until;
            self.arm(key);
        }
    }

    /// Has a session end after this time, whatever the application says of its connection.
    pub(crate) fn end_session_after(&mut self, key: ConnKey, time: Duration) {
        let until = self.stamp_after(time);
        // One that is to end already does not go on with a new token.
        let session = self.conns.session(key);
        if let Some(session) = session.filter(|session| session.end.is_none()) {
            session.until = until;
            self.arm(key);
        }
    }

    fn stamp_after(&self, time: Duration) -> Stamp {
        // A stamp is rounded down.
        let end = self.env.now.plus(time.saturating_add(STAMP_ROUNDING));
        if time < CLOSE_AFTER_MAX {
            end.stamp()
        } else {
            Stamp::NEVER
        }
    }

    /// The same for one of both, at a second since the beginning of 1970; 0 is never.
    pub(crate) fn expire_at(&mut self, key: ConnKey, at: u64) {
        let left = match at {
            0 => Duration::MAX,
            _ => self.env.left_until(at),
        };
        if self.conns.has_session(key) {
            self.end_session_after(key, left);
        } else {
            self.close_after(key, left);
        }
    }

    fn arm_at(&mut self, key: ConnKey, at: Now) {
        let armed = self.conns.timers.arm(key, at);
        if let Some(conn) = self.conns.get_mut(key) {
            conn.armed = armed;
        }
    }

    /// Looks at every connection with a deadline that may have passed, as far as there is time: a
    /// session may have any number of subscriptions that end.
    pub(crate) fn pass_time(&mut self, budget: usize) {
        let judged = self.conns.timers.grace.until();
        let mut expired = self.conns.timers.take_expired(budget);
        for (key, tick) in expired.drain(..) {
            let conn = self.conns.live(key).filter(|conn| conn.armed == tick);
            let Some(conn) = conn else {
                continue;
            };
            conn.armed = Stamp::NEVER;
            if self.env.work.is_spent() {
                self.arm_at(key, self.env.now.plus(Duration::from_millis(1)));
                continue;
            }
            let is_expired = conn.is_expired(judged);
            let is_aged = self
                .conns
                .lifetimes
                .end(key)
                .is_some_and(|end| end <= judged);
            if !is_expired && !is_aged && self.conns.reads.has(key) {
                // What it has sent in time may be among what is not read yet; but no client may
                // put off its end by what it sends.
                self.arm_at(key, self.env.now.plus(Duration::from_millis(1)));
            } else {
                self.look_at(key);
            }
        }
        self.conns.timers.give_expired(expired);
    }

    fn look_at(&mut self, key: ConnKey) {
        let judged = self.conns.timers.grace.until();
        let stamp = self.env.now.stamp();
        let Some(conn) = self.conns.get(key) else {
            return;
        };
        let deadlines = self.deadlines();
        let deadline = deadlines.of(key, conn);
        if deadline.is_none_or(|deadline| judged < deadline) {
            self.arm(key);
            return;
        }
        if conn.sub_expiry().is_some_and(|end| end <= judged) {
            return self.expire_subs(key, judged);
        }
        let waits_to_discard = deadlines.waits_to_discard(conn);
        let given_up = deadlines.opening(conn);
        let progress = self.conns.progress_deadline(&self.env.config, conn);
        let comes_slowly = progress.is_some_and(|deadline| deadline <= judged);
        let is_expired = conn.is_expired(judged);
        let lifetime = deadlines.lifetime(key, conn);
        let is_aged = lifetime.is_some_and(|end| end <= judged);
        let is_heartbeat = deadlines.heartbeat(conn).is_some_and(|due| due <= judged)
            && self
                .env
                .config
                .tcp_idle_timeout
                .is_none_or(|timeout| judged < conn.heard.moment().plus(timeout));
        let is_over = self.questions.is_late(key, judged)
            && given_up.is_none_or(|deadline| judged < deadline);
        let is_quiet = self.is_quiet();
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        if conn.protocol.linger().is_some() {
            self.step_lingering(key);
        } else if waits_to_discard {
            self.step_early(key);
        } else if conn.state == State::Closing {
            self.kill(key, CloseReason::Client);
        } else if conn.is_asking() && is_over {
            self.give_up_question(key);
        } else if conn.state.is_opening() {
            self.refuse_late(key);
        } else if conn.state == State::Corked || is_expired {
            let reason = conn.end_reason();
            self.close(key, reason);
        } else if is_aged {
            self.close(key, CloseReason::Lifetime);
        } else if comes_slowly {
            self.close(key, CloseReason::SlowMessage);
        } else if conn.is(BLOCKED) {
            self.kill(key, CloseReason::Stalled);
        } else if is_heartbeat {
            if conn.outbox_len() == 0 {
                self.send_heartbeat(key);
            }
            self.arm(key);
        } else if is_quiet {
            // Nothing is read that could be a sign of life.
            conn.heard = stamp;
            if let Some(session) = conn.protocol.session_mut() {
                session.begin_pings(self.env.now.plus(self.env.config.ping_interval));
            }
            self.arm(key);
        } else {
            self.keep_alive(key);
        }
    }

    /// A connection has been silent for its time.
    fn keep_alive(&mut self, key: ConnKey) {
        let stamp = self.env.now.stamp();
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        let keep_alive = conn.protocol.keep_alive();
        if conn.is(PINGED) || keep_alive == KeepAlive::Client {
            return self.close(key, CloseReason::IdleTimeout);
        }
        let is_one_way = |session: &Session| session.is_one_way();
        let is_ping = matches!(keep_alive, KeepAlive::Ping | KeepAlive::Session(_))
            && !conn.protocol.session().is_some_and(is_one_way);
        conn.set(PINGED, is_ping);
        conn.heard = stamp;
        if let Some(session) = conn.protocol.session_mut() {
            session.note_ping(self.env.now.plus(self.env.config.ping_interval));
        }
        self.send_heartbeat(key);
        self.arm(key);
    }

    fn send_heartbeat(&mut self, key: ConnKey) {
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        let mut heartbeat = Vec::new();
        conn.protocol.encode_heartbeat(conn.form, &mut heartbeat);
        self.env.counters.pings += 1;
        self.reply(key, |out| out.extend_from_slice(&heartbeat));
    }
}

impl<H: Handler> ShardCore<H> {
    /// How much the poll before this turn reported: to be called after all that it reported besides
    /// bytes has been taken, and before `handle_timeouts`. Without a call, it reported everything.
    pub fn note_polled(&mut self, polled: Polled) {
        let (conns, now) = (&mut self.shard.conns, self.shard.env.now);
        let connections = conns.len();
        conns.timers.grace.note(polled, connections, now);
    }
}

/// A stamp may be this much earlier than its moment.
const STAMP_ROUNDING: Duration = Duration::from_millis(TICK_MS);
