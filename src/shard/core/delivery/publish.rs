//! Publishing: from the connections, rooms and ticks of this shard to the home of a topic.

use std::sync::Arc;

use crate::handler::{Busy, PublishError, Wait};
use crate::limits::BYTES_PER_WORK;
use crate::payload::Payload;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{Origin, Publication};
use crate::topic::Topic;
use crate::topic::home::DedupKey;

impl<D, A> Shard<D, A> {
    /// Publishes a message of this shard.
    pub(crate) fn publish<B>(
        &mut self,
        topic: &Topic,
        payload: Payload<B>,
        origin: Origin,
        key: Option<DedupKey>,
    ) -> Result<(), PublishError>
    where
        B: AsRef<[u8]> + Into<Arc<[u8]>> + Clone,
    {
        // One callback may publish to any number of topics.
        if self.env.work.is_overdrawn() {
            return Err(PublishError::Busy(Busy(Wait::Turn)));
        }
        let home = self.pubsub.home_of(&self.env, topic);
        if home == self.env.shard && self.pubsub.is_ordered_at_once(topic, key) {
            self.order(topic, &payload).map_err(PublishError::Busy)?;
        } else {
            let len = payload.bytes.as_ref().len();
            self.pubsub
                .check_way(&self.env, home, topic)
                .map_err(PublishError::Busy)?;
            self.pubsub.send_to_home(
                &self.env,
                home,
                Publication {
                    topic: topic.clone(),
                    payload: payload.shared(),
                    origin,
                    key,
                },
            );
            if home != self.env.shard {
                self.env.work.charge(len / BYTES_PER_WORK);
            }
        }
        self.env.counters.published += 1;
        Ok(())
    }
}
