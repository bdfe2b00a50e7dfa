//! What goes out to sockets: the walks over the feeds, and one gathered write for each connection
//! that has more than a log.

mod timing;
pub(crate) mod write;

use crate::close_reason::CloseReason;
use crate::id::ConnKey;
use crate::limits::{SENDS_PER_TURN, WALK_QUANTUM, WORK_OF_PLACE};
use crate::shard::core::conn::BLOCKED;
use crate::shard::core::shard::Shard;
use crate::shard::core::work::Share;
use crate::topic::fanout::Handover;
use crate::topic::sink::Sink;

impl<D, A> Shard<D, A> {
    /// Sends what there is to send, within the budget of a turn.
    pub(crate) fn flush<S: Sink>(&mut self, sink: &mut S) {
        self.walk_feeds(sink);
        self.pubsub.end_delays(&mut self.conns, &mut self.env);
        let share = self.env.work.swap(Share::Writes);
        // As many as are marked now: what stays dirty has its turn next time.
        for _ in 0..self.conns.dirty_len().min(SENDS_PER_TURN) {
            if self.env.work.is_spent() {
                break;
            }
            if let Some(key) = self.conns.next_dirty() {
                let conn = self.conns.get(key);
                let places = conn.map_or(0, |conn| conn.subs.count_to_write());
                self.env.work.charge(places * WORK_OF_PLACE);
                self.write(key, sink);
            }
        }
        self.env.work.swap(share);
        // What has been read makes space for pages that others wait for.
        self.env.moved |= self.pubsub.may_ask();
    }

    /// Asks for pages of history, now that others may have been read.
    pub(crate) fn ask_for_pages(&mut self) {
        self.relieve_pages();
        self.pubsub.ask_queued(&self.conns, &mut self.env);
    }

    fn walk_feeds<S: Sink>(&mut self, sink: &mut S) {
        let mut budget = SENDS_PER_TURN;
        // Each feed once, so that a turn ends even if none needs a send.
        for _ in 0..self.pubsub.fanout.walks() {
            let walked = self.pubsub.fanout.walk_next(sink, budget.min(WALK_QUANTUM));
            self.env.counters.walk_sends += walked.sends as u64;
            self.env.moved |= walked.is_done;
            while let Some(handover) = self.pubsub.fanout.next_handover() {
                self.take_over(handover, sink);
            }
            budget -= walked.sends;
            if budget == 0 {
                return;
            }
        }
    }

    #[cold]
    fn take_over<S: Sink>(&mut self, handover: Handover, sink: &mut S) {
        match handover {
            Handover::Shared { conn, topic } => {
                let may_wait = self.drain.is_none();
                self.pubsub
                    .take_found(&mut self.conns, &self.env, (conn, topic), may_wait);
            }
            Handover::Broken { conn } => self.kill(conn, CloseReason::Vanished),
            Handover::Short { conn, rest } => {
                if let Some(rest) = rest
                    && let Some(outbox) = self.conns.outbox(conn)
                {
                    outbox.keep_rest(rest);
                }
                self.block(conn);
                self.keep_little(conn, sink);
            }
        }
    }

    /// If a connection is blocked that is to get the newest messages, its socket takes few of them.
    pub(crate) fn keep_little<S: Sink>(&mut self, key: ConnKey, sink: &mut S) {
        let config = &self.env.config;
        if self.is_blocked(key)
            && self.pubsub.wants_newest(&self.conns, key, config)
            && let Some(conn) = self.conns.get(key)
        {
            sink.keep_little(conn.sock);
        }
    }

    /// Whether the connection's socket takes no more for now.
    pub(crate) fn is_blocked(&self, key: ConnKey) -> bool {
        let conn = self.conns.get(key);
        conn.is_some_and(|conn| conn.is(BLOCKED))
    }

    /// Notes that a connection's socket takes no more.
    fn block(&mut self, key: ConnKey) {
        let stamp = self.env.now.stamp();
        self.env.counters.short_writes += 1;
        let Some(conn) = self.conns.live(key) else {
            return;
        };
        self.env.counters.blocked += u64::from(!conn.is(BLOCKED));
        conn.set(BLOCKED, true);
        conn.blocked_at = stamp;
        // Until it is written again, any of its topics may have something.
        conn.subs.write_all();
        self.pubsub.set_blocked(&self.conns, key, true);
        self.pubsub.set_outbox_first(&self.conns, key, true);
        self.arm(key);
    }

    /// Notes that a write of its own left a connection blocked. The last walks counted it among
    /// those that logs wait for: walks that do not are due.
    pub(crate) fn block_writer(&mut self, key: ConnKey) {
        self.block(key);
        self.pubsub.queue_walks_of(&self.conns, key);
    }

    /// The socket takes bytes again.
    pub(crate) fn unblock(&mut self, key: ConnKey) {
        if !self.is_blocked(key) {
            return;
        }
        if let Some(conn) = self.conns.get(key) {
            let share = self.env.work.swap(Share::Writes);
            self.env.work.charge(conn.subs.count() * WORK_OF_PLACE);
            self.env.work.swap(share);
        }
        let config = &self.env.config;
        self.env.counters.skipped += self.pubsub.conflate(&mut self.conns, key, config);
        self.pubsub.set_blocked(&self.conns, key, false);
        if let Some(conn) = self.conns.live(key) {
            conn.set(BLOCKED, false);
            self.env.counters.blocked -= 1;
        }
        self.pubsub.mark_all_dirty(&mut self.conns, key);
        // Its next ping, for instance, is due earlier than the end of a stall was.
        self.arm(key);
    }
}
