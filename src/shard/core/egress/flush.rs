//! Writing: the walks over the feeds, and one gathered write for whoever has more than a log.

use crate::close_reason::CloseReason;
use crate::config::SlowConsumer;
use crate::limits::{REST_COPY_BYTES_MAX, SENDS_PER_TURN, WALK_QUANTUM};
use crate::shard::core::conn::BLOCKED;
use crate::shard::core::inner::Inner;
use crate::topic::feed::{Met, Walk};
use crate::topic::member::HELD;
use crate::topic::sink::Sink;

impl<D, A> Inner<D, A> {
    /// Sends what there is to send, within the budget of a turn.
    pub(crate) fn flush<S: Sink>(&mut self, sink: &mut S) {
        self.walk_feeds(sink);
        // As many as are marked now: what stays dirty has its turn next time.
        for _ in 0..self.dirty.len().min(SENDS_PER_TURN) {
            if let Some(key) = self.dirty.pop_front() {
                self.write(key, sink);
            }
        }
    }

    fn walk_feeds<S: Sink>(&mut self, sink: &mut S) {
        let mut budget = SENDS_PER_TURN;
        // Each feed once, so that a turn ends even if none needs a send.
        for _ in 0..self.walks.len() {
            let Some(key) = self.walks.pop_front() else {
                return;
            };
            let Some(feed) = self.feeds.get_mut(key as usize).filter(|feed| feed.queued) else {
                continue;
            };
            let quantum = budget.min(WALK_QUANTUM);
            let mut left = quantum;
            let mut met = std::mem::take(&mut self.met);
            let walk = feed.walk(sink, &mut left, &mut met);
            self.counters.walk_sends += (quantum - left) as u64;
            // Before the log is let go of: who was sent a part of a frame needs the rest of it.
            for met in met.drain(..) {
                self.meet(key, met);
            }
            self.met = met;
            self.after_walk(key, walk);
            budget -= quantum - left;
            if budget == 0 {
                return;
            }
        }
    }

    fn after_walk(&mut self, feed_key: u32, walk: Walk) {
        let Some(feed) = self.feeds.get_mut(feed_key as usize) else {
            return;
        };
        if walk == Walk::Done {
            feed.queued = false;
            feed.settle(&mut self.pool);
            self.moved = true;
        } else {
            self.walks.push_back(feed_key);
        }
    }

    #[cold]
    fn meet(&mut self, feed_key: u32, met: Met) {
        match met {
            Met::Shared { conn } => self.mark_dirty(conn),
            Met::Broken { conn } => self.kill(conn, CloseReason::Vanished),
            Met::Short { index, sent_to } => {
                let Some(feed) = self.feeds.get_mut(feed_key as usize) else {
                    return;
                };
                let key = feed.members[index].conn;
                self.leave_rest(feed_key, index, sent_to);
                self.block(key);
            }
        }
    }

    /// Moves a member whose log was sent up to `sent_to` to the next frame boundary; the rest of
    /// the frame goes to the connection.
    pub(crate) fn leave_rest(&mut self, feed_key: u32, index: usize, sent_to: u64) {
        let Some(feed) = self.feeds.get_mut(feed_key as usize) else {
            return;
        };
        let member = &mut feed.members[index];
        let key = member.conn;
        let end = feed.log.frame_end(sent_to);
        member.set_cursor(end);
        let Some((segment, from, to)) = feed.log.share(sent_to, end).filter(|_| sent_to < end)
        else {
            return;
        };
        let Some(outbox) = self.outbox(key) else {
            return;
        };
        if to - from <= REST_COPY_BYTES_MAX {
            outbox.append(|bytes| bytes.extend_from_slice(segment.slice(from, to)));
        } else {
            outbox.share_rest(segment, from, to);
        }
    }

    /// Whether the connection's socket takes no more for now.
    pub(crate) fn is_blocked(&self, key: u32) -> bool {
        let conn = self.conns.get(key as usize);
        conn.is_some_and(|conn| conn.is(BLOCKED))
    }

    /// Makes the walks pass over a connection's members, or not any more.
    pub(crate) fn set_held(&mut self, key: u32, held: bool) {
        self.each_member(key, |feed, index| {
            feed.members[index].set(HELD, held);
        });
    }

    /// Puts a feed on the list of those to walk.
    pub(crate) fn queue_walk(&mut self, feed_key: u32) {
        if let Some(feed) = self.feeds.get_mut(feed_key as usize) {
            feed.queue_walk(feed_key, &mut self.walks);
        }
    }

    /// Notes that a connection's socket takes no more.
    fn block(&mut self, key: u32) {
        let stamp = self.now.stamp();
        self.counters.short_writes += 1;
        let Some(conn) = self.conn(key) else { return };
        conn.set(BLOCKED, true);
        conn.blocked_at = stamp;
        self.set_blocked(key, true);
        self.set_held(key, true);
        self.arm(key);
    }

    /// Notes that a write of its own left a connection blocked. The last walks counted it among
    /// those that logs wait for: walks that do not are due.
    pub(crate) fn block_writer(&mut self, key: u32) {
        self.block(key);
        self.queue_walks_of(key);
    }

    fn set_blocked(&mut self, key: u32, blocked: bool) {
        self.each_member(key, |feed, index| {
            feed.set_blocked(index, blocked);
        });
    }

    /// The socket takes bytes again.
    pub(crate) fn unblock(&mut self, key: u32) {
        if !self.is_blocked(key) {
            return;
        }
        if self.config.slow_consumer == SlowConsumer::Latest {
            self.conflate(key);
        }
        self.set_blocked(key, false);
        if let Some(conn) = self.conn(key) {
            conn.set(BLOCKED, false);
        }
        self.mark_dirty(key);
        // Its next ping, for instance, is due earlier than the end of a stall was.
        self.arm(key);
    }

    /// Moves a connection that is behind to the newest message of each of its topics.
    fn conflate(&mut self, key: u32) {
        let mut skipped = 0;
        self.each_member(key, |feed, index| {
            let member = &mut feed.members[index];
            let newest = feed.log.newest();
            if member.cursor() < newest {
                skipped += feed.log.frames_between(member.cursor(), newest);
                member.set_cursor(newest);
            }
        });
        self.counters.skipped += skipped;
    }
}
