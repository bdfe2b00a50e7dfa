//! Writing one connection: what is its own and what its topics have for it, in one call.

use std::io::IoSlice;

use crate::close_reason::CloseReason;
use crate::id::ConnKey;
use crate::limits::{GATHER_COPY_BYTES_MAX, OUTBOX_BYTES_HIGH, SLICES_PER_WRITE};
use crate::shard::core::conn::state::{Pause, State};
use crate::shard::core::conn::{BLOCKED, DIRTY, DRAINS, SPILLED};
use crate::shard::core::shard::Shard;
use crate::topic::sink::{Sink, Sock, WriteError};

/// Several pieces in one call: short ones are copied next to each other.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    /// Kept for the next write.
    copied: Vec<u8>,
}

impl Gather {
    /// Sends the pieces; returns how many bytes were taken, and whether that was all.
    fn send<'p, S: Sink>(
        &mut self,
        sock: Sock,
        mut pieces: impl Iterator<Item = &'p [u8]> + Clone,
        sink: &mut S,
    ) -> Result<(usize, bool), WriteError> {
        let (count, total) = pieces.clone().fold((0, 0), |(count, total), piece| {
            (count + 1, total + piece.len())
        });
        let sent = if count <= 1 {
            pieces.next().map_or(Ok(0), |piece| sink.send(sock, piece))
        } else if total <= GATHER_COPY_BYTES_MAX {
            self.copied.clear();
            pieces.for_each(|piece| self.copied.extend_from_slice(piece));
            sink.send(sock, &self.copied)
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE];
            for (slice, piece) in slices.iter_mut().zip(pieces) {
                *slice = IoSlice::new(piece);
            }
            sink.send_vectored(sock, &slices[..count])
        };
        sent.map(|sent| (sent, sent == total))
    }
}

impl<D, A> Shard<D, A> {
    /// Writes a connection once: its outbox, then what its topics have for it.
    pub(crate) fn write<S: Sink>(&mut self, key: ConnKey, sink: &mut S) {
        let Some(conn) = self.conns.get_mut(key) else {
            return;
        };
        conn.set(DIRTY, false);
        conn.subs.set_delayed(false);
        if conn.is(BLOCKED) || conn.state.is_corked() || conn.state == State::Dead {
            return;
        }
        let sock = conn.sock;
        let is_closing = conn.state == State::Closing;
        let mut gather = std::mem::take(&mut self.gather);
        let sent = gather.send(sock, self.pieces(key), sink);
        self.gather = gather;
        match sent {
            Ok((n, is_all)) => {
                self.advance(key, n);
                // Its socket may be closed soon after the last word: that must be out.
                let holds = is_closing && sink.holds(sock);
                self.after_write(key, is_all && !holds);
            }
            Err(WriteError::Blocked) => self.block_writer(key),
            Err(WriteError::Broken) => self.kill(key, CloseReason::Vanished),
        }
        self.keep_little(key, sink);
    }

    /// What one write takes: the outbox, then the logs of topics, from that on where the last write
    /// ended.
    fn pieces(&self, key: ConnKey) -> impl Iterator<Item = &[u8]> + Clone {
        let conn = self.conns.get(key);
        let outbox = conn.and_then(|conn| conn.outbox.as_ref());
        let places = conn
            .into_iter()
            .flat_map(|conn| conn.subs.places_to_write(conn.form));
        let tails = places.map(|place| self.pubsub.fanout.tail(place));
        let pieces = outbox
            .into_iter()
            .flat_map(|outbox| outbox.slices())
            .chain(tails);
        pieces
            .filter(|piece| !piece.is_empty())
            .take(SLICES_PER_WRITE)
    }

    /// Notes that a connection's next `n` bytes were sent, in the order of `pieces`.
    fn advance(&mut self, key: ConnKey, mut n: usize) {
        let Self { conns, pubsub, .. } = self;
        let fanout = &mut pubsub.fanout;
        let Some((conn, outboxes)) = conns.with_outboxes(key) else {
            return;
        };
        if 0 < n {
            conn.blocked_at = self.env.now.stamp();
        }
        if let Some(outbox) = &mut conn.outbox {
            let own = n.min(outbox.len());
            outbox.advance(own);
            n -= own;
        }
        let mut next = None;
        for place in conn.subs.places_to_write(conn.form) {
            if n == 0 {
                next = Some(place.topic);
                break;
            }
            let took = n.min(fanout.tail(place).len());
            n -= took;
            if took == 0 {
                continue;
            }
            if let Some(rest) = fanout.advance(place, took) {
                outboxes.make(&mut conn.outbox).keep_rest(rest);
            }
        }
        // Where the write ended: otherwise topics that have messages in every turn would leave no
        // slice to the others, and those would hold up their publishers.
        if let Some(next) = next {
            conn.subs.write_next(next);
        }
    }

    /// After a write that sent all it was given (`whole`), or less.
    fn after_write(&mut self, key: ConnKey, whole: bool) {
        if !whole {
            self.block_writer(key);
        }
        let Some(conn) = self.conns.get_mut(key) else {
            return;
        };
        let left = conn.outbox_len();
        if left == 0 {
            if conn.is(DRAINS) {
                conn.set(DRAINS, false);
                let id = self.conns.id(key);
                self.conns.ends.note_drained(id);
            }
            self.rejoin(key);
            self.conns.drop_outbox(key);
            self.conns.rest(key);
        }
        self.pubsub.note_read(&self.conns, &mut self.env, key, left);
        let Some(conn) = self.conns.get_mut(key) else {
            return;
        };
        if conn.pause == Pause::Outbox && conn.own_len() < OUTBOX_BYTES_HIGH {
            self.conns.queue_read(&mut self.env, key);
        }
        if !whole {
            return;
        }
        let is_behind = self.pubsub.go_on_walking(&mut self.conns, key);
        let conn = self.conns.get(key);
        if left != 0 || is_behind {
            self.pubsub.mark_dirty(&mut self.conns, key);
        } else if conn.is_some_and(|conn| conn.state == State::Closing) {
            self.finish(key);
        }
    }

    /// All that was spilled is sent: the connection's members follow the logs again.
    fn rejoin(&mut self, key: ConnKey) {
        let Self { conns, pubsub, .. } = self;
        let fanout = &mut pubsub.fanout;
        let Some(conn) = conns.get_mut(key).filter(|conn| conn.is(SPILLED)) else {
            return;
        };
        conn.set(SPILLED, false);
        let outbox = conn.outbox.as_mut();
        for (topic, count) in outbox
            .map(|outbox| outbox.take_rejoin())
            .unwrap_or_default()
        {
            if let Some(place) = conn.subs.place(conn.form, topic) {
                self.env.counters.skipped += fanout.rejoin(place, count);
            }
        }
    }
}
