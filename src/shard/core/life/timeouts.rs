//! Deadlines: when each connection is to be looked at, and what becomes of it then.

use std::time::Duration;

use crate::close_reason::CloseReason;
use crate::handler::Handler;
use crate::id::ConnKey;
use crate::limits::{CLOSE_TIMEOUT, HALF_CLOSED_HEARTBEAT, LINGER_TIME};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::http::Phase;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::{BLOCKED, Conn, PINGED, READ_ENDED};
use crate::shard::core::conns::grace::Polled;
use crate::shard::core::ingress::protocol::KeepAlive;
use crate::shard::core::shard::Shard;
use crate::time::{Now, Stamp};

impl<D, A> Shard<D, A> {
    /// When the connection is to be looked at next, if nothing else happens.
    fn deadline(&self, key: ConnKey, conn: &Conn<D>) -> Option<Now> {
        let silence = self.silence_deadline(key, conn);
        let deadlines = [
            silence,
            self.conns.progress_deadline(&self.env.config, conn),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// The same for what is waited for, whatever has come in part.
    fn silence_deadline(&self, key: ConnKey, conn: &Conn<D>) -> Option<Now> {
        let config = &self.env.config;
        let heard = conn.heard.moment();
        if let Some(linger) = conn.protocol.linger() {
            return Some(linger.next_step());
        }
        if conn.state == State::Closing {
            let step = self.conns.lingering.next_step(key);
            let step = step.filter(|_| conn.is_paused());
            return step.into_iter().chain([self.close_deadline(conn)]).min();
        }
        if conn.is_asking() {
            let stalled = conn.blocked_at.moment().plus(config.stall_timeout);
            let stalled = conn.is(BLOCKED).then_some(stalled);
            let given_up = self.room_deadline(conn);
            let deadlines = [self.questions.deadline(key), stalled, given_up];
            return deadlines.into_iter().flatten().min();
        }
        let stalled = conn.blocked_at.moment().plus(config.stall_timeout);
        if let Some(phase) = conn.protocol.phase() {
            return Some(match phase {
                _ if conn.is(BLOCKED) => stalled,
                Phase::New | Phase::Head | Phase::Handler => heard.plus(config.handshake_timeout),
                Phase::Body => heard.plus(config.body_timeout),
                Phase::Idle => self.answer_deadline(conn, config.keep_alive_timeout),
            });
        }
        if conn.state != State::Open {
            return Some(heard.plus(config.handshake_timeout));
        }
        if conn.is(BLOCKED) {
            return Some(stalled);
        }
        if conn.is_paused() {
            return None;
        }
        match conn.protocol.keep_alive() {
            KeepAlive::Ping if conn.is(PINGED) => Some(heard.plus(config.pong_timeout)),
            // Nobody answers a comment: what was delivered does as well.
            KeepAlive::Comment => {
                let interval = self.ping_interval(key);
                Some(heard.max(self.last_delivery(conn)).plus(interval))
            }
            KeepAlive::Ping => {
                let interval = self.ping_interval(key);
                let due = heard.plus(interval);
                if self.env.now < due {
                    return Some(due);
                }
                // What it was sent meanwhile kept its way open, and puts a ping off; once, as it
                // does not tell that anyone is there.
                let put_off = self.last_delivery(conn).plus(interval);
                Some(put_off.clamp(due, due.plus(config.ping_interval)))
            }
            KeepAlive::Client => {
                let idle = config.tcp_idle_timeout.map(|timeout| heard.plus(timeout));
                let heartbeat = self.half_closed_heartbeat(conn);
                idle.into_iter().chain(heartbeat).min()
            }
        }
    }

    /// When the last word of a connection must be out.
    fn close_deadline(&self, conn: &Conn<D>) -> Now {
        let heard = conn.heard.moment();
        if conn.protocol.http().is_some() {
            return self.answer_deadline(conn, CLOSE_TIMEOUT);
        }
        // It may take what is before the last word as slowly as it likes, for a while.
        let moved = heard.max(conn.blocked_at.moment());
        moved.plus(CLOSE_TIMEOUT).min(heard.plus(LINGER_TIME))
    }

    /// Whether what a connection still sends waits for the next step, and not its last word.
    fn waits_to_discard(&self, conn: &Conn<D>) -> bool {
        let is_late = self.close_deadline(conn) <= self.conns.timers.grace.until();
        conn.state == State::Closing && conn.is_paused() && !is_late
    }

    /// When a client that has closed its side is sent something, to see whether it is there.
    fn half_closed_heartbeat(&self, conn: &Conn<D>) -> Option<Now> {
        let sent = conn.blocked_at.moment().max(self.last_delivery(conn));
        let is_half_closed = conn.protocol.frames().is_some() && conn.is(READ_ENDED);
        is_half_closed.then(|| sent.max(conn.heard.moment()).plus(HALF_CLOSED_HEARTBEAT))
    }

    /// When a request, or a connection that is to be opened, has waited too long for room that is
    /// tried from moment to moment. What other threads are asked has a deadline of its own.
    fn room_deadline(&self, conn: &Conn<D>) -> Option<Now> {
        let waits = conn.pause == Pause::Moment && conn.state.is_opening();
        waits.then(|| conn.heard.moment().plus(self.env.config.handshake_timeout))
    }

    /// An answer over HTTP may be on its way as long as its client takes some of it now and then;
    /// what is waited for next has a time that begins when it is sent.
    fn answer_deadline(&self, conn: &Conn<D>, next: Duration) -> Now {
        let moved = conn.heard.moment().max(conn.blocked_at.moment());
        let is_sending = conn.outbox_len() != 0 || conn.is(BLOCKED);
        moved.plus(if is_sending {
            self.env.config.stall_timeout
        } else {
            next
        })
    }

    /// Up to a quarter shorter, each its own: a crowd that was heard of at once is not pinged at
    /// once for ever.
    fn ping_interval(&self, key: ConnKey) -> Duration {
        let share = key.0.wrapping_mul(SPREAD) >> 24;
        let early = self.env.config.ping_interval / 1024 * share;
        self.env.config.ping_interval.saturating_sub(early)
    }

    /// When a topic of the connection had its newest message, which it was sent or will be now.
    fn last_delivery(&self, conn: &Conn<D>) -> Now {
        let places = conn.subs.places(conn.form);
        let appended = places.filter_map(|place| self.pubsub.fanout.appended_at(place));
        appended.max().unwrap_or_default()
    }

    /// Makes sure that the wheel has the connection no later than its deadline.
    pub(crate) fn arm(&mut self, key: ConnKey) {
        let Some(conn) = self.conns.get(key) else {
            return;
        };
        let Some(deadline) = self.deadline(key, conn) else {
            return;
        };
        if conn.armed.moment() <= deadline {
            return;
        }
        self.arm_at(key, deadline);
    }

    fn arm_at(&mut self, key: ConnKey, at: Now) {
        let armed = self.conns.timers.arm(key, at);
        if let Some(conn) = self.conns.get_mut(key) {
            conn.armed = armed;
        }
    }

    /// Looks at every connection whose deadline may have passed.
    pub(crate) fn pass_time(&mut self, budget: usize) {
        let mut expired = self.conns.timers.take_expired(budget);
        for (key, tick) in expired.drain(..) {
            let conn = self.conns.live(key).filter(|conn| conn.armed == tick);
            let Some(conn) = conn else {
                continue;
            };
            conn.armed = Stamp::NEVER;
            if self.conns.reads.has(key) {
                // What it has sent in time may be among what is not read yet.
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
        if self
            .deadline(key, conn)
            .is_none_or(|deadline| judged < deadline)
        {
            self.arm(key);
            return;
        }
        let waits_to_discard = self.waits_to_discard(conn);
        let given_up = self.room_deadline(conn);
        let progress = self.conns.progress_deadline(&self.env.config, conn);
        let comes_slowly = progress.is_some_and(|deadline| deadline <= judged);
        let is_heartbeat = self
            .half_closed_heartbeat(conn)
            .is_some_and(|due| due <= judged)
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
        } else if conn.state == State::Corked {
            self.kill(key, CloseReason::HandshakeTimeout);
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
        conn.set(PINGED, keep_alive == KeepAlive::Ping);
        conn.heard = stamp;
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
    /// The poll before this turn told of so much: to be said after what it told of besides bytes
    /// has been taken, and before `handle_timeouts`. One who does not say so has told all.
    pub fn note_polled(&mut self, polled: Polled) {
        let (conns, now) = (&mut self.shard.conns, self.shard.env.now);
        let connections = conns.len();
        conns.timers.grace.note(polled, connections, now);
    }
}

/// Odd, so that keys spread over all shares; the upper bits mix best.
const SPREAD: u32 = 0x9E37_79B1;
