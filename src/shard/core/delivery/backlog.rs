//! The backlog: bytes of frames kept for connections that are behind, on the whole shard, and what
//! happens to those when they are too many.

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::id::ConnKey;
use crate::limits::{HELD_MESSAGES_MIN, PAGE_PATIENCE};
use crate::shard::core::conn::{ACCEPTED, BLOCKED, Conn, SPILLED};
use crate::shard::core::shard::Shard;
use crate::topic::fanout::{Overrun, Overruns};

impl<D, A> Shard<D, A> {
    /// Whether the shard's backlog is within its budget; over it, cuts the oldest logs that only
    /// blocked members still need, and holds mail back while the walks can shorten others.
    pub(crate) fn has_backlog_space(&mut self, more: usize) -> bool {
        let budget = self.usage().backlog_limit();
        if self.pubsub.fanout.is_within(budget, more) {
            return true;
        }
        if self.pubsub.fanout.is_relief_due(more) {
            self.relieve_backlog(budget, more);
            self.pubsub.fanout.note_relief(budget);
        }
        let is_within = self.pubsub.fanout.backlog() + more <= budget;
        is_within || !self.pubsub.hurry(&mut self.conns) && self.pubsub.fanout.walks() == 0
    }

    fn relieve_backlog(&mut self, budget: usize, more: usize) {
        // A margin, so that the search below pays for many messages to come.
        let target = (budget - budget / 8).saturating_sub(more);
        self.pubsub.fanout.cut_oldest(target, &self.env.config);
        self.apply_overruns();
        self.relieve_outboxes(target);
        let held = HELD_MESSAGES_MIN.saturating_mul(self.env.config.message_bytes_max);
        let backlog = self.pubsub.fanout.backlog();
        let is_long = budget.saturating_mul(2) < backlog || self.usage().is_over_budget();
        if is_long && held < backlog {
            self.close_holders(budget);
        }
    }

    /// Does what the policy for slow consumers says with connections that had unread frames in a
    /// log that has let go of them.
    pub(crate) fn apply_overruns(&mut self) {
        let Overruns { skipped, conns } = self.pubsub.fanout.take_overruns();
        self.env.counters.skipped += skipped;
        for overrun in conns {
            match overrun {
                Overrun::Spill {
                    conn,
                    topic,
                    unread,
                    count,
                } => {
                    if let Some(outbox) = self.conns.outbox(conn) {
                        outbox.keep_unread(topic, count, unread);
                    }
                    if let Some(conn) = self.conns.get_mut(conn) {
                        conn.set(SPILLED, true);
                    }
                }
                Overrun::Behind { conn, topic, since } => {
                    self.pubsub
                        .fall_behind(&mut self.conns, (conn, topic), since);
                }
                Overrun::Slow { conn } => {
                    if self.conns.live(conn).is_some_and(|conn| conn.is(ACCEPTED)) {
                        self.close(conn, CloseReason::Slow);
                    }
                }
            }
        }
    }

    /// Ends blocked connections that hold on to the rest of a large frame, while over `target`:
    /// there is nothing else to take away.
    fn close_holders(&mut self, target: usize) {
        let holds = |conn: &Conn<D>| {
            conn.is(BLOCKED) && conn.outbox.as_ref().is_some_and(|outbox| outbox.pins())
        };
        let holders: Vec<ConnKey> = self
            .conns
            .iter()
            .filter(|(_, conn)| holds(conn))
            .map(|(key, _)| key)
            .collect();
        for key in holders {
            if self.pubsub.fanout.backlog() <= target {
                return;
            }
            self.env.counters.hit(Limit::Backlog);
            self.kill(key, CloseReason::Overload);
        }
    }

    /// While others have waited for long to ask for pages of history, ends connections that have
    /// pages and have taken nothing for as long, blocked or corked; if they are not enough, also
    /// some of those that read slowly. As few as free enough: first those with pages of their own.
    pub(crate) fn relieve_pages(&mut self) {
        if !self.pubsub.is_held_up(self.env.now) {
            return;
        }
        // None was used since they wait, and what is kept seems to be shared.
        self.pubsub.fanout.forget_pages(self.env.now);
        let holders = self.conns.iter().filter(|(_, conn)| {
            (conn.is(BLOCKED) || conn.state.is_corked()) && 0 < conn.pages_len()
        });
        let mut holders: Vec<_> = holders
            .map(|(key, conn)| {
                let since = conn.blocked_at.moment();
                // What is corked has its pages for longer than others wait.
                let reads = !conn.state.is_corked() && self.env.now < since.plus(PAGE_PATIENCE);
                let outbox = conn.outbox.as_ref();
                let shares = !outbox.is_some_and(|outbox| outbox.has_page_alone());
                (reads, shares, since, key)
            })
            .collect();
        holders.sort_unstable();
        for (.., key) in holders {
            if !self.pubsub.is_held_up(self.env.now) {
                break;
            }
            self.env.counters.hit(Limit::Backlog);
            self.kill(key, CloseReason::Overload);
        }
        self.pubsub.note_pages_relieved();
    }

    /// Takes unread frames away from outboxes that they were spilled to, while over `target`.
    fn relieve_outboxes(&mut self, target: usize) {
        let Self {
            conns, pubsub, env, ..
        } = self;
        for conn in conns.iter_mut().filter(|conn| conn.is(SPILLED)) {
            if pubsub.fanout.backlog() <= target {
                return;
            }
            if let Some(outbox) = &mut conn.outbox {
                env.counters.skipped += outbox.drop_unread();
            }
        }
    }
}
