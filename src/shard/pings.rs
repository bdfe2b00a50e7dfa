//! What clients send that is no message: pings, which want an answer, and what wants none.

use crate::counters::Limit;
use crate::limits::{OUTBOX_BYTES_HIGH, WORK_OF_PONG};
use crate::proto::ws::encode_pong;
use crate::shard::inner::Inner;
use crate::shard::input::Took;
use crate::shard::meter::Verdict;

impl<D, A> Inner<D, A> {
    /// Answers a ping of `taken` bytes. It counts as a message by the rates of its connection, as
    /// it makes as much work.
    pub(super) fn take_ping(&mut self, key: u32, payload: &[u8], taken: usize) -> Took {
        let verdict = self.meter(key, 1, payload.len());
        match verdict {
            Verdict::Pass | Verdict::Wait(_) => {}
            Verdict::Drop => return Took::Bytes(taken),
            Verdict::Close => return Took::Ended,
        }
        // One who pings and does not read gets no more pongs than fit.
        let is_full = self.is_full_of_replies();
        let conn = self.conn(key);
        if conn.is_some_and(|conn| conn.outbox_len() < OUTBOX_BYTES_HIGH && !is_full) {
            self.work.charge(WORK_OF_PONG);
            self.reply(key, |out| encode_pong(out, payload));
        } else {
            self.count_limit(Limit::Outbox);
        }
        let Verdict::Wait(until) = verdict else {
            return Took::Bytes(taken);
        };
        // It is paid for: what comes after it waits.
        self.wait_until(key, until);
        Took::Paused(taken)
    }

    /// Takes a frame of `taken` bytes that says nothing: a heartbeat, or a pong that was not asked
    /// for. It counts as a message, or a flood of them would be free.
    pub(super) fn take_silent(&mut self, key: u32, taken: usize) -> Took {
        match self.meter_silent(key, 1) {
            Verdict::Pass | Verdict::Drop => Took::Bytes(taken),
            Verdict::Close => Took::Ended,
            Verdict::Wait(until) => {
                self.wait_until(key, until);
                Took::Paused(taken)
            }
        }
    }

    /// What becomes of the connection after so many frames that say nothing.
    pub(super) fn meter_silent(&mut self, key: u32, frames: usize) -> Verdict {
        if frames == 0 {
            return Verdict::Pass;
        }
        self.meter(key, frames, 0)
    }
}
