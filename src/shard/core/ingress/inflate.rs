//! Compressed messages that come in: made whole, offered, and within what a turn has time for.

use std::borrow::Cow;

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::limits::{INFLATE_COST_PER_STEP, INFLATE_COST_PER_TURN, OUTBOX_BYTES_HIGH};
use crate::proto::Kind;
use crate::proto::ws::deflate::{Inflater, Pace};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::WaitingMessage;
use crate::shard::core::conn::state::Pause;
use crate::shard::core::ingress::Progress;
use crate::shard::core::shard::Shard;

/// Compressed messages to what they are, for all connections of a shard, one after the other.
#[derive(Debug)]
pub(crate) struct Inflation {
    inflater: Inflater,
    /// The connection whose message is under way: the first of those that wait.
    under_way: Option<ConnId>,
    /// What the messages of this turn have taken.
    cost: usize,
    /// A connection that has its turn begins messages until this, and then lets others go first.
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

impl Default for Inflation {
    fn default() -> Self {
        Self {
            inflater: Inflater::default(),
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
    pub(crate) fn begin_turn(&mut self) {
        self.cost = 0;
    }

    fn is_spent(&self) -> bool {
        self.pace.budget <= self.cost
    }

    /// Whether there is time for a message now, and none that waits for that goes before it.
    fn has_time(&self, others_wait: bool) -> bool {
        !self.is_spent() && (!others_wait || self.cost < self.yields_at)
    }

    /// Whether there is time for a message that waits; if so, its turn begins.
    fn begin_step(&mut self) -> bool {
        let has_time = !self.is_spent();
        if has_time {
            self.yields_at = self.cost + self.pace.step;
        }
        has_time
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
}

impl<H: Handler> ShardCore<H> {
    /// Offers what a message is to the handler; keeps it as it came if there is no time now to
    /// inflate it, or no more.
    pub(in crate::shard::core) fn offer_compressed(
        &mut self,
        key: ConnKey,
        compressed: Compressed<'_>,
        taken: usize,
    ) -> Progress {
        let Compressed {
            kind,
            payload,
            takes_over,
        } = compressed;
        let id = self.shard.conns.id(key);
        let max = self.shard.env.config.message_bytes_max;
        if self.shard.ingress.inflation.under_way != Some(id) && self.shard.reads_late(key) {
            self.shard
                .conns
                .pause_for(&mut self.shard.env, key, Pause::Outbox);
            return self.shard.keep_compressed(key, kind, payload, taken);
        }
        let is_full = self.shard.usage().is_full_of_replies();
        let others_wait = !self.shard.conns.waits.inflate.is_empty();
        let inflation = &mut self.shard.ingress.inflation;
        if is_full || !inflation.has_time(others_wait) {
            self.shard.conns.waits.inflate.push_back(id);
            self.shard
                .conns
                .pause_for(&mut self.shard.env, key, Pause::Inflate);
            self.shard.env.counters.hit(Limit::InflateTime);
            return self.shard.keep_compressed(key, kind, payload, taken);
        }
        let mut inflater = std::mem::take(&mut inflation.inflater);
        if inflation.under_way.take() != Some(id) {
            inflater.begin(self.shard.conns.contexts.of(key));
        }
        let pace = Pace {
            budget: inflation.pace.budget - inflation.cost,
            ..inflation.pace
        };
        let mut is_whole = false;
        let progress = match inflater.go_on(kind, &payload, max, pace) {
            Ok(Some(message)) => {
                is_whole = true;
                self.offer(key, kind, message, taken)
            }
            Ok(None) => {
                self.shard.conns.waits.inflate.push_front(id);
                inflation.under_way = Some(id);
                self.shard
                    .conns
                    .pause_for(&mut self.shard.env, key, Pause::Inflate);
                self.shard.keep_compressed(key, kind, payload, taken)
            }
            Err(error) => {
                self.shard.close(key, CloseReason::Protocol(error));
                Progress::Ended
            }
        };
        let is_open = self
            .shard
            .conns
            .live(key)
            .is_some_and(|conn| !conn.state.is_closing());
        let inflation = &mut self.shard.ingress.inflation;
        if takes_over && is_whole && is_open {
            self.shard.conns.contexts.keep(key, inflater.context());
        }
        // What was no message has been worked on as well.
        inflation.cost += inflater.cost();
        if inflation.under_way.is_none() {
            inflater.release();
        }
        inflation.inflater = inflater;
        progress
    }

    /// Goes on with the message that is under way, and then with those that wait.
    pub(in crate::shard::core) fn resume_inflating(&mut self) {
        while !self.shard.usage().is_full_of_replies()
            && self.shard.ingress.inflation.begin_step()
            && let Some(id) = self.shard.conns.waits.inflate.pop_front()
        {
            let conn = self.shard.conns.current(id);
            if conn.is_some_and(|conn| conn.waits_to_inflate()) {
                self.resume_now(id);
            } else {
                self.shard.ingress.inflation.forget(id);
            }
        }
        self.shard.ingress.inflation.yields_at = 0;
    }
}

impl<D, A> Shard<D, A> {
    /// Whether compressed messages of a connection may refer to those before them.
    pub(crate) fn takes_over(&mut self, key: ConnKey) -> bool {
        self.conns
            .live(key)
            .is_some_and(|conn| conn.protocol.takes_over())
    }

    /// Whether another connection may be promised that what it has sent will be kept: while that
    /// and unfinished messages take no more than half of the memory that there is for them.
    pub(crate) fn may_promise_context(&self) -> bool {
        let usage = self.usage();
        usage.assembly <= usage.assembly_limit() / 2
    }

    /// Whether the replies to a connection have to be read first: what it has sent meanwhile is
    /// kept as small as it came.
    fn reads_late(&mut self, key: ConnKey) -> bool {
        let conn = self.conns.live(key);
        let is_late = conn.is_some_and(|conn| OUTBOX_BYTES_HIGH < conn.own_len());
        if is_late {
            self.env.counters.hit(Limit::Outbox);
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
    ) -> Progress {
        self.conns.keep_message(
            key,
            WaitingMessage {
                kind,
                payload: payload.into_owned(),
                is_compressed: true,
            },
        );
        Progress::Paused(taken)
    }
}
