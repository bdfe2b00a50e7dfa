//! Publishing: from the connections, rooms and ticks of this shard to the home of a topic.

use std::hash::BuildHasher;
use std::sync::Arc;

use crate::handler::{Busy, PublishError, Wait, check_topic};
use crate::id::ShardId;
use crate::limits::BYTES_PER_WORK;
use crate::payload::Payload;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{Origin, Publication, ToHome};
use crate::topic::home::{DedupKey, RoomSlot};

impl<D, A> Shard<D, A> {
    /// Publishes a message of this shard.
    pub(crate) fn publish<B>(
        &mut self,
        topic: &str,
        payload: Payload<B>,
        origin: Origin,
        key: Option<DedupKey>,
    ) -> Result<(), PublishError>
    where
        B: AsRef<[u8]> + Into<Arc<[u8]>> + Clone,
    {
        check_topic(topic)?;
        // One callback may publish to any number of topics.
        if self.env.work.is_overdrawn() {
            return Err(PublishError::Busy(Busy(Wait::Turn)));
        }
        let home = self.home_of(topic);
        if home == self.env.shard && self.is_ordered_at_once(topic, key) {
            self.order(topic, &payload).map_err(PublishError::Busy)?;
        } else {
            let len = payload.bytes.as_ref().len();
            self.check_way(home, topic).map_err(PublishError::Busy)?;
            self.send_to_home(
                home,
                Publication {
                    topic: Arc::from(topic),
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

    /// Whether a message for a topic at home here goes into its order at once: not if there is or
    /// may be a room, which is called when the callback that publishes has returned.
    fn is_ordered_at_once(&self, topic: &str, key: Option<DedupKey>) -> bool {
        // One of the same publisher may be staged since before that was known.
        self.homes.room(topic) == RoomSlot::Empty && key.is_none() && !self.staged.has(topic)
    }

    /// Whether one more message may be put on its way to the home of its topic.
    fn check_way(&mut self, home: ShardId, topic: &str) -> Result<(), Busy> {
        let has_space = if home != self.env.shard {
            self.mail[home.index()].to_home.has_room()
        } else {
            let is_full = self.staged.is_full_for(topic);
            self.stage_refused |= is_full;
            !is_full
        };
        has_space.then_some(()).ok_or_else(|| Busy::at(home))
    }

    /// Puts a publication on its way, after `check_way` said yes.
    fn send_to_home(&mut self, home: ShardId, publication: Publication) {
        if home == self.env.shard {
            self.staged.push(publication);
        } else {
            let lane = &mut self.mail[home.index()].to_home;
            lane.push(ToHome::Publish(publication));
        }
    }

    /// Publishes what rooms have left for other topics, as far as there is space on the way.
    ///
    /// No room waits for this: two that publish to each other's topics would wait for ever.
    pub(crate) fn publish_elsewhere(&mut self) {
        let mut full: Vec<ShardId> = Vec::new();
        for _ in 0..self.elsewhere.len() {
            let Some(publication) = self.elsewhere.pop_front() else {
                return;
            };
            let home = self.home_of(&publication.topic);
            // What is behind one that waits for the same home waits, too.
            if full.contains(&home) || self.check_way(home, &publication.topic).is_err() {
                full.push(home);
                self.elsewhere.push_back(publication);
            } else {
                self.send_to_home(home, publication);
                self.env.counters.published += 1;
            }
        }
    }

    /// A topic with a publisher's key, as its home knows it whichever shard says so.
    pub(crate) fn dedup_key(&self, topic: &str, key: &str) -> DedupKey {
        DedupKey::new(self.env.hasher.hash_one((topic, key)))
    }
}
