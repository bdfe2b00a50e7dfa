//! What is replaced while the shard runs.

use crate::config::Namespaces;
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
}
