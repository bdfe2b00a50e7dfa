//! Writing: the walks over the feeds, and one gathered write for whoever has more than a log.

use std::io::IoSlice;

use crate::close_reason::CloseReason;
use crate::config::SlowConsumer;
use crate::conn::subs::WAITING;
use crate::conn::{APART, BLOCKED, CLOSING, CORKED, DEAD, DIRTY, WAITS_OUTBOX};
use crate::limits::{
    GATHER_COPY_BYTES_MAX, OUTBOX_BYTES_HIGH, REST_COPY_BYTES_MAX, SENDS_PER_TURN,
    SLICES_PER_WRITE, WALK_QUANTUM,
};
use crate::shard::inner::Inner;
use crate::topic::feed::{Met, Walk};
use crate::topic::local::NO_FEED;
use crate::topic::member;
use crate::topic::sink::{Sink, WriteError};

impl<D> Inner<D> {
    /// Sends what there is to send, within the budget of a turn.
    pub(super) fn flush<S: Sink>(&mut self, sink: &mut S) {
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
    fn leave_rest(&mut self, feed_key: u32, index: usize, sent_to: u64) {
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
    fn block_writer(&mut self, key: u32) {
        self.block(key);
        self.queue_walks_of(key);
    }

    fn set_blocked(&mut self, key: u32, blocked: bool) {
        let Self {
            conns,
            topics,
            feeds,
            ..
        } = self;
        let Some(conn) = conns.get(key as usize) else {
            return;
        };
        let form = conn.form().index();
        for sub in conn
            .subs
            .as_slice()
            .iter()
            .filter(|sub| sub.index != WAITING)
        {
            let feed = topics
                .get(sub.topic)
                .map(|topic| topic.feeds[form] as usize);
            if let Some(feed) = feed.and_then(|feed| feeds.get_mut(feed)) {
                feed.set_blocked(sub.index as usize, blocked);
            }
        }
    }

    /// The socket takes bytes again.
    pub(super) fn unblock(&mut self, key: u32) {
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
    }

    /// Moves a connection that is behind to the newest message of each of its topics.
    fn conflate(&mut self, key: u32) {
        let Self {
            conns,
            topics,
            feeds,
            counters,
            ..
        } = self;
        let Some(conn) = conns.get(key as usize) else {
            return;
        };
        let form = conn.form().index();
        for sub in conn
            .subs
            .as_slice()
            .iter()
            .filter(|sub| sub.index != WAITING)
        {
            let feed = topics
                .get(sub.topic)
                .map(|topic| topic.feeds[form] as usize);
            if let Some(feed) = feed.and_then(|feed| feeds.get_mut(feed)) {
                let member = &mut feed.members[sub.index as usize];
                let newest = feed.log.newest();
                if member.cursor() < newest {
                    counters.skipped += feed.log.frames_between(member.cursor(), newest);
                    member.set_cursor(newest);
                }
            }
        }
    }

    /// Writes a connection once: its outbox, then what its topics have for it.
    fn write<S: Sink>(&mut self, key: u32, sink: &mut S) {
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        conn.set(DIRTY, false);
        if conn.is(BLOCKED | CORKED | DEAD) {
            return;
        }
        let sock = conn.sock;
        let (count, total) = self.pieces(key).fold((0, 0), |(count, total), piece| {
            (count + 1, total + piece.len())
        });
        let sent = if count <= 1 {
            self.pieces(key)
                .next()
                .map_or(Ok(0), |piece| sink.send(sock, piece))
        } else if total <= GATHER_COPY_BYTES_MAX {
            let mut scratch = std::mem::take(&mut self.scratch);
            scratch.clear();
            self.pieces(key)
                .for_each(|piece| scratch.extend_from_slice(piece));
            let sent = sink.send(sock, &scratch);
            self.scratch = scratch;
            sent
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE];
            for (slice, piece) in slices.iter_mut().zip(self.pieces(key)) {
                *slice = IoSlice::new(piece);
            }
            sink.send_vectored(sock, &slices[..count])
        };
        match sent {
            Ok(n) => {
                self.advance(key, n);
                self.after_write(key, n == total);
            }
            Err(WriteError::Blocked) => self.block_writer(key),
            Err(WriteError::Broken) => self.kill(key, CloseReason::Vanished),
        }
    }

    /// What one write takes: the outbox, then the logs of all topics.
    fn pieces(&self, key: u32) -> impl Iterator<Item = &[u8]> {
        let conn = self.conns.get(key as usize);
        let outbox = conn.and_then(|conn| conn.outbox.as_ref());
        let form = conn.map_or(0, |conn| conn.form().index());
        let tails = conn
            .map_or(&[][..], |conn| conn.subs.as_slice())
            .iter()
            .filter_map(move |sub| {
                let topic = self
                    .topics
                    .get(sub.topic)
                    .filter(|_| sub.index != WAITING)?;
                let feed = self.feeds.get(topic.feeds[form] as usize)?;
                let member = feed.members.get(sub.index as usize)?;
                (!member.is(member::APART)).then(|| feed.log.tail(member.cursor()))
            });
        let pieces = outbox
            .into_iter()
            .flat_map(|outbox| outbox.slices())
            .chain(tails);
        pieces
            .filter(|piece| !piece.is_empty())
            .take(SLICES_PER_WRITE)
    }

    /// Notes that a connection's next `n` bytes were sent, in the order of `pieces`.
    fn advance(&mut self, key: u32, mut n: usize) {
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        if 0 < n {
            conn.blocked_at = self.now.stamp();
        }
        if let Some(outbox) = &mut conn.outbox {
            let own = n.min(outbox.len());
            outbox.advance(own);
            n -= own;
        }
        if n == 0 {
            return;
        }
        let form = conn.form().index();
        let subs = std::mem::take(&mut conn.subs);
        for sub in subs.as_slice().iter().filter(|sub| sub.index != WAITING) {
            let feed_key = self
                .topics
                .get(sub.topic)
                .map_or(NO_FEED, |topic| topic.feeds[form]);
            let Some(feed) = self.feeds.get_mut(feed_key as usize) else {
                continue;
            };
            let member = feed.members[sub.index as usize];
            if n == 0 || member.is(member::APART) {
                continue;
            }
            let took = n.min(feed.log.tail(member.cursor()).len());
            n -= took;
            self.leave_rest(feed_key, sub.index as usize, member.cursor() + took as u64);
        }
        if let Some(conn) = self.conns.get_mut(key as usize) {
            conn.subs = subs;
        }
    }

    /// After a write that sent all it was given (`whole`), or less.
    fn after_write(&mut self, key: u32, whole: bool) {
        if !whole {
            self.block_writer(key);
        }
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        let left = conn.outbox_len();
        if left == 0 {
            self.rejoin(key);
            self.drop_outbox(key);
        }
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        if conn.is(WAITS_OUTBOX) && left < OUTBOX_BYTES_HIGH {
            conn.set(WAITS_OUTBOX, false);
            self.resume(key);
        }
        if !whole {
            return;
        }
        let more = left != 0 || self.has_tail(key);
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        if more {
            self.mark_dirty(key);
        } else if conn.is(CLOSING) {
            self.finish(key);
        } else {
            self.set_held(key, false);
            self.queue_walks_of(key);
        }
    }

    /// Whether one of the connection's logs has more for it.
    pub(super) fn has_tail(&self, key: u32) -> bool {
        let Some(conn) = self.conns.get(key as usize) else {
            return false;
        };
        let form = conn.form().index();
        conn.subs
            .as_slice()
            .iter()
            .filter(|sub| sub.index != WAITING)
            .any(|sub| {
                let feed = self
                    .topics
                    .get(sub.topic)
                    .map(|topic| topic.feeds[form] as usize);
                feed.and_then(|feed| self.feeds.get(feed))
                    .is_some_and(|feed| feed.members[sub.index as usize].cursor() < feed.log.head())
            })
    }

    /// Lets the walks see that a connection has caught up, where logs wait for that.
    fn queue_walks_of(&mut self, key: u32) {
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        let form = conn.form().index();
        let subs = std::mem::take(&mut conn.subs);
        for sub in subs.as_slice() {
            let feed_key = self
                .topics
                .get(sub.topic)
                .map_or(NO_FEED, |topic| topic.feeds[form]);
            if self
                .feeds
                .get(feed_key as usize)
                .is_some_and(|feed| !feed.log.is_empty())
            {
                self.queue_walk(feed_key);
            }
        }
        if let Some(conn) = self.conns.get_mut(key as usize) {
            conn.subs = subs;
        }
    }

    /// All that was held apart is sent: the connection's members follow the logs again.
    fn rejoin(&mut self, key: u32) {
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        if !conn.is(APART) {
            return;
        }
        conn.set(APART, false);
        let form = conn.form().index();
        let rejoin = conn
            .outbox
            .as_mut()
            .map(|outbox| outbox.take_rejoin())
            .unwrap_or_default();
        for (feed_key, count) in rejoin {
            let Some(feed) = self.feeds.get_mut(feed_key as usize) else {
                continue;
            };
            let Some(conn) = self.conns.get(key as usize) else {
                return;
            };
            let Some(sub) = conn
                .subs
                .get(feed.topic)
                .filter(|_| feed.form.index() == form)
            else {
                continue;
            };
            let head = feed.log.head();
            let member = &mut feed.members[sub.index as usize];
            if member.is(member::APART) {
                member.set(member::APART, false);
                member.set_cursor(head);
                self.counters.skipped += feed.log.count() - count;
            }
        }
    }
}
