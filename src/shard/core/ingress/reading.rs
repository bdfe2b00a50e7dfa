//! Which connections to read from, and how much in a turn.

use crate::handler::Handler;
use crate::id::{ConnId, ConnKey};
use crate::limits::{BYTES_PER_WORK, WORK_OF_READ, WORK_OF_RECORD};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::UNPROCESSED;
use crate::shard::core::shard::Shard;
use crate::shard::core::work::Share;

impl<H: Handler> ShardCore<H> {
    /// An event has told of a connection's bytes, or that they end: then what there is, is all.
    pub fn note_readable(&mut self, id: ConnId, ends: bool) {
        let Some(conn) = self.shard.conns.current(id) else {
            return;
        };
        if ends && 1 < conn.subs.count() {
            self.shard.conns.reads.note_leaving(id);
        } else {
            self.shard.conns.reads.note(id, ends);
        }
    }

    /// The next connection to read from in this turn, and whether to read on after a short read,
    /// until there is nothing.
    pub fn take_readable(&mut self) -> Option<(ConnId, bool)> {
        loop {
            let (id, was_idle) = self.next_readable()?;
            let Some(has_rest) = self
                .shard
                .conns
                .current(id)
                .map(|conn| conn.is(UNPROCESSED))
            else {
                continue;
            };
            let to_the_end = self.shard.conns.reads.take(id.key);
            let alone = self.shard.conns.reads.is_empty();
            if was_idle && !alone {
                let others = self.shard.conns.reads.fresh_len();
                self.shard.env.work.begin_first_part(others);
            } else {
                self.shard.env.work.begin_part(alone);
            }
            if has_rest {
                self.process_rest(id);
            }
            let conn = self.shard.conns.current(id);
            if conn.is_some_and(|conn| !conn.is(UNPROCESSED)) {
                return Some((id, to_the_end));
            }
        }
    }

    /// The next in the queues, and whether it was idle. Those that leave have a share of their own,
    /// so that however many they are, the others are read in each turn.
    fn next_readable(&mut self) -> Option<(ConnId, bool)> {
        let (work, reads) = (&mut self.shard.env.work, &mut self.shard.conns.reads);
        work.enter(Share::Read);
        if !work.is_spent()
            && let Some(next) = reads.next(work.is_mostly_spent())
        {
            return Some(next);
        }
        work.enter(Share::Leaving);
        let next = (!work.is_spent()).then(|| reads.next_leaving());
        next.flatten().map(|id| (id, false))
    }

    /// Whether to read from a connection now; if not, it is among `take_readable` later.
    pub fn wants_bytes(&mut self, id: ConnId) -> bool {
        let Some(conn) = self.shard.conns.current(id) else {
            return false;
        };
        let (is_paused, has_rest) = (conn.is_paused(), conn.is(UNPROCESSED));
        let may_publish = conn.state.is_accepted();
        if is_paused || may_publish && self.shard.is_quiet() {
            self.shard.conns.reads.hold(id.key);
        } else if !has_rest && self.shard.env.work.is_part_spent() {
            self.shard.conns.reads.put_back(id);
        } else if !has_rest {
            self.shard.env.work.charge(WORK_OF_READ);
            return true;
        }
        false
    }

    /// How many bytes to read at once from the connection that [`wants_bytes`](Self::wants_bytes)
    /// was true for.
    pub fn read_len(&self) -> usize {
        self.shard.env.work.read_len()
    }

    /// What was read came in so many bytes of so many records, whatever was in them.
    pub fn charge_sealed(&mut self, bytes: usize, records: usize) {
        let work = bytes / BYTES_PER_WORK + records * WORK_OF_RECORD;
        self.shard.env.work.charge(work);
    }

    /// Whether a connection is not read, as something of it waits. After its last word nothing
    /// does: it is read on in the next step, and has shut down its own side, so that the kernel
    /// tells of its client's end as of a reset.
    pub fn is_waiting(&mut self, id: ConnId) -> bool {
        let conn = self.shard.conns.current(id);
        conn.is_some_and(|conn| conn.is_paused() && !conn.state.is_closing())
    }

    /// A connection has sent a part of its TLS handshake, which waits for its turn.
    pub fn note_handshake(&mut self, id: ConnId) {
        if self.shard.conns.current(id).is_some() {
            self.shard.conns.reads.set_awaits(id.key, true);
        }
    }

    /// It is its turn: what follows is read as a part of a TLS handshake, or comes with the end of
    /// one.
    pub fn begin_handshake(&mut self, id: ConnId) {
        if self.shard.conns.current(id).is_some() {
            self.shard.conns.reads.set_awaits(id.key, false);
        }
        self.shard.env.work.enter(Share::Handshake);
        self.shard.env.work.begin_part(false);
    }

    /// Processes more of what a connection has sent in an earlier turn.
    fn process_rest(&mut self, id: ConnId) {
        let Some(conn) = self.shard.conns.current(id) else {
            return;
        };
        conn.set(UNPROCESSED, false);
        if let Some(input) = conn.input.take() {
            self.process_input(id, input);
        }
        self.read_on(id);
    }
}

impl<D, A> Shard<D, A> {
    /// A connection has used its part of the turn: the rest of what came is processed later.
    pub(crate) fn put_off_rest(&mut self, key: ConnKey) {
        let id = self.conns.id(key);
        if let Some(conn) = self.conns.live(key).filter(|conn| !conn.state.is_closing()) {
            conn.set(UNPROCESSED, true);
            self.conns.reads.put_back(id);
        }
    }
}
