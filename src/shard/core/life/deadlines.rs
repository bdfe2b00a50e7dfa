//! Deadlines: when a connection is to be looked at next, by what the parts know of it.

use std::time::Duration;

use crate::id::ConnKey;
use crate::limits::{CLOSE_TIMEOUT, HALF_CLOSED_HEARTBEAT, LINGER_TIME, SESSION_PONG_TIMEOUT};
use crate::shard::core::conn::http::Phase;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::{BLOCKED, Conn, PINGED, READ_ENDED};
use crate::shard::core::conns::Conns;
use crate::shard::core::conns::questions::Questions;
use crate::shard::core::env::Env;
use crate::shard::core::ingress::protocol::KeepAlive;
use crate::time::Now;
use crate::topic::fanout::Fanout;

/// When connections are to be looked at next.
pub(super) struct Deadlines<'s, D, A: 'static> {
    pub(super) env: &'s Env,
    pub(super) conns: &'s Conns<D>,
    pub(super) questions: &'s Questions<A>,
    pub(super) fanout: &'s Fanout,
    pub(super) is_draining: bool,
}

impl<D, A> Deadlines<'_, D, A> {
    /// When the connection is to be looked at next, if nothing else happens.
    pub(super) fn of(&self, key: ConnKey, conn: &Conn<D>) -> Option<Now> {
        let silence = self.silence(key, conn);
        let deadlines = [
            silence,
            self.conns.progress_deadline(&self.env.config, conn),
            conn.expiry(),
            conn.sub_expiry(),
            self.lifetime(key, conn),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// When the connection has lived long enough. One with requests lives from one to the next.
    pub(super) fn lifetime(&self, key: ConnKey, conn: &Conn<D>) -> Option<Now> {
        let end = self.conns.lifetimes.end(key);
        let is_open = conn.state == State::Open && conn.protocol.phase().is_none();
        // A drain ends all, each behind what was published.
        end.filter(|_| is_open && !self.is_draining)
    }

    /// The same for what is waited for, whatever has come in part.
    fn silence(&self, key: ConnKey, conn: &Conn<D>) -> Option<Now> {
        let config = &self.env.config;
        let heard = conn.heard.moment();
        if let Some(linger) = conn.protocol.linger() {
            return Some(linger.next_step());
        }
        if conn.state == State::Closing {
            let step = self.conns.lingering.next_step(key);
            let step = step.filter(|_| conn.is_paused());
            return step.into_iter().chain([self.last_word(conn)]).min();
        }
        if conn.is_asking() {
            let stalled = conn.blocked_at.moment().plus(config.stall_timeout);
            let stalled = conn.is(BLOCKED).then_some(stalled);
            let given_up = self.opening(conn);
            let deadlines = [self.questions.deadline(key), stalled, given_up];
            return deadlines.into_iter().flatten().min();
        }
        let stalled = conn.blocked_at.moment().plus(config.stall_timeout);
        if let Some(phase) = conn.protocol.phase() {
            return Some(match phase {
                _ if conn.is(BLOCKED) => stalled,
                Phase::New | Phase::Head | Phase::Handler => heard.plus(config.handshake_timeout),
                Phase::Body => heard.plus(config.body_timeout),
                Phase::Idle => self.answer(conn, config.keep_alive_timeout),
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
            KeepAlive::Session(_) if conn.is(PINGED) => Some(heard.plus(self.session_pong())),
            KeepAlive::Session(next_ping) => next_ping,
            KeepAlive::Ping if conn.is(PINGED) => Some(heard.plus(config.pong_timeout)),
            // No client answers a comment: a delivery does as well.
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
                let heartbeat = self.heartbeat(conn);
                idle.into_iter().chain(heartbeat).min()
            }
        }
    }

    /// When the last word of a connection must be out.
    fn last_word(&self, conn: &Conn<D>) -> Now {
        let heard = conn.heard.moment();
        if conn.protocol.http().is_some() {
            return self.answer(conn, CLOSE_TIMEOUT);
        }
        // It may take what is before the last word as slowly as it likes, for a while.
        let moved = heard.max(conn.blocked_at.moment());
        moved.plus(CLOSE_TIMEOUT).min(heard.plus(LINGER_TIME))
    }

    /// Whether what a connection still sends waits for the next step, and not its last word.
    pub(super) fn waits_to_discard(&self, conn: &Conn<D>) -> bool {
        let is_late = self.last_word(conn) <= self.conns.timers.grace.until();
        conn.state == State::Closing && conn.is_paused() && !is_late
    }

    /// When a client that has closed its side is sent something, to see whether it is there.
    pub(super) fn heartbeat(&self, conn: &Conn<D>) -> Option<Now> {
        let is_half_closed = conn.protocol.frames().is_some() && conn.is(READ_ENDED);
        is_half_closed.then(|| {
            let sent = conn.blocked_at.moment().max(self.last_delivery(conn));
            sent.max(conn.heard.moment()).plus(HALF_CLOSED_HEARTBEAT)
        })
    }

    /// When a request, or a connection that is to be opened, has waited too long for space that is
    /// tried from moment to moment. What other threads are asked has a deadline of its own.
    pub(super) fn opening(&self, conn: &Conn<D>) -> Option<Now> {
        let waits = conn.pause == Pause::Moment && conn.state.is_opening();
        waits.then(|| conn.heard.moment().plus(self.env.config.handshake_timeout))
    }

    /// An answer over HTTP may be on its way as long as its client takes some of it now and then;
    /// what is waited for next has a time that begins when it is sent.
    fn answer(&self, conn: &Conn<D>, next: Duration) -> Now {
        let moved = conn.heard.moment().max(conn.blocked_at.moment());
        let is_sending = conn.outbox_len() != 0 || conn.is(BLOCKED);
        moved.plus(if is_sending {
            self.env.config.stall_timeout
        } else {
            next
        })
    }

    /// How long the client of a session has to answer a ping.
    fn session_pong(&self) -> Duration {
        SESSION_PONG_TIMEOUT.min(self.env.config.pong_timeout)
    }

    /// Up to a quarter shorter, each its own: a crowd that was heard of at once is not pinged at
    /// once for ever.
    fn ping_interval(&self, key: ConnKey) -> Duration {
        let early = self.env.config.ping_interval / 1024 * share_of(key);
        self.env.config.ping_interval.saturating_sub(early)
    }

    /// When a topic of the connection had its newest message, which it was sent or will be now.
    fn last_delivery(&self, conn: &Conn<D>) -> Now {
        let places = conn.subs.places(conn.form);
        let appended = places.filter_map(|place| self.fanout.appended_at(place));
        appended.max().unwrap_or_default()
    }
}

/// Of 256 parts, some for each connection.
pub(super) fn share_of(key: ConnKey) -> u32 {
    key.0.wrapping_mul(SPREAD) >> 24
}

/// Odd, so that keys spread over all shares; the upper bits mix best.
const SPREAD: u32 = 0x9E37_79B1;
