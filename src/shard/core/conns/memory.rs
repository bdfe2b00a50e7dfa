//! What clients make the shard hold: its parts, what each may be, and which gives way to which.
//!
//! All parts together have a budget. Each part has a limit of its own, and may take no more than
//! the parts behind it in this order leave of the budget: frames kept for those who are behind,
//! replies that are not read, messages that have not come whole. So the first gives way first.
//! What is left, mail of rooms and the rests of TLS, has bounds of its own and gives way to none.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::close_reason::CloseReason;
use crate::config::{Config, Parts};
use crate::counters::Limit;
use crate::handler::Handler;
use crate::id::ConnKey;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::BLOCKED;
use crate::shard::core::conn::outbox::Outbox;
use crate::shard::core::inner::Inner;

/// What clients make the shard hold, beside what the parts know themselves.
#[derive(Debug)]
pub(crate) struct Memory {
    limits: Parts,
    /// Bytes of unread replies: outboxes count them.
    replies: Rc<Cell<usize>>,
    /// The replies above which it is worth looking for connections to end, where their limit is
    /// not.
    relieve_above: usize,
    /// Bytes of TLS that are no plaintext yet, or not sent: the shell counts them.
    tls: usize,
}

impl Memory {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            limits: config.parts(),
            replies: Rc::default(),
            relieve_above: 0,
            tls: 0,
        }
    }

    /// An outbox whose memory is counted here.
    pub(crate) fn outbox(&self) -> Box<Outbox> {
        Box::new(Outbox::counted_by(&self.replies))
    }
}

impl<D, A> Inner<D, A> {
    /// Bytes of what has not come whole, and of messages that wait.
    pub(crate) fn assembly(&self) -> usize {
        self.holders.unfinished() + self.holders.waiting() + self.holders.context()
    }

    /// Bytes of replies that are not read.
    pub(crate) fn replies(&self) -> usize {
        self.memory.replies.get()
    }

    /// What gives way to none.
    fn fixed(&self) -> usize {
        self.memory.tls + self.staged.bytes()
    }

    pub(crate) fn assembly_limit(&self) -> usize {
        let left = self.memory.limits.memory.saturating_sub(self.fixed());
        self.memory.limits.assembly.min(left)
    }

    fn replies_limit(&self) -> usize {
        let others = self.fixed() + self.assembly();
        let left = self.memory.limits.memory.saturating_sub(others);
        self.memory.limits.replies.min(left)
    }

    pub(crate) fn backlog_limit(&self) -> usize {
        let others = self.fixed() + self.assembly() + self.replies();
        let left = self.memory.limits.memory.saturating_sub(others);
        self.memory.limits.backlog.min(left)
    }

    /// Whether all parts together are more than the budget.
    pub(crate) fn is_over_memory(&self) -> bool {
        let parts = self.fixed() + self.assembly() + self.replies() + self.fanout.backlog();
        self.memory.limits.memory < parts
    }

    /// Whether the shard holds as many replies as it may: none is made before some are read, or
    /// those that do not read have gone.
    pub(crate) fn is_full_of_replies(&self) -> bool {
        self.replies_limit() < self.replies()
    }

    /// Near the limit of replies, ends connections that do not read theirs: those of which, and of
    /// whose address, most has waited longest.
    pub(crate) fn relieve_replies(&mut self) {
        let limit = self.replies_limit();
        let target = limit - limit / 8;
        if self.replies() <= target {
            self.memory.relieve_above = 0;
            return;
        }
        if self.replies() <= self.memory.relieve_above {
            return;
        }
        let mut ranked = self.rank_unread();
        while target < self.replies()
            && let Some((_, key)) = ranked.pop()
        {
            self.counters.hit(Limit::Replies);
            self.kill(key, CloseReason::Overload);
        }
        // What could not be freed now needs no search again before it has grown.
        self.memory.relieve_above = (self.replies() + limit / 16).min(limit);
    }

    fn rank_unread(&self) -> Vec<(u64, ConnKey)> {
        let unread = self.conns.iter().filter_map(|(key, conn)| {
            let held = conn.outbox.as_ref().map_or(0, |outbox| outbox.held());
            let waits = conn.is(BLOCKED) && held != 0;
            waits.then(|| {
                let since = self.now.since(conn.blocked_at.moment()).as_millis();
                (
                    ConnKey::new(key),
                    self.holders.client(conn.tab),
                    held as u64,
                    since,
                )
            })
        });
        let unread: Vec<_> = unread.collect();
        let mut of_client = HashMap::<u32, u64>::new();
        for (_, client, held, _) in &unread {
            *of_client.entry(*client).or_default() += held;
        }
        let score = |client: u32, since: u128| {
            let seconds = u64::try_from(since / 1000).unwrap_or(u64::MAX).min(1 << 20);
            of_client.get(&client).copied().unwrap_or(0) * (seconds + 1)
        };
        let unread = unread.into_iter();
        let mut ranked: Vec<(u64, ConnKey)> = unread
            .map(|(key, client, _, since)| (score(client, since), key))
            .collect();
        ranked.sort_unstable();
        ranked
    }

    /// Counts what of each part is there now.
    pub(crate) fn count_memory(&mut self) {
        let assembly = (self.holders.unfinished() + self.holders.context()) as u64;
        let waiting = (self.holders.waiting() + self.staged.bytes()) as u64;
        let replies = self.replies() as u64;
        let counters = &mut self.counters;
        counters.backlog_bytes = self.fanout.backlog() as u64;
        counters.replies_bytes = replies;
        counters.assembly_bytes = assembly;
        counters.waiting_bytes = waiting;
        counters.tls_bytes = self.memory.tls as u64;
        counters.memory_budget_bytes = self.memory.limits.memory as u64;
    }
}

impl<H: Handler> ShardCore<H> {
    /// TLS holds so many bytes of what came in part, and of what is sealed and not sent.
    pub fn note_tls_bytes(&mut self, bytes: usize) {
        self.inner.memory.tls = bytes;
    }
}
