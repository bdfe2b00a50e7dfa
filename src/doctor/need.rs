//! What a configuration asks of its host.

use crate::limits::DOCTOR_CONNECTIONS;
use crate::server::Descriptors;
use crate::settings::Settings;

/// What a server asks of its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Connections at the same time.
    pub connections: usize,
    /// Its shards, and whether each is to have its own descriptor table.
    pub descriptors: Descriptors,
    /// Whether shards are bound to cores.
    pub pins: bool,
    /// The ports of its listeners.
    pub ports: Vec<u16>,
    /// The memory that clients may make it use, if it is configured.
    pub memory: Option<usize>,
}

impl Need {
    /// What these settings ask for; `limits.connections`, or a usual number if that is `auto`.
    pub fn of(settings: &Settings) -> Self {
        let builder = settings.builder();
        let listeners = settings.listeners.iter();
        let addrs = listeners.filter_map(|listen| listen.address.tcp());
        let ports = addrs.chain(settings.admin.address).map(|addr| addr.port());
        Self {
            connections: settings.connections.unwrap_or(DOCTOR_CONNECTIONS),
            descriptors: builder.descriptors(),
            pins: builder.pins(),
            ports: ports.filter(|port| *port != 0).collect(),
            memory: settings.config.memory_bytes_max,
        }
    }

    /// Its shards.
    pub fn shards(&self) -> usize {
        self.descriptors.shards
    }

    /// Connections of one shard, if all have equally many.
    pub fn of_shard(&self) -> usize {
        self.connections.div_ceil(self.shards().max(1))
    }
}
