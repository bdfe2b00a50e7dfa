//! Writing one connection: what is its own and what its topics have for it, in one call.

use std::io::IoSlice;

use crate::close_reason::CloseReason;
use crate::limits::{GATHER_COPY_BYTES_MAX, OUTBOX_BYTES_HIGH, SLICES_PER_WRITE};
use crate::payload::Form;
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::subs::WAITING;
use crate::shard::core::conn::{APART, BLOCKED, DIRTY, DRAINS};
use crate::shard::core::inner::Inner;
use crate::topic::feeds::{NO_FEED, feed_of};
use crate::topic::member;
use crate::topic::sink::{Sink, WriteError};

impl<D, A> Inner<D, A> {
    /// Writes a connection once: its outbox, then what its topics have for it.
    pub(crate) fn write<S: Sink>(&mut self, key: u32, sink: &mut S) {
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        conn.set(DIRTY, false);
        if conn.is(BLOCKED) || conn.state.is_corked() || conn.state == State::Dead {
            return;
        }
        let sock = conn.sock;
        let is_closing = conn.state == State::Closing;
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
                // Its socket may be closed soon after the last word: that must be out.
                let holds = is_closing && sink.holds(sock);
                self.after_write(key, n == total && !holds);
            }
            Err(WriteError::Blocked) => self.block_writer(key),
            Err(WriteError::Broken) => self.kill(key, CloseReason::Vanished),
        }
    }

    /// What one write takes: the outbox, then the logs of all topics.
    fn pieces(&self, key: u32) -> impl Iterator<Item = &[u8]> {
        let conn = self.conns.get(key as usize);
        let outbox = conn.and_then(|conn| conn.outbox.as_ref());
        let form = conn.map_or(Form::WebSocket, |conn| conn.form);
        let tails = conn
            .map_or(&[][..], |conn| conn.subs.as_slice())
            .iter()
            .filter_map(move |sub| {
                let topic = self
                    .topics
                    .get(sub.topic)
                    .filter(|_| sub.index != WAITING)?;
                let feed = feed_of(&self.feeds, topic.first_feed, form);
                let feed = self.feeds.get(feed as usize)?;
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
        let form = conn.form;
        let subs = std::mem::take(&mut conn.subs);
        for sub in subs.as_slice().iter().filter(|sub| sub.index != WAITING) {
            let feed_key = self.topics.get(sub.topic).map_or(NO_FEED, |topic| {
                feed_of(&self.feeds, topic.first_feed, form)
            });
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
            if conn.is(DRAINS) {
                conn.set(DRAINS, false);
                let id = self.id(key);
                self.drained.push(id);
            }
            self.rejoin(key);
            self.drop_outbox(key);
            self.rest(key);
        }
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        if conn.pause == Pause::Outbox && left < OUTBOX_BYTES_HIGH {
            self.queue_read(key);
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
        } else if conn.state == State::Closing {
            self.finish(key);
        } else {
            self.set_held(key, false);
            self.queue_walks_of(key);
        }
    }

    /// Lets the walks see that a connection has caught up, where logs wait for that.
    pub(crate) fn queue_walks_of(&mut self, key: u32) {
        let Some(conn) = self.conns.get_mut(key as usize) else {
            return;
        };
        let form = conn.form;
        let subs = std::mem::take(&mut conn.subs);
        for sub in subs.as_slice() {
            let feed_key = self.topics.get(sub.topic).map_or(NO_FEED, |topic| {
                feed_of(&self.feeds, topic.first_feed, form)
            });
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
        let form = conn.form;
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
            let Some(sub) = conn.subs.get(feed.topic).filter(|_| feed.form == form) else {
                continue;
            };
            let head = feed.log.head();
            let member = &mut feed.members[sub.index as usize];
            if member.is(member::APART) {
                member.set(member::APART, false);
                member.set_cursor(head);
                self.counters.skipped += feed.log.count().saturating_sub(count);
            }
        }
    }
}
