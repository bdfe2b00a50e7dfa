//! The backlog: bytes of frames kept for those who are behind, on the whole shard, and what gives
//! way when they are too many.

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::id::key32;
use crate::limits::HELD_MESSAGES_MIN;
use crate::shard::core::conn::{APART, BLOCKED, Conn};
use crate::shard::core::inner::Inner;

impl<D, A> Inner<D, A> {
    /// Whether the shard's backlog is within its budget; over it, cuts the oldest logs that only
    /// blocked members still need, and holds mail back while the walks can shorten others.
    pub(crate) fn has_backlog_room(&mut self, more: usize) -> bool {
        let budget = self.backlog_limit();
        if self.pool.backlog() + more <= budget {
            self.relieve_above = 0;
            return true;
        }
        if self.relieve_above < self.pool.backlog() + more {
            self.relieve_backlog(budget, more);
            // What could not be cut now needs no search again before it has grown.
            self.relieve_above = self.pool.backlog() + budget / 16;
        }
        self.pool.backlog() + more <= budget || self.walks.is_empty()
    }

    fn relieve_backlog(&mut self, budget: usize, more: usize) {
        // A margin, so that the search below pays for many messages to come.
        let target = budget - budget / 8;
        let mut oldest: Vec<(u64, u32)> = self
            .feeds
            .iter()
            .filter(|(_, feed)| 0 < feed.blocked)
            .filter_map(|(key, feed)| Some((feed.log.born()?, key32(key))))
            .collect();
        oldest.sort_unstable();
        for (_, feed) in oldest {
            while target < self.pool.backlog() + more
                && self
                    .feeds
                    .get(feed as usize)
                    .is_some_and(|feed| !feed.log.is_empty())
                && self.with_lag(feed, |feed, pool, lagging| feed.cut(pool, lagging))
            {}
        }
        self.relieve_outboxes(target.saturating_sub(more));
        let held = HELD_MESSAGES_MIN.saturating_mul(self.config.message_bytes_max);
        let is_long = budget.saturating_mul(2) < self.pool.backlog() || self.is_over_memory();
        if is_long && held < self.pool.backlog() {
            self.close_holders(budget);
        }
    }

    /// Ends blocked connections that hold on to the rest of a large frame, while over `target`:
    /// there is nothing else to take away.
    fn close_holders(&mut self, target: usize) {
        let holds = |conn: &Conn<D>| {
            conn.is(BLOCKED) && conn.outbox.as_ref().is_some_and(|outbox| outbox.pins())
        };
        let holders: Vec<u32> = self
            .conns
            .iter()
            .filter(|(_, conn)| holds(conn))
            .map(|(key, _)| key32(key))
            .collect();
        for key in holders {
            if self.pool.backlog() <= target {
                return;
            }
            self.counters.hit(Limit::Backlog);
            self.kill(key, CloseReason::Overload);
        }
    }

    /// Takes unread frames away from those who hold them apart, while over `target`.
    fn relieve_outboxes(&mut self, target: usize) {
        let Self {
            conns,
            pool,
            counters,
            ..
        } = self;
        for (_, conn) in conns.iter_mut().filter(|(_, conn)| conn.is(APART)) {
            if pool.backlog() <= target {
                return;
            }
            if let Some(outbox) = &mut conn.outbox {
                counters.skipped += outbox.drop_unread();
            }
        }
    }
}
