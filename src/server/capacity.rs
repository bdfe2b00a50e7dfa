//! What the host allows a server: descriptors, memory, and what a shard gets of them.

use crate::config::Config;
use crate::limits::{
    CONNECTION_BYTES, DESCRIPTORS_RESERVED, INBOX_SHARE, MEMORY_BYTES_ASSUMED, MEMORY_SHARE,
    MEMORY_SHARE_LEAST, SHARDS_MAX,
};
use crate::mesh::Capacity;
use crate::server::ServerBuilder;
use crate::sys::{affinity, descriptors, memory};

impl ServerBuilder {
    /// The configuration of one shard, with its share of the limits of the whole server.
    pub(super) fn shard_config(&self, shards: u16) -> Config {
        let mut config = self.config.clone();
        config.accept_rate = config.accept_rate.map(|rate| rate.share(shards));
        config.keep_addresses |= log::log_enabled!(log::Level::Debug);
        config.connections_max = config.connections_max.min(self.admitted());
        config.memory_bytes_max = Some(self.memory_share());
        config
    }

    /// The capacity of lanes between shards, and of lanes from outside.
    pub(super) fn lanes(&self, shards: usize) -> (Capacity, Capacity) {
        let inbox = self.memory_share() / INBOX_SHARE;
        let between = Capacity::between(shards).within(inbox, shards);
        (between, Capacity::outside().within(inbox, 1))
    }

    /// The memory that clients can make one shard use, in bytes.
    fn memory_share(&self) -> usize {
        let memory = match memory::total() {
            0 => MEMORY_BYTES_ASSUMED,
            total => self.memory_of(total),
        };
        self.config.memory_share(memory, self.shards)
    }

    /// The part of the memory that clients can make the server use, if none is configured. What
    /// the configured number of connections takes is left to the kernel.
    fn memory_of(&self, total: usize) -> usize {
        let connections = self.connections_max.map_or(0, |_| self.capacity());
        let left = total.saturating_sub(connections.saturating_mul(CONNECTION_BYTES));
        left.clamp(total / MEMORY_SHARE_LEAST, total / MEMORY_SHARE)
    }

    /// Connections that one shard's descriptors allow. All shards together admit no more than the
    /// configured number. The kernel spreads connections over the shards by a hash, except those
    /// that the balancer gives.
    fn admitted(&self) -> usize {
        self.descriptors().of_shard(limit_now())
    }

    /// Connections that the server admits: the configured number, or what its descriptors allow if
    /// that is less.
    pub fn capacity(&self) -> usize {
        let all = self.descriptors().connections(limit_now());
        all.min(self.connections_max.unwrap_or(usize::MAX))
    }

    /// How the shards share descriptors.
    pub fn descriptors(&self) -> Descriptors {
        Descriptors {
            shards: self.shards.max(1),
            own_tables: self.own_tables,
        }
    }

    /// Whether each shard is bound to a core.
    pub fn pins(&self) -> bool {
        self.pin
            .unwrap_or_else(|| self.shards == affinity::allowed())
    }
}

/// The current limit of open files.
fn limit_now() -> usize {
    usize::try_from(descriptors::limit()).unwrap_or(usize::MAX)
}

/// How the shards of a server share descriptors, and what a limit of open files allows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// The number of shards, 1 or more.
    pub shards: usize,
    /// Whether each has a table of its own.
    pub own_tables: bool,
}

impl Descriptors {
    /// Connections that each shard may have; at least 1.
    fn of_shard(self, limit: usize) -> usize {
        let tables = if self.own_tables { 1 } else { self.shards };
        let of_table = (limit / tables).saturating_sub(DESCRIPTORS_RESERVED + self.shards);
        of_table.max(1)
    }

    /// Connections that all shards may have together.
    pub fn connections(self, limit: usize) -> usize {
        self.of_shard(limit).saturating_mul(self.shards)
    }

    /// The number of shards that would admit this many connections with a limit of open files.
    /// `None` if no allowed number would, or if all shards share one table.
    pub fn shards_for(self, connections: usize, limit: usize) -> Option<usize> {
        let of_table = limit.saturating_sub(DESCRIPTORS_RESERVED + SHARDS_MAX);
        let shards = connections.div_ceil(of_table.max(1)).max(self.shards);
        (self.own_tables && shards <= SHARDS_MAX).then_some(shards)
    }

    /// The limit of open files with which the shards would admit this many connections.
    pub fn files_for(self, connections: usize) -> usize {
        let tables = if self.own_tables { 1 } else { self.shards };
        let each = connections.div_ceil(self.shards) + DESCRIPTORS_RESERVED + self.shards;
        each.saturating_mul(tables)
    }
}

#[cfg(test)]
mod tests {
    use crate::limits::CONNECTION_BYTES;
    use crate::server::Server;

    #[test]
    fn connections_leave_clients_less_of_the_memory_but_an_eighth() {
        let total = 1 << 30;
        let of = |connections| {
            let builder = Server::builder().shards(256);
            builder.connections_max(connections).memory_of(total)
        };
        assert_eq!(Server::builder().memory_of(total), total / 2);
        assert_eq!(of(1), total / 2);
        let builder = Server::builder().shards(256).connections_max(200_000);
        // Fewer where the limit of open files is low.
        let connections = builder.capacity();
        let left = total.saturating_sub(connections * CONNECTION_BYTES);
        assert_eq!(of(200_000), left.clamp(total / 8, total / 2));
        assert!(of(usize::MAX) >= total / 8);
    }
}
