//! Resuming: what becomes of connections that were paused, once there is room.

use crate::conn::http::Phase;
use crate::conn::{CLOSING, Conn, Input, OPEN, PAUSED, Proto, READ_ENDED, READABLE};
use crate::handler::{Halt, Handler};
use crate::id::ConnId;
use crate::limits::RESUMES_PER_TURN;
use crate::proto::Kind;
use crate::shard::core::ShardCore;
use crate::shard::inner::Inner;
use crate::shard::input::Took;

impl<H: Handler> ShardCore<H> {
    /// Reads on the connections that waited for something that has come.
    pub(super) fn resume_paused(&mut self) {
        for _ in 0..self.inner.resumed.len().min(RESUMES_PER_TURN) {
            let Some(id) = self.inner.resumed.pop_front() else {
                break;
            };
            if self.inner.waits_to_offer(id) {
                self.inner.resumed.push_back(id);
            } else {
                self.resume(id);
            }
        }
        // Each turn begins with another home: where time is scarce, all get their part of it.
        let homes = self.inner.paused.len().max(1);
        let first = (self.inner.first_paused + 1) % homes;
        self.inner.first_paused = first;
        for home in (first..homes).chain(0..first) {
            // Where the budget ends first, nothing else would bring the shard back.
            self.inner.moved |= !self.resume_waiting_for(home);
        }
    }

    /// Reads on connections that wait for a home; `false`: there may be room for more of them.
    fn resume_waiting_for(&mut self, home: usize) -> bool {
        let own = home == usize::from(self.inner.shard);
        // On the home itself each topic has its own room: all may try, once.
        let waiting = self.inner.paused[home].len();
        let (mut tried, mut left) = (0, waiting.saturating_sub(RESUMES_PER_TURN));
        for _ in 0..waiting.min(RESUMES_PER_TURN) {
            if !own && !self.inner.mail[home].to_home.has_room() {
                return true;
            }
            let Some(id) = self.inner.paused[home].pop_front() else {
                break;
            };
            if self.inner.waits_to_offer(id) {
                self.inner.paused[home].push_back(id);
                left += 1;
            } else {
                tried += 1;
                self.resume(id);
            }
        }
        // If none of those tried got on, what the others wait for will bring the shard back.
        let back = self.inner.paused[home].len() + tried - waiting;
        left == 0 || 0 < tried && back == tried
    }

    fn resume(&mut self, id: ConnId) {
        let stamp = self.inner.now.stamp();
        if self.inner.current(id).is_none_or(|conn| !conn.is(PAUSED)) {
            return;
        }
        self.inner.set_paused(id.key, false);
        let Some(conn) = self.inner.current(id) else {
            return;
        };
        // Its silence was ours; but what the handler has not answered has a deadline.
        let has_asked = match &conn.proto {
            Proto::Http(http) => http.phase == Phase::Handler,
            _ => !conn.is(OPEN),
        };
        if !has_asked {
            conn.heard = stamp;
        }
        let mut input = conn.input.take();
        if let Some(kept) = &mut input
            && let Some(arrival) = kept.arrival.take()
        {
            self.open_tcp(id.key, arrival);
            if let Some(kept) = input {
                self.go_on_with(id, kept);
            }
            return self.read_on(id);
        }
        if let Some(kept) = &mut input
            && let Some((kind, payload)) = kept.message.take()
        {
            match self.ask(id.key, kind, &payload) {
                None => return,
                Some(Ok(())) => {}
                Some(Err(Halt::Close(reason))) => return self.inner.close(id.key, reason),
                Some(Err(Halt::Wait(busy))) => {
                    kept.message = Some((kind, payload));
                    if let Some(conn) = self.inner.current(id) {
                        conn.input = input;
                    }
                    return self.pause(id.key, busy);
                }
            }
        }
        match self.resume_request(id.key) {
            Some(Took::Ended) => return,
            Some(Took::Paused(_)) => {
                if let Some(conn) = self.inner.current(id) {
                    conn.input = input;
                }
                return self.account(id);
            }
            Some(Took::Bytes(_) | Took::Nothing) | None => {}
        }
        if let Some(input) = input {
            self.process_input(id, input);
        }
        self.read_on(id);
    }

    /// Takes what came before a connection was opened, if it is now; keeps it if that waits again.
    fn go_on_with(&mut self, id: ConnId, kept: Box<Input>) {
        let Some(conn) = self.inner.current(id).filter(|conn| !conn.is(CLOSING)) else {
            return;
        };
        if kept.bytes.is_empty() {
            return;
        }
        if conn.is(PAUSED) {
            conn.input.get_or_insert_default().bytes = kept.bytes;
        } else {
            self.process_input(id, kept);
        }
    }

    /// Has a connection that is not paused any more read on.
    fn read_on(&mut self, id: ConnId) {
        self.account(id);
        self.inner.arm(id.key);
        let has_ended = |conn: &&mut Conn<_>| {
            matches!(conn.proto, Proto::Http(_)) && conn.is(READ_ENDED) && !conn.is(PAUSED)
        };
        if self.inner.current(id).filter(has_ended).is_some() {
            return self.inner.read_ended(id.key);
        }
        if let Some(conn) = self.inner.current(id)
            && !conn.is(PAUSED)
            && conn.is(READABLE)
        {
            conn.set(READABLE, false);
            self.inner.readable.push(id);
        }
    }
}

impl<D, A> Inner<D, A> {
    /// Keeps a message that is to be offered later.
    pub(super) fn keep_message(&mut self, key: u32, kind: Kind, payload: &[u8]) {
        if let Some(conn) = self.conn(key) {
            let input = conn.input.get_or_insert_default();
            input.message = Some((kind, payload.to_vec()));
        }
    }

    /// Has a paused connection read on.
    pub(super) fn queue_resume(&mut self, key: u32) {
        let id = self.id(key);
        if let Some(conn) = self.conn(key)
            && conn.is(PAUSED)
        {
            self.resumed.push_back(id);
        }
    }

    /// Reads a connection no further, or on.
    pub(super) fn set_paused(&mut self, key: u32, paused: bool) {
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        match (conn.is(PAUSED), paused) {
            (false, true) => self.counters.paused += 1,
            (true, false) => self.counters.paused -= 1,
            _ => {}
        }
        conn.set(PAUSED, paused);
    }
}
