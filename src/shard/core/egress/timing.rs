//! How long deliveries take, as the driver tells by moments before and after each turn.

use crate::handler::Handler;
use crate::shard::core::ShardCore;
use crate::shard::core::shard::Shard;
use crate::time::Micros;

impl<H: Handler> ShardCore<H> {
    /// Tells at what moment the next turn begins, for what is measured alone.
    pub fn note_moment(&mut self, at: Micros) {
        self.shard.pubsub.fanout.begin_turn(at);
    }

    /// Counts the passes that have ended in the turn, which ends at this moment.
    pub fn count_passes(&mut self, end: Micros) {
        let Shard { pubsub, env, .. } = &mut self.shard;
        for (pass, count) in pubsub.fanout.take_passes() {
            let (delivery, skew) = (end.since(pass.ordered_at), end.since(pass.begun_at));
            env.counters.count_passes(delivery, skew, count);
        }
    }
}
