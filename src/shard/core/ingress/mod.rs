//! Reading: bytes to requests and messages, and messages to the handler.

mod begin;
mod events;
mod framed;
mod http;
mod http_body;
mod inflate;
pub(crate) mod protocol;
mod reading;
mod resume;
mod session_stream;
mod upgrade;
mod websocket;

use std::borrow::Cow;

use crate::handler::{Halt, Handler};
use crate::id::{ConnId, ConnKey};
use crate::limits::{BYTES_PER_WORK, WORK_OF_MESSAGE, WORK_OF_STEP};
use crate::proto::Kind;
#[cfg(any(test, feature = "internals"))]
use crate::proto::ws::deflate::Pace;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::state::State;
use crate::shard::core::conn::{Input, PINGED, UNPROCESSED, WaitingMessage};
use crate::shard::core::ingress::inflate::Inflation;
use crate::shard::core::meters::Verdict;
use crate::shard::core::notice::Notice;

/// How messages come in, and are decompressed.
#[derive(Debug, Default)]
pub(crate) struct Ingress {
    inflation: Inflation,
    /// The connection whose bytes are taken was pinged, and has not answered yet.
    awaits_pong: bool,
    pub(in crate::shard::core) refused_origins: Notice,
}

impl Ingress {
    /// A turn begins.
    pub(crate) fn begin_turn(&mut self) {
        self.inflation.begin_turn();
    }

    /// Has it take no more than this to inflate in one turn, and in one step.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn limit_inflation(&mut self, pace: Pace) {
        self.inflation.limit_turn(pace);
    }
}

/// How far the front of the input was processed.
pub(crate) enum Progress {
    /// So many bytes; there may be more to process in the rest.
    Bytes(usize),
    /// Not at all: it is incomplete.
    Incomplete,
    /// So many bytes, and the rest must wait.
    Paused(usize),
    /// The connection takes no more input.
    Ended,
}

impl<H: Handler> ShardCore<H> {
    /// Bytes have come in from a connection.
    pub fn handle_bytes(&mut self, id: ConnId, bytes: &mut [u8]) {
        let stamp = self.shard.env.now.stamp();
        self.shard.env.work.charge(bytes.len() / BYTES_PER_WORK);
        let Some(conn) = self.shard.conns.current(id) else {
            return;
        };
        if conn.state.is_closing() {
            return self.shard.discard_late(id.key, bytes.len());
        }
        let was_pinged = conn.is(PINGED);
        if conn.state == State::Open {
            conn.heard = stamp;
            conn.set(PINGED, false);
        }
        let held = conn.input.take();
        // What was around these bytes held them back until the connection had begun.
        let is_held_back = conn.is_paused() || conn.is(UNPROCESSED);
        let is_no_use = |held: &Input| self.shard.line_cannot_end(id.key, &held.bytes, bytes);
        let must_wait = is_held_back || held.as_deref().is_some_and(is_no_use);
        // A pong that was asked for is no message; one that comes so late that it waits is.
        self.shard.ingress.awaits_pong = was_pinged;
        match held {
            None if must_wait => self.keep(id, bytes),
            None => {
                let taken = self.process(id.key, bytes);
                self.keep(id, &bytes[taken..]);
            }
            Some(mut input) => {
                input.bytes.extend_from_slice(bytes);
                if !must_wait {
                    self.process_input(id, input);
                } else if let Some(conn) = self.shard.conns.current(id) {
                    conn.input = Some(input);
                }
            }
        }
        self.shard.ingress.awaits_pong = false;
        self.account(id);
    }

    /// Takes what there is of frames from bytes that were kept; keeps the rest.
    pub(in crate::shard::core) fn process_input(&mut self, id: ConnId, mut input: Box<Input>) {
        let taken = self.process(id.key, &mut input.bytes);
        let Some(conn) = self
            .shard
            .conns
            .current(id)
            .filter(|conn| !conn.state.is_closing())
        else {
            return;
        };
        if let Some(paused) = &mut conn.input {
            // A pause in between has made an input of its own, with the message in waiting.
            input.message = paused.message.take();
            input.arrival = paused.arrival.take();
        }
        input.bytes.drain(..taken);
        let waits = input.message.is_some() || input.arrival.is_some();
        let is_empty = input.bytes.is_empty() && !waits;
        conn.input = (!is_empty).then_some(input);
    }

    /// Keeps bytes that cannot be taken yet.
    fn keep(&mut self, id: ConnId, rest: &[u8]) {
        if rest.is_empty() {
            return;
        }
        if let Some(conn) = self
            .shard
            .conns
            .current(id)
            .filter(|conn| !conn.state.is_closing())
        {
            conn.input
                .get_or_insert_default()
                .bytes
                .extend_from_slice(rest);
        }
    }

    /// Takes from the front of `bytes` what is complete; returns how much.
    fn process(&mut self, key: ConnKey, bytes: &mut [u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            if self.shard.env.work.is_part_spent() {
                self.shard.put_off_rest(key);
                return taken;
            }
            self.shard.env.work.charge(WORK_OF_STEP);
            match self.take_next(key, &mut bytes[taken..]) {
                Progress::Bytes(n) => taken += n,
                Progress::Paused(n) => return taken + n,
                Progress::Incomplete => return taken,
                Progress::Ended => return bytes.len(),
            }
        }
        taken
    }

    /// Offers a message to the handler; keeps it, and pauses, if there is no space for it.
    pub(in crate::shard::core) fn offer(
        &mut self,
        key: ConnKey,
        kind: Kind,
        payload: &[u8],
        taken: usize,
    ) -> Progress {
        self.shard.conns.restart_progress(key, self.shard.env.now);
        self.shard.conns.count_message(key);
        if self.shard.env.is_traced() {
            let id = self.shard.conns.id(key);
            // The commands of a session carry its tokens: no text of them is shown.
            let speaks_session = self.shard.conns.session(key).is_some();
            let shown = if speaks_session { Kind::Binary } else { kind };
            self.shard.env.trace_received(id, shown, payload);
        }
        self.shard.env.counters.messages_in += 1;
        self.shard.env.counters.bytes_in += payload.len() as u64;
        self.shard.env.work.charge(WORK_OF_MESSAGE);
        match self.shard.meter(key, 1, payload.len()) {
            Verdict::Pass => {}
            Verdict::Wait(until) => {
                self.shard
                    .conns
                    .keep_message(key, WaitingMessage::whole(kind, payload.into()));
                self.shard.wait_until(key, until);
                return Progress::Paused(taken);
            }
            Verdict::Drop => {
                self.shard.refuse_commands(key, payload);
                return Progress::Bytes(taken);
            }
            Verdict::Close => return Progress::Ended,
        }
        self.put(key, kind, Cow::Borrowed(payload), taken)
    }

    /// Offers a message that is counted. It is kept as it is offered: what was inflated is not
    /// inflated again.
    pub(in crate::shard::core) fn put(
        &mut self,
        key: ConnKey,
        kind: Kind,
        payload: Cow<'_, [u8]>,
        taken: usize,
    ) -> Progress {
        let speaks_session = self.shard.conns.session(key).is_some();
        let answer = if speaks_session {
            self.take_commands(key, &payload)
        } else {
            self.ask(key, kind, &payload)
        };
        match answer {
            None => Progress::Ended,
            Some(Ok(())) => Progress::Bytes(taken),
            Some(Err(Halt::Close(reason))) => {
                self.shard.close(key, reason);
                Progress::Ended
            }
            Some(Err(Halt::Wait(busy))) => {
                self.shard
                    .conns
                    .keep_message(key, WaitingMessage::whole(kind, payload.into_owned()));
                self.shard.pause(key, busy);
                Progress::Paused(taken)
            }
        }
    }
}
