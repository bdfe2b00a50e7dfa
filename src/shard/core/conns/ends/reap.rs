//! The end of a turn: connections whose sockets are to be closed are freed.

use crate::handler::Handler;
use crate::id::ConnId;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::ACCEPTED;
use crate::shard::core::conn::state::State;
use crate::topic::sink::Sock;

impl<H: Handler> ShardCore<H> {
    /// Frees the connections whose sockets are to be closed, and hands those out. To be called
    /// after `settle`, at the end of the turn. The flag says that it was one too many.
    pub fn reap(&mut self, mut close: impl FnMut(ConnId, Sock, bool)) {
        let mut dead = std::mem::take(&mut self.inner.dead);
        dead.retain(|&key| {
            let conns = &mut self.inner.conns;
            if conns.get(key.index()).is_some_and(|conn| conn.is(ACCEPTED)) {
                // The handler has still to be told.
                return true;
            }
            let Some(conn) = conns.try_remove(key.index()) else {
                return false;
            };
            debug_assert!(conn.state == State::Dead);
            self.inner.clients.leave(key);
            let overflow = conn.is_overflow;
            self.inner.overflow -= usize::from(overflow);
            let generation = conn.generation;
            close(ConnId { key, generation }, conn.sock, overflow);
            false
        });
        self.inner.dead = dead;
        self.inner.counters.connections = self.inner.conns.len() as u64;
    }
}
