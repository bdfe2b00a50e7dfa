//! What is replaced while the shard runs.

use std::mem::replace;

use crate::config::{Config, Namespaces};
use crate::handler::Handler;
use crate::shard::core::ShardCore;
use crate::shard::core::shard::Shard;

impl<H: Handler> ShardCore<H> {
    /// Replaces what holds for topics by their names. A topic that has a history from now on gets a
    /// position with its next message; what is smaller than before is made so by its next message.
    pub fn set_namespaces(&mut self, namespaces: Namespaces) {
        let Shard { env, pubsub, .. } = &mut self.shard;
        if env.config.namespaces.replace(namespaces) {
            pubsub.history.forget_without(&env.config.namespaces);
        }
    }

    /// Replaces the configuration, except what the shard was built with: how many descriptors it
    /// has, how messages are compressed, and which proxies are trusted (connections are counted by
    /// that). No connection is ended: each limit and time holds from the next step that asks for
    /// it.
    pub fn set_config(&mut self, config: Config) {
        let Shard {
            env,
            conns,
            pubsub,
            memory,
            ..
        } = &mut self.shard;
        let before = replace(&mut env.config, config);
        env.config.connections_max = before.connections_max;
        env.config.compression = before.compression;
        env.config.trusted_proxies = before.trusted_proxies;
        let namespaces = replace(&mut env.config.namespaces, before.namespaces);
        let slots = conns.slots();
        conns.meters.set(&env.config, slots);
        let ends = conns.lifetimes.set(&env.config, slots, env.now);
        conns.clients.keep_for(env.config.keep_addresses);
        pubsub.set_limits(env.shards, &env.config);
        memory.set_limits(&env.config);
        self.set_namespaces(namespaces);
        if ends {
            // Some have no other deadline.
            self.shard.arm_all();
        }
    }
}
