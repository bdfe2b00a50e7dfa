//! The end of a turn: connections are freed, and their sockets closed.

use crate::handler::Handler;
use crate::id::ConnId;
use crate::shard::core::ShardCore;
use crate::shard::core::conn::ACCEPTED;
use crate::topic::sink::Sock;

impl<H: Handler> ShardCore<H> {
    /// Frees dead connections, and hands out their sockets, which are to be closed. To be called
    /// after `settle`, at the end of the turn. The flag says that it was one too many.
    pub fn reap(&mut self, mut close: impl FnMut(ConnId, Sock, bool)) {
        let mut dead = self.shard.conns.ends.take_dead();
        dead.retain(|&key| {
            let conns = &mut self.shard.conns;
            if conns.get(key).is_some_and(|conn| conn.is(ACCEPTED)) {
                // The handler has still to be told.
                return true;
            }
            let id = conns.id(key);
            if let Some(conn) = conns.remove(key) {
                close(id, conn.sock, conn.is_overflow);
            }
            false
        });
        self.shard.conns.ends.give_dead(dead);
        self.shard.env.counters.connections = self.shard.conns.len() as u64;
    }
}
