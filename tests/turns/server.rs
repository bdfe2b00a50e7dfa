//! A shard with its sockets: it reads them as the event loop does.

use corecast::limits::{WORK_PER_PART, WORK_PER_SHARE};
use corecast::{Config, ConnId};

use crate::shard::Shard;

/// A shard with the sockets that it reads.
pub(crate) struct Server {
    pub(crate) shard: Shard,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            shard: Shard::new(config),
        }
    }

    /// From now on a turn does what the limits say.
    pub(crate) fn begin(&mut self) {
        let limits = [WORK_PER_SHARE, WORK_PER_PART].map(|limit| usize::try_from(limit).unwrap());
        self.shard.core.limit_work(limits[0], limits[1]);
        self.shard.rest();
    }

    /// Bytes arrive, and an event tells.
    pub(crate) fn arrive(&mut self, id: ConnId, bytes: &[u8]) {
        let received = &mut self.shard.sockets.received;
        received.entry(id).or_default().extend(bytes);
        self.shard.core.note_readable(id, false);
    }

    /// A client has gone, and an event tells.
    pub(crate) fn hang_up(&mut self, id: ConnId) {
        self.shard.sockets.hung_up.insert(id);
        self.shard.core.note_readable(id, true);
    }

    /// One turn; returns the connections that were read, in that order.
    pub(crate) fn turn(&mut self) -> Vec<ConnId> {
        self.shard.sockets.reads.clear();
        self.shard.turn();
        std::mem::take(&mut self.shard.sockets.reads)
    }

    /// Turns until nothing is left; returns how many.
    pub(crate) fn rest(&mut self) -> usize {
        for turns in 0..100_000 {
            if !self.shard.is_due() {
                return turns;
            }
            self.turn();
        }
        panic!("it never comes to rest");
    }
}
