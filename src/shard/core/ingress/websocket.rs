//! WebSocket: frames to messages, pings, and what says nothing.

use std::borrow::Cow;

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::Handler;
use crate::id::ConnKey;
use crate::limits::{OUTBOX_BYTES_HIGH, WORK_OF_PONG, WORK_OF_STEP};
use crate::proto::ws::{Decoder, Event, encode_pong};
use crate::shard::core::ShardCore;
use crate::shard::core::ingress::Progress;
use crate::shard::core::ingress::inflate::Compressed;
use crate::shard::core::meters::Verdict;
use crate::shard::core::shard::Shard;

impl<H: Handler> ShardCore<H> {
    /// Takes the next frame from `input`. The decoder is out of its connection meanwhile, as the
    /// handler is called with what it decoded.
    pub(in crate::shard::core) fn take_websocket(
        &mut self,
        key: ConnKey,
        mut decoder: Decoder,
        input: &mut [u8],
    ) -> Progress {
        let progress = self.take_event(key, &mut decoder, input);
        decoder.release();
        self.give_back(key, decoder);
        progress
    }

    fn give_back(&mut self, key: ConnKey, decoder: Decoder) {
        if let Some(conn) = self.shard.conns.live(key)
            && !conn.state.is_closing()
        {
            conn.protocol.put_back(decoder);
        }
    }

    fn take_event(&mut self, key: ConnKey, decoder: &mut Decoder, input: &mut [u8]) -> Progress {
        let max = self.shard.env.config.message_bytes_max;
        let deflate = self
            .shard
            .conns
            .live(key)
            .is_some_and(|conn| conn.form.window().is_some());
        let takes_over = decoder.takes_over();
        let step = match decoder.decode(input, max, deflate) {
            Ok(step) => step,
            Err(error) => {
                self.shard.close(key, CloseReason::Protocol(error));
                return Progress::Ended;
            }
        };
        self.shard.env.work.charge(step.fragments * WORK_OF_STEP);
        match self.shard.meter_silent(key, step.fragments) {
            Verdict::Close => return Progress::Ended,
            Verdict::Wait(until) if step.event.is_none() => {
                self.shard.wait_until(key, until);
                return Progress::Paused(step.taken);
            }
            // What came with them counts as well, and so waits for them, too.
            Verdict::Pass | Verdict::Drop | Verdict::Wait(_) => {}
        }
        match step.event {
            None => Progress::Bytes(step.taken),
            Some(Event::Pong(_)) if std::mem::take(&mut self.shard.ingress.awaits_pong) => {
                Progress::Bytes(step.taken)
            }
            Some(Event::Pong(_)) => self.shard.take_silent(key, step.taken),
            Some(Event::Message { kind, payload }) => self.offer(key, kind, payload, step.taken),
            Some(Event::Compressed { kind, payload }) => {
                let compressed = Compressed {
                    kind,
                    payload: Cow::Borrowed(payload),
                    takes_over,
                };
                self.offer_compressed(key, compressed, step.taken)
            }
            Some(Event::Ping(payload)) => self.shard.take_ping(key, payload, step.taken),
            Some(Event::Close { code, reason }) => {
                self.shard.answer_close(key, code, reason);
                Progress::Ended
            }
        }
    }
}

impl<D, A> Shard<D, A> {
    /// Answers a ping of `taken` bytes. It counts as a message by the rates of its connection, as
    /// it makes as much work.
    pub(crate) fn take_ping(&mut self, key: ConnKey, payload: &[u8], taken: usize) -> Progress {
        let verdict = self.meter(key, 1, payload.len());
        match verdict {
            Verdict::Pass | Verdict::Wait(_) => {}
            Verdict::Drop => return Progress::Bytes(taken),
            Verdict::Close => return Progress::Ended,
        }
        // A client that pings and does not read gets no more pongs than fit.
        let is_full = self.usage().is_full_of_replies();
        let conn = self.conns.live(key);
        if conn.is_some_and(|conn| conn.own_len() < OUTBOX_BYTES_HIGH && !is_full) {
            self.env.work.charge(WORK_OF_PONG);
            self.reply(key, |out| encode_pong(out, payload));
        } else {
            self.env.counters.hit(Limit::Outbox);
        }
        let Verdict::Wait(until) = verdict else {
            return Progress::Bytes(taken);
        };
        // It is paid for: what comes after it waits.
        self.wait_until(key, until);
        Progress::Paused(taken)
    }

    /// Takes a frame of `taken` bytes that says nothing: a heartbeat, or a pong that was not asked
    /// for. It counts as a message, or a flood of them would be free.
    pub(crate) fn take_silent(&mut self, key: ConnKey, taken: usize) -> Progress {
        match self.meter_silent(key, 1) {
            Verdict::Pass | Verdict::Drop => Progress::Bytes(taken),
            Verdict::Close => Progress::Ended,
            Verdict::Wait(until) => {
                self.wait_until(key, until);
                Progress::Paused(taken)
            }
        }
    }

    /// What becomes of the connection after so many frames that say nothing.
    pub(crate) fn meter_silent(&mut self, key: ConnKey, frames: usize) -> Verdict {
        if frames == 0 {
            return Verdict::Pass;
        }
        self.meter(key, frames, 0)
    }
}
