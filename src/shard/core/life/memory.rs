//! What clients make the shard hold: its parts, what each may be, and which gives way to which.
//!
//! All parts together have a budget. Each part has a limit of its own, and may take no more than
//! the parts behind it in this order leave of the budget: frames kept for those who are behind,
//! replies that are not read, messages that have not come whole. So the first gives way first.
//! What is left, mail of rooms and the rests of TLS, has bounds of its own and gives way to none.

use std::collections::HashMap;

use crate::close_reason::CloseReason;
use crate::config::{Config, Parts};
use crate::counters::Limit;
use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::proto::http::Response;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::BLOCKED;
use crate::shard::core::shard::Shard;

/// What clients make the shard hold, beside what the parts know themselves.
#[derive(Debug)]
pub(crate) struct Memory {
    limits: Parts,
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
            relieve_above: 0,
            tls: 0,
        }
    }
}

impl<D, A> Shard<D, A> {
    /// Bytes of what has not come whole, and of messages that wait.
    pub(crate) fn assembly(&self) -> usize {
        self.conns.holders.bytes()
    }

    /// Bytes of replies that are not read.
    pub(crate) fn replies(&self) -> usize {
        self.conns.outboxes.bytes()
    }

    /// What gives way to none.
    fn fixed(&self) -> usize {
        self.memory.tls + self.pubsub.staged.bytes()
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
        let parts = self.fixed() + self.assembly() + self.replies() + self.pubsub.fanout.backlog();
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
            self.env.counters.hit(Limit::Replies);
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
                let since = self.env.now.since(conn.blocked_at.moment()).as_millis();
                (key, self.conns.holders.client(conn.tab), held as u64, since)
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

    /// Over the limit of unfinished messages, those that get on least give way.
    fn relieve_holders(&mut self) {
        let limit = self.assembly_limit();
        if self.assembly() <= limit {
            return;
        }
        let mut ranked = self.conns.holders.ranked(self.env.now);
        // A margin, so that the search pays for much to come.
        while limit - limit / 8 < self.assembly()
            && let Some((_, _, key)) = ranked.pop()
        {
            self.env.counters.hit(Limit::Assembly);
            self.give_way(key);
        }
    }

    /// Ends a connection for want of memory; a request is told so.
    fn give_way(&mut self, key: ConnKey) {
        if let Some(head) = self.take_head(key) {
            let text = "the server has no memory for the request now";
            let refusal = Response::text(503, text).with_header("Retry-After", "1");
            self.respond_to_head(key, &head, &refusal);
        }
        self.close(key, CloseReason::Overload);
    }

    /// Keeps count of the memory of unfinished messages.
    pub(crate) fn account(&mut self, key: ConnKey) {
        if self.conns.note_held(key, self.env.now) {
            self.arm(key);
        }
    }

    /// Counts what of each part is there now.
    pub(crate) fn count_memory(&mut self) {
        let assembly = (self.conns.holders.unfinished() + self.conns.holders.context()) as u64;
        let waiting = (self.conns.holders.waiting() + self.pubsub.staged.bytes()) as u64;
        let replies = self.replies() as u64;
        let counters = &mut self.env.counters;
        counters.backlog_bytes = self.pubsub.fanout.backlog() as u64;
        counters.replies_bytes = replies;
        counters.assembly_bytes = assembly;
        counters.waiting_bytes = waiting;
        counters.tls_bytes = self.memory.tls as u64;
        counters.memory_budget_bytes = self.memory.limits.memory as u64;
    }
}

impl<H: Handler> ShardCore<H> {
    /// Keeps count of the memory of unfinished messages; over the limit some give way.
    pub(in crate::shard::core) fn account(&mut self, id: ConnId) {
        let conn = self.shard.conns.current(id);
        if conn.is_none_or(|conn| conn.state.is_closing()) {
            return;
        }
        self.shard.account(id.key);
        self.shard.relieve_holders();
    }

    /// TLS holds so many bytes of what came in part, and of what is sealed and not sent.
    pub fn note_tls_bytes(&mut self, bytes: usize) {
        self.shard.memory.tls = bytes;
    }
}
