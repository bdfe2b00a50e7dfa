//! What the server says, and how connections end.

use std::mem;
use std::sync::atomic::Ordering;

use rustix::io::Errno;

use crate::client::{Event, State};
use crate::clock::now_ns;
use crate::hostile::gang::{Conn, Gang, MESSAGE_BYTES_MAX, REST_NS};
use crate::hostile::garbage::Mess;
use crate::worker::io_label;

/// Reads of one connection in a turn.
const READS_PER_TURN: usize = 8;

impl Gang {
    /// Reads a connection until a short read, or to the end after a hang-up.
    pub(super) fn fill(&mut self, index: usize, to_the_end: bool) {
        for _ in 0..READS_PER_TURN {
            if !self.read_once(index, to_the_end) {
                return;
            }
        }
    }

    /// Says whether there may be more to read.
    fn read_once(&mut self, index: usize, to_the_end: bool) -> bool {
        let link = &mut self.conns[index].link;
        if link.state == State::Idle {
            return false;
        }
        let kept = link.take_partial(&mut self.buf);
        let room = self.buf.len() - kept;
        match link.recv(&mut self.buf[kept..]) {
            Ok(0) => {
                self.tally.closed += 1;
                self.end(index, "closed without a word".to_owned());
                false
            }
            Ok(len) => {
                self.hear(index, kept + len);
                len == room || to_the_end
            }
            Err(Errno::AGAIN) => {
                link.keep_partial(&self.buf[..kept]);
                false
            }
            Err(Errno::INTR) => {
                link.keep_partial(&self.buf[..kept]);
                true
            }
            Err(error) => {
                self.tally.reset += 1;
                self.end(index, io_label(error.into()));
                false
            }
        }
    }

    /// Notes what the server says; after its last word nothing counts any more.
    fn hear(&mut self, index: usize, len: usize) {
        let Conn { link, answer, .. } = &mut self.conns[index];
        if answer.is_some() {
            return;
        }
        let mut is_live = false;
        let heard = link.handle_bytes(&self.buf[..len], MESSAGE_BYTES_MAX, None, |event| {
            is_live |= event == Event::Live;
        });
        *answer = heard.err();
        if is_live {
            self.on_upgraded(index);
        }
    }

    /// The server has ended a connection; `how` is told where it gave no answer.
    fn end(&mut self, index: usize, how: String) {
        let conn = &self.conns[index];
        let how = conn.answer.map_or(how, |answer| answer.label());
        let lived = now_ns().saturating_sub(conn.since);
        match conn.mess {
            Some(mess) => {
                self.tally.garbage_lived.record(lived);
                self.tally.garbage_end(mess, how);
            }
            None => {
                self.tally.slow_lived.record(lived);
                *self.tally.slow_ends.entry(how).or_default() += 1;
            }
        }
        self.vacate(index);
    }

    /// The server has not ended a connection of garbage in time, unless that has only not been read.
    pub(super) fn lose_patience(&mut self, index: usize, mess: Mess) {
        let turn = self.conns[index].turn;
        self.fill(index, true);
        let conn = &self.conns[index];
        if conn.turn != turn || conn.link.state == State::Idle {
            return;
        }
        self.tally.left_open += 1;
        let what = match conn.answer {
            Some(answer) => format!("not ended after: {}", answer.label()),
            None => "not ended".to_owned(),
        };
        self.tally.garbage_end(mess, what);
        self.vacate(index);
    }

    /// A connection could not be made.
    pub(super) fn fail(&mut self, index: usize, why: String) {
        *self.tally.failures.entry(why).or_default() += 1;
        self.vacate(index);
    }

    /// Closes the socket; a slow head is opened again later.
    fn vacate(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        let state = mem::replace(&mut conn.link.state, State::Idle);
        let was_open = state != State::Connecting;
        conn.link.fd = None;
        conn.rest = Vec::new();
        let is_slow = conn.mess.is_none();
        self.forget_alarms(index);
        if is_slow {
            self.connecting -= usize::from(!was_open);
            self.alarm(index, now_ns() + REST_NS);
        } else {
            self.free.push(index);
        }
        if was_open {
            let open = if is_slow {
                &self.meters.slow_open
            } else {
                &self.meters.garbage_open
            };
            open.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
