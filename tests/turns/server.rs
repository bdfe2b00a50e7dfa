//! A shard with its sockets: it reads them as the event loop does.

use std::collections::{HashMap, VecDeque};

use corecast::limits::{WORK_PER_PART, WORK_PER_SHARE};
use corecast::{Config, ConnId};

use crate::shard::Shard;

/// A shard with the sockets that it reads.
pub(crate) struct Server {
    pub(crate) shard: Shard,
    pub(crate) sockets: HashMap<ConnId, VecDeque<u8>>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            shard: Shard::new(config),
            sockets: HashMap::new(),
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
        self.sockets.entry(id).or_default().extend(bytes);
        self.shard.core.note_readable(id, false);
    }

    /// One turn; returns who was read, in that order.
    pub(crate) fn turn(&mut self) -> Vec<ConnId> {
        let mut read = Vec::new();
        while let Some((id, to_the_end)) = self.shard.core.take_readable() {
            read.push(id);
            while self.shard.core.wants_bytes(id) {
                let len = self.shard.core.read_len();
                let socket = self.sockets.entry(id).or_default();
                let count = socket.len().min(len);
                if count == 0 {
                    break;
                }
                let mut bytes: Vec<u8> = socket.drain(..count).collect();
                self.shard.core.handle_bytes(id, &mut bytes);
                if count < len && !to_the_end {
                    break;
                }
            }
        }
        self.shard.finish_turn();
        read
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
