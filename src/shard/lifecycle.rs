//! How connections end: with a last word where there is one to say, at once where not.

use crate::close_reason::CloseReason;
use crate::conn::{
    APART, ASKING, BLOCKED, CLOSING, CORKED, Conn, DEAD, ENDED, OPEN, PAUSED, PINGED, Proto,
    READ_ENDED, WAITS_OUTBOX,
};
use crate::limits::{CLOSE_TIMEOUT, LINGER_BYTES_MAX, LINGER_TIMEOUT};
use crate::proto::http::Response;
use crate::proto::ws::{encode_close, encode_ping};
use crate::shard::inner::Inner;
use crate::time::{Now, Stamp};
use crate::topic::feeds::feed_of;

impl<D, A> Inner<D, A> {
    /// Ends a connection: what its outbox holds is sent, then the last word, then nothing.
    pub(super) fn close(&mut self, key: u32, reason: CloseReason) {
        let stamp = self.now.stamp();
        let Some(conn) = self.conn(key).filter(|conn| !conn.is(CLOSING)) else {
            return;
        };
        if conn.is(CORKED) {
            // The client was not told yet that it is connected: there is no word to say.
            self.kill(key, reason);
            return;
        }
        let is_websocket = matches!(conn.proto, Proto::WebSocket(_));
        self.end(key, reason);
        if is_websocket && let Some(code) = reason.close_code() {
            let text = if reason == CloseReason::Client {
                String::new()
            } else {
                reason.to_string()
            };
            self.reply(key, |out| encode_close(out, code, &text));
        }
        let Some(conn) = self.conn(key) else { return };
        conn.set(CLOSING, true);
        conn.heard = stamp;
        self.mark_dirty(key);
        self.arm(key);
    }

    /// Ends a connection that could not be opened in time.
    fn refuse_late(&mut self, key: u32) {
        self.cork_unopened(key, false);
        self.discard_outbox(key);
        if self
            .conn(key)
            .is_some_and(|conn| matches!(conn.proto, Proto::Http(_)))
        {
            let response = Response::text(408, "the request did not come in time");
            self.reply(key, |out| response.encode(out, false));
        }
        self.close(key, CloseReason::HandshakeTimeout);
    }

    /// Ends a connection at once; its socket is closed at the end of the turn.
    pub(super) fn kill(&mut self, key: u32, reason: CloseReason) {
        if self.conn(key).is_none() {
            return;
        }
        self.end(key, reason);
        if let Some(conn) = self.conn(key) {
            conn.set(DEAD, true);
            conn.outbox = None;
            self.dead.push(key);
        }
    }

    /// Takes a connection out of everything but the slab.
    fn end(&mut self, key: u32, reason: CloseReason) {
        let id = self.id(key);
        while let Some(topic) = self
            .conns
            .get(key as usize)
            .and_then(|conn| conn.subs.as_slice().last().map(|sub| sub.topic))
        {
            self.unsubscribe(key, topic);
        }
        self.questions.forget(key);
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        self.assembly -= std::mem::take(&mut conn.counted) as usize;
        conn.input = None;
        if let Proto::WebSocket(decoder) = &mut conn.proto {
            *decoder = Default::default();
        }
        conn.set(WAITS_OUTBOX | ASKING | APART, false);
        if !conn.is(ENDED) {
            conn.set(ENDED, true);
            self.ended.push((id, reason));
        }
        self.set_paused(key, false);
    }

    /// The last word is sent: waits a little for the client to close, so that unread input does
    /// not make the kernel reset the connection and the word with it.
    pub(super) fn finish(&mut self, key: u32) {
        let stamp = self.now.stamp();
        let id = self.id(key);
        let Some(conn) = self.conn(key) else { return };
        if matches!(conn.proto, Proto::Lingering(_)) {
            return;
        }
        conn.proto = Proto::Lingering(0);
        conn.heard = stamp;
        if conn.is(READ_ENDED) {
            conn.set(DEAD, true);
            self.dead.push(key);
        } else {
            self.finished.push(id);
            self.arm(key);
        }
    }

    /// Counts what still comes after the last word.
    pub(super) fn linger(&mut self, key: u32, len: usize) {
        let Some(conn) = self.conn(key) else { return };
        if let Proto::Lingering(bytes) = &mut conn.proto {
            *bytes = bytes.saturating_add(u32::try_from(len).unwrap_or(u32::MAX));
            if LINGER_BYTES_MAX < *bytes as usize {
                self.kill(key, CloseReason::Client);
            }
        }
    }

    /// The client has closed its side.
    pub(super) fn read_ended(&mut self, key: u32) {
        let Some(conn) = self.conn(key) else { return };
        conn.set(READ_ENDED, true);
        match conn.proto {
            // A device may publish, close its side and still listen.
            Proto::Framed(_) if conn.subs.count() != 0 || !conn.is(OPEN) => {
                conn.input = conn
                    .input
                    .take()
                    .filter(|input| input.message.is_some() || input.arrival.is_some());
                self.account(key);
            }
            Proto::Framed(_) => self.close(key, CloseReason::Client),
            Proto::Lingering(_) => self.kill(key, CloseReason::Client),
            // Its last word is still to be sent, as to one who asks for a page by `nc -N`.
            Proto::Http(_) | Proto::WebSocket(_) if conn.is(CLOSING) => {}
            Proto::Http(_) | Proto::WebSocket(_) => self.kill(key, CloseReason::Vanished),
        }
    }

    /// Keeps count of the memory of unfinished messages.
    pub(super) fn account(&mut self, key: u32) {
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        let len = u32::try_from(conn.assembly_len()).unwrap_or(u32::MAX);
        let counted = std::mem::replace(&mut conn.counted, len);
        self.assembly = self.assembly + len as usize - counted as usize;
    }

    /// When the connection is to be looked at next, if nothing else happens.
    fn deadline(&self, key: u32, conn: &Conn<D>) -> Option<Now> {
        let config = &self.config;
        let heard = conn.heard.moment();
        if matches!(conn.proto, Proto::Lingering(_)) {
            return Some(heard.plus(LINGER_TIMEOUT));
        }
        if conn.is(CLOSING) {
            return Some(heard.plus(CLOSE_TIMEOUT));
        }
        if conn.is(ASKING) {
            let stalled = conn.blocked_at.moment().plus(config.stall_timeout);
            let stalled = conn.is(BLOCKED).then_some(stalled);
            return self
                .questions
                .deadline(key)
                .into_iter()
                .chain(stalled)
                .min();
        }
        if !conn.is(OPEN) || conn.is(CORKED) {
            return Some(heard.plus(config.handshake_timeout));
        }
        if conn.is(BLOCKED) {
            return Some(conn.blocked_at.moment().plus(config.stall_timeout));
        }
        if conn.is(PAUSED) {
            return None;
        }
        match conn.proto {
            Proto::WebSocket(_) if conn.is(PINGED) => Some(heard.plus(config.pong_timeout)),
            Proto::WebSocket(_) => {
                // Up to a quarter earlier, each its own: a crowd that was heard of at once is
                // not pinged at once for ever.
                let share = key.wrapping_mul(SPREAD) >> 24;
                let early = config.ping_interval / 1024 * share;
                let interval = config.ping_interval.saturating_sub(early);
                let due = heard.plus(interval);
                if self.now < due {
                    return Some(due);
                }
                // What it was sent meanwhile kept its way open, and puts a ping off; once, as it
                // does not tell that anyone is there.
                let put_off = self.last_delivery(conn).plus(interval);
                Some(put_off.clamp(due, due.plus(config.ping_interval)))
            }
            _ => config.tcp_idle_timeout.map(|timeout| heard.plus(timeout)),
        }
    }

    /// When a topic of the connection had its newest message, which it was sent or will be now.
    fn last_delivery(&self, conn: &Conn<D>) -> Now {
        let feeds = conn.subs.as_slice().iter().filter_map(|sub| {
            let topic = self.topics.get(sub.topic)?;
            let feed = feed_of(&self.feeds, topic.first_feed, conn.form);
            self.feeds.get(feed as usize)
        });
        feeds
            .map(|feed| feed.appended_at.moment())
            .max()
            .unwrap_or_default()
    }

    /// Makes sure that the wheel has the connection no later than its deadline.
    pub(super) fn arm(&mut self, key: u32) {
        let Some(conn) = self.conns.get(key as usize) else {
            return;
        };
        let Some(deadline) = self.deadline(key, conn) else {
            return;
        };
        if conn.armed.moment() <= deadline {
            return;
        }
        let armed = self.wheel.arm(key, deadline);
        if let Some(conn) = self.conns.get_mut(key as usize) {
            conn.armed = armed;
        }
    }

    /// Looks at every connection whose deadline may have passed, and forgets idle topics.
    pub(super) fn pass_time(&mut self, budget: usize) {
        let mut expired = std::mem::take(&mut self.expired);
        self.wheel.take_expired(self.now, budget, &mut expired);
        for (key, tick) in expired.drain(..) {
            let Some(conn) = self.conn(key).filter(|conn| conn.armed == tick) else {
                continue;
            };
            conn.armed = Stamp::NEVER;
            self.look_at(key);
        }
        self.expired = expired;
        self.forget_topics(budget);
    }

    fn look_at(&mut self, key: u32) {
        let stamp = self.now.stamp();
        let Some(conn) = self.conns.get(key as usize) else {
            return;
        };
        if self
            .deadline(key, conn)
            .is_none_or(|deadline| self.now < deadline)
        {
            self.arm(key);
            return;
        }
        let is_unanswered = self.questions.is_late(key, self.now);
        let Some(conn) = self.conn(key) else { return };
        if conn.is(CLOSING) {
            self.kill(key, CloseReason::Client);
        } else if conn.is(ASKING) && is_unanswered {
            self.give_up_question(key);
        } else if !conn.is(OPEN) {
            self.refuse_late(key);
        } else if conn.is(CORKED) {
            self.kill(key, CloseReason::HandshakeTimeout);
        } else if conn.is(BLOCKED) {
            self.kill(key, CloseReason::Stalled);
        } else if conn.is(PINGED) || matches!(conn.proto, Proto::Framed(_)) {
            self.close(key, CloseReason::IdleTimeout);
        } else {
            conn.set(PINGED, true);
            conn.heard = stamp;
            self.counters.pings += 1;
            self.reply(key, |out| encode_ping(out, b""));
            self.arm(key);
        }
    }
}

/// Odd, so that keys spread over all shares; the upper bits mix best.
const SPREAD: u32 = 0x9E37_79B1;
