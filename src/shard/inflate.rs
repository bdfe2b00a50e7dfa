//! Compressed messages that come in: made whole, offered, and within what a turn has time for.

use crate::close_reason::CloseReason;
use crate::handler::Handler;
use crate::limits::INFLATE_COST_PER_TURN;
use crate::proto::Kind;
use crate::proto::ws::deflate::Inflater;
use crate::shard::core::ShardCore;
use crate::shard::inner::Inner;
use crate::shard::input::Took;

/// Compressed messages to what they are, for all connections of a shard.
#[derive(Debug, Default)]
pub(super) struct Inflation {
    inflater: Inflater,
    /// What the messages of this phase of the turn have taken.
    cost: usize,
}

impl Inflation {
    pub(super) fn begin_phase(&mut self) {
        self.cost = 0;
    }
}

impl<H: Handler> ShardCore<H> {
    /// Offers what a message is to the handler.
    pub(super) fn offer_compressed(
        &mut self,
        key: u32,
        kind: Kind,
        payload: &[u8],
        taken: usize,
    ) -> Took {
        let mut inflater = std::mem::take(&mut self.inner.inflation.inflater);
        let max = self.inner.config.message_bytes_max;
        let took = match inflater.inflate(kind, payload, max) {
            Ok(message) => self.offer(key, kind, message, taken),
            Err(error) => {
                self.inner.close(key, CloseReason::Protocol(error));
                Took::Ended
            }
        };
        // What was no message has been worked on as well.
        self.inner.inflation.cost += inflater.cost();
        inflater.release();
        self.inner.inflation.inflater = inflater;
        took
    }
}

impl<D, A> Inner<D, A> {
    /// Has a connection whose messages may be compressed read no further in this turn, if others
    /// took enough.
    pub(super) fn waits_to_inflate(&mut self, key: u32) -> bool {
        let Some(conn) = self.conns.get(key as usize) else {
            return false;
        };
        let waits = INFLATE_COST_PER_TURN <= self.inflation.cost && conn.form.is_deflate();
        if waits {
            self.set_paused(key, true);
            self.queue_resume(key);
        }
        waits
    }
}
