//! Compressed messages that come in: made whole, offered, and within what a turn has time for.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::close_reason::CloseReason;
use crate::conn::Kept;
use crate::counters::Limit;
use crate::handler::Handler;
use crate::id::ConnId;
use crate::limits::{INFLATE_COST_PER_STEP, INFLATE_COST_PER_TURN};
use crate::proto::Kind;
use crate::proto::ws::deflate::{Inflater, Pace};
use crate::shard::core::ShardCore;
use crate::shard::inner::Inner;
use crate::shard::input::Took;

/// Compressed messages to what they are, for all connections of a shard, one after the other.
#[derive(Debug)]
pub(super) struct Inflation {
    inflater: Inflater,
    /// Who has a compressed message that waits, in the order in which they came, each once.
    queue: VecDeque<ConnId>,
    /// Whose message is under way: the first of the queue.
    under_way: Option<ConnId>,
    /// What the messages of this turn have taken.
    cost: usize,
    /// Whose turn it is in the queue begins messages until this, and then lets others go first.
    yields_at: usize,
    /// Of a turn, and of a step.
    pace: Pace,
}

impl Default for Inflation {
    fn default() -> Self {
        Self {
            inflater: Inflater::default(),
            queue: VecDeque::new(),
            under_way: None,
            cost: 0,
            yields_at: 0,
            pace: Pace {
                budget: INFLATE_COST_PER_TURN,
                step: INFLATE_COST_PER_STEP,
            },
        }
    }
}

impl Inflation {
    pub(super) fn begin_turn(&mut self) {
        self.cost = 0;
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    fn is_spent(&self) -> bool {
        self.pace.budget <= self.cost
    }

    /// Whether there is time for a message now, and nobody who waits for that goes before it.
    fn has_time(&self) -> bool {
        !self.is_spent() && (self.queue.is_empty() || self.cost < self.yields_at)
    }

    /// Who is to be resumed, if there is time for that; its turn begins.
    fn next(&mut self) -> Option<ConnId> {
        if self.is_spent() {
            return None;
        }
        self.yields_at = self.cost + self.pace.step;
        self.queue.pop_front()
    }

    /// One that was the next has ended meanwhile.
    fn forget(&mut self, id: ConnId) {
        if self.under_way == Some(id) {
            self.under_way = None;
            self.inflater.release();
        }
    }

    /// Has it take no more than this in one turn, and in one step.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn limit_turn(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Whether a connection has its place among those who wait.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn awaits(&self, id: ConnId) -> bool {
        self.queue.iter().filter(|waiting| **waiting == id).count() == 1
    }
}

impl<H: Handler> ShardCore<H> {
    /// Offers what a message is to the handler; keeps it as it came if there is no time now to
    /// inflate it, or no more.
    pub(super) fn offer_compressed(
        &mut self,
        key: u32,
        kind: Kind,
        payload: Cow<'_, [u8]>,
        taken: usize,
    ) -> Took {
        let id = self.inner.id(key);
        let max = self.inner.config.message_bytes_max;
        let inflation = &mut self.inner.inflation;
        if !inflation.has_time() {
            inflation.queue.push_back(id);
            self.inner.count_limit(Limit::InflateTime);
            return self.inner.keep_compressed(key, kind, payload, taken);
        }
        let mut inflater = std::mem::take(&mut inflation.inflater);
        if inflation.under_way.take() != Some(id) {
            inflater.begin();
        }
        let pace = Pace {
            budget: inflation.pace.budget - inflation.cost,
            ..inflation.pace
        };
        let took = match inflater.go_on(kind, &payload, max, pace) {
            Ok(Some(message)) => self.offer(key, kind, message, taken),
            Ok(None) => {
                inflation.queue.push_front(id);
                inflation.under_way = Some(id);
                self.inner.keep_compressed(key, kind, payload, taken)
            }
            Err(error) => {
                self.inner.close(key, CloseReason::Protocol(error));
                Took::Ended
            }
        };
        let inflation = &mut self.inner.inflation;
        // What was no message has been worked on as well.
        inflation.cost += inflater.cost();
        if inflation.under_way.is_none() {
            inflater.release();
        }
        inflation.inflater = inflater;
        took
    }

    /// Goes on with the message that is under way, and then with those that wait.
    pub(super) fn resume_inflating(&mut self) {
        while let Some(id) = self.inner.inflation.next() {
            let conn = self.inner.current(id);
            if conn.is_some_and(|conn| conn.waits_to_inflate()) {
                self.resume_now(id);
            } else {
                self.inner.inflation.forget(id);
            }
        }
        self.inner.inflation.yields_at = 0;
    }
}

impl<D, A> Inner<D, A> {
    /// Reads a connection no further until its message is inflated.
    fn keep_compressed(
        &mut self,
        key: u32,
        kind: Kind,
        payload: Cow<'_, [u8]>,
        taken: usize,
    ) -> Took {
        self.set_paused(key, true);
        self.keep_message(
            key,
            Kept {
                kind,
                payload: payload.into_owned(),
                is_compressed: true,
            },
        );
        Took::Paused(taken)
    }
}
