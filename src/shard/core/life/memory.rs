//! What clients make the shard hold: its parts, what each may be, and which gives way to which.
//!
//! All parts together have a budget. Each part has a limit of its own, and may take no more than
//! the parts behind it in this order leave of the budget: frames for subscribers that are behind,
//! replies that are not read, incomplete messages. So the first gives way first.
//! What is left, histories, presence, mail of rooms and the rests of TLS, gives way to none.

use crate::close_reason::CloseReason;
use crate::config::{Config, Parts};
use crate::counters::Limit;
use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::proto::http::Response;
use crate::shard::core::ShardCore;
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

    /// The limits are these from now on. What is above them is made less as it is elsewhere.
    pub(crate) fn set_limits(&mut self, config: &Config) {
        self.limits = config.parts();
        self.relieve_above = 0;
    }
}

/// What clients make the shard hold now, in bytes, and what each part of it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    limits: Parts,
    /// What gives way to none.
    fixed: usize,
    /// Incomplete input, and messages that wait.
    pub(crate) assembly: usize,
    /// Replies that are not read.
    pub(crate) replies: usize,
    /// Frames kept for subscribers that are behind.
    pub(crate) backlog: usize,
}

impl Usage {
    pub(crate) fn assembly_limit(&self) -> usize {
        let left = self.limits.memory.saturating_sub(self.fixed);
        self.limits.assembly.min(left)
    }

    fn replies_limit(&self) -> usize {
        let others = self.fixed + self.assembly;
        let left = self.limits.memory.saturating_sub(others);
        self.limits.replies.min(left)
    }

    pub(crate) fn backlog_limit(&self) -> usize {
        let others = self.fixed + self.assembly + self.replies;
        let left = self.limits.memory.saturating_sub(others);
        self.limits.backlog.min(left)
    }

    /// Whether all parts together are more than the budget.
    pub(crate) fn is_over_budget(&self) -> bool {
        self.limits.memory < self.fixed + self.assembly + self.replies + self.backlog
    }

    /// Whether the shard holds as many replies as it may: none is made before some are read, or
    /// those that do not read have gone.
    pub(crate) fn is_full_of_replies(&self) -> bool {
        self.replies_limit() < self.replies
    }
}

impl<D, A> Shard<D, A> {
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            limits: self.memory.limits,
            fixed: self.memory.tls
                + self.pubsub.room_queue.bytes()
                + self.pubsub.history.bytes()
                + self.pubsub.clients.bytes(),
            assembly: self.conns.holders.bytes(),
            replies: self.conns.outboxes.bytes(),
            backlog: self.pubsub.fanout.backlog(),
        }
    }

    /// Near the limit of replies, ends connections that do not read theirs: those of which, and of
    /// whose address, most has waited longest.
    pub(crate) fn relieve_replies(&mut self) {
        let usage = self.usage();
        let limit = usage.replies_limit();
        let target = limit - limit / 8;
        if usage.replies <= target {
            self.memory.relieve_above = 0;
            return;
        }
        if usage.replies <= self.memory.relieve_above {
            return;
        }
        let mut ranked = self.conns.rank_unread(self.env.now);
        while target < self.conns.outboxes.bytes()
            && let Some((_, key)) = ranked.pop()
        {
            self.env.counters.hit(Limit::Replies);
            self.kill(key, CloseReason::Overload);
        }
        // What could not be freed now needs no search again before it has grown.
        self.memory.relieve_above = (self.conns.outboxes.bytes() + limit / 16).min(limit);
    }

    /// Over the limit of unfinished messages, those that get on least give way.
    fn relieve_holders(&mut self) {
        let usage = self.usage();
        let limit = usage.assembly_limit();
        if usage.assembly <= limit {
            return;
        }
        let mut ranked = self.conns.holders.ranked(self.env.now);
        // A margin, so that the search pays for much to come.
        while limit - limit / 8 < self.conns.holders.bytes()
            && let Some((_, _, key)) = ranked.pop()
        {
            self.env.counters.hit(Limit::Assembly);
            self.give_way(key);
        }
    }

    /// Ends a connection because memory is short; a request is told so.
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
        let usage = self.usage();
        let holders = &self.conns.holders;
        let counters = &mut self.env.counters;
        counters.backlog_bytes = usage.backlog as u64;
        counters.replies_bytes = usage.replies as u64;
        counters.assembly_bytes = (holders.unfinished() + holders.context()) as u64;
        counters.waiting_bytes = (holders.waiting() + self.pubsub.room_queue.bytes()) as u64;
        let history = &self.pubsub.history;
        counters.history_bytes = history.bytes() as u64;
        counters.history_messages = history.entries() as u64;
        counters.history_topics = history.topics() as u64;
        counters.limited[Limit::History.index()] = history.dropped();
        counters.presence_bytes = self.pubsub.clients.bytes() as u64;
        counters.tls_bytes = self.memory.tls as u64;
        counters.timers = self.conns.timers.entries() as u64;
        let (before, after) = self.pubsub.fanout.encoder().compressed();
        (counters.compressed_from, counters.compressed_to) = (before, after);
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
