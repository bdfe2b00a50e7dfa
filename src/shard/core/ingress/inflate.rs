//! Compressed messages that come in: made whole, offered, and within what a turn has time for.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::limits::{INFLATE_COST_PER_STEP, INFLATE_COST_PER_TURN, OUTBOX_BYTES_HIGH};
use crate::proto::Kind;
use crate::proto::ws::deflate::{Inflater, Pace, Window};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::Kept;
use crate::shard::core::conn::state::Pause;
use crate::shard::core::ingress::Took;
use crate::shard::core::inner::Inner;

/// Compressed messages to what they are, for all connections of a shard, one after the other.
#[derive(Debug)]
pub(crate) struct Inflation {
    inflater: Inflater,
    /// Who has a compressed message that waits, in the order in which they came, each once.
    queue: VecDeque<ConnId>,
    /// Whose message is under way: the first of the queue.
    under_way: Option<ConnId>,
    /// What messages to come may refer to.
    pub(crate) contexts: Contexts,
    /// What the messages of this turn have taken.
    cost: usize,
    /// Whose turn it is in the queue begins messages until this, and then lets others go first.
    yields_at: usize,
    /// Of a turn, and of a step.
    pace: Pace,
}

/// A message as it came.
#[derive(Debug)]
pub(crate) struct Compressed<'b> {
    pub(crate) kind: Kind,
    pub(crate) payload: Cow<'b, [u8]>,
    /// Whether it may refer to messages before it, and those after it to it.
    pub(crate) takes_over: bool,
}

/// The ends of what connections have sent compressed, by their keys: of those alone whose next
/// message may refer to them, and from their first message on.
#[derive(Debug, Default)]
pub(crate) struct Contexts(HashMap<ConnKey, Vec<u8>>);

impl Contexts {
    fn of(&self, key: ConnKey) -> &[u8] {
        self.0.get(&key).map_or(&[], |context| context)
    }

    fn keep(&mut self, key: ConnKey, end: &[u8]) {
        let context = self.0.entry(key).or_default();
        context.clear();
        if context.capacity() < end.len() {
            let len = end.len().next_power_of_two();
            context.reserve_exact(len.min(Window::LARGEST.size()));
        }
        context.extend_from_slice(end);
    }

    /// Bytes of memory that a connection has here.
    pub(crate) fn held_bytes(&self, key: ConnKey) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        self.0.get(&key).map_or(0, |context| context.capacity())
    }

    /// The connection has ended.
    pub(crate) fn forget(&mut self, key: ConnKey) {
        if !self.0.is_empty() {
            self.0.remove(&key);
        }
    }
}

impl Default for Inflation {
    fn default() -> Self {
        Self {
            inflater: Inflater::default(),
            queue: VecDeque::new(),
            under_way: None,
            contexts: Contexts::default(),
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
    pub(crate) fn begin_turn(&mut self) {
        self.cost = 0;
    }

    /// A message of this connection waits for its turn.
    pub(crate) fn queue_up(&mut self, id: ConnId) {
        self.queue.push_back(id);
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
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
    pub(crate) fn limit_turn(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Whether a connection has its place among those that wait.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn awaits(&self, id: ConnId) -> bool {
        self.queue.iter().filter(|waiting| **waiting == id).count() == 1
    }
}

impl<H: Handler> ShardCore<H> {
    /// Offers what a message is to the handler; keeps it as it came if there is no time now to
    /// inflate it, or no more.
    pub(in crate::shard::core) fn offer_compressed(
        &mut self,
        key: ConnKey,
        compressed: Compressed<'_>,
        taken: usize,
    ) -> Took {
        let Compressed {
            kind,
            payload,
            takes_over,
        } = compressed;
        let id = self.inner.id(key);
        let max = self.inner.config.message_bytes_max;
        if self.inner.inflation.under_way != Some(id) && self.inner.reads_late(key) {
            self.inner.pause_for(key, Pause::Outbox);
            return self.inner.keep_compressed(key, kind, payload, taken);
        }
        let is_full = self.inner.is_full_of_replies();
        let inflation = &mut self.inner.inflation;
        if is_full || !inflation.has_time() {
            inflation.queue.push_back(id);
            self.inner.pause_for(key, Pause::Inflate);
            self.inner.counters.hit(Limit::InflateTime);
            return self.inner.keep_compressed(key, kind, payload, taken);
        }
        let mut inflater = std::mem::take(&mut inflation.inflater);
        if inflation.under_way.take() != Some(id) {
            inflater.begin(inflation.contexts.of(key));
        }
        let pace = Pace {
            budget: inflation.pace.budget - inflation.cost,
            ..inflation.pace
        };
        let mut is_whole = false;
        let took = match inflater.go_on(kind, &payload, max, pace) {
            Ok(Some(message)) => {
                is_whole = true;
                self.offer(key, kind, message, taken)
            }
            Ok(None) => {
                inflation.queue.push_front(id);
                inflation.under_way = Some(id);
                self.inner.pause_for(key, Pause::Inflate);
                self.inner.keep_compressed(key, kind, payload, taken)
            }
            Err(error) => {
                self.inner.close(key, CloseReason::Protocol(error));
                Took::Ended
            }
        };
        let is_open = self
            .inner
            .conn(key)
            .is_some_and(|conn| !conn.state.is_closing());
        let inflation = &mut self.inner.inflation;
        if takes_over && is_whole && is_open {
            inflation.contexts.keep(key, inflater.context());
        }
        // What was no message has been worked on as well.
        inflation.cost += inflater.cost();
        if inflation.under_way.is_none() {
            inflater.release();
        }
        inflation.inflater = inflater;
        took
    }

    /// Goes on with the message that is under way, and then with those that wait.
    pub(in crate::shard::core) fn resume_inflating(&mut self) {
        while !self.inner.is_full_of_replies()
            && let Some(id) = self.inner.inflation.next()
        {
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
    /// Whether compressed messages of a connection may refer to those before them.
    pub(crate) fn takes_over(&mut self, key: ConnKey) -> bool {
        self.conn(key)
            .is_some_and(|conn| conn.protocol.takes_over())
    }

    /// Whether another connection may be promised that what it has sent will be kept: while that
    /// and unfinished messages take no more than half of the memory that there is for them.
    pub(crate) fn may_promise_context(&self) -> bool {
        self.assembly() <= self.assembly_limit() / 2
    }

    /// Whether the replies to a connection have to be read first: what it has sent meanwhile is
    /// kept as small as it came.
    fn reads_late(&mut self, key: ConnKey) -> bool {
        let conn = self.conn(key);
        let is_late = conn.is_some_and(|conn| OUTBOX_BYTES_HIGH < conn.outbox_len());
        if is_late {
            self.counters.hit(Limit::Outbox);
        }
        is_late
    }

    /// Keeps the message of a connection that is paused until it is inflated.
    fn keep_compressed(
        &mut self,
        key: ConnKey,
        kind: Kind,
        payload: Cow<'_, [u8]>,
        taken: usize,
    ) -> Took {
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
