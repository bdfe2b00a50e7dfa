//! The way of a publication to the home of its topic: a lane, or the queue before its room.

use crate::handler::Busy;
use crate::id::ShardId;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::mail::{Publication, ToHome};
use crate::topic::Topic;
use crate::topic::home::{DedupKey, RoomSlot};

impl PubSub {
    /// Whether a message for a topic at home here goes into its order at once: not if there is or
    /// may be a room, which is called when the callback that publishes has returned.
    pub(crate) fn is_ordered_at_once(&self, topic: &Topic, key: Option<DedupKey>) -> bool {
        // One of the same publisher may be staged since before that was known.
        self.homes.room(topic) == RoomSlot::Empty && key.is_none() && !self.room_queue.has(topic)
    }

    /// Whether one more message may be put on its way to the home of its topic.
    pub(crate) fn check_way(
        &mut self,
        env: &Env,
        home: ShardId,
        topic: &Topic,
    ) -> Result<(), Busy> {
        let has_space = if home != env.shard {
            self.mail[home.index()].to_home.has_space()
        } else {
            self.room_queue.has_space_for(topic)
        };
        has_space.then_some(()).ok_or_else(|| Busy::at(home))
    }

    /// Puts a publication on its way, after `check_way` said yes.
    pub(crate) fn send_to_home(&mut self, env: &Env, home: ShardId, publication: Publication) {
        if home == env.shard {
            self.room_queue.push(publication);
        } else {
            let lane = &mut self.mail[home.index()].to_home;
            lane.push(ToHome::Publish(publication));
        }
    }

    /// Publishes what rooms have left for other topics, as far as there is space on the way.
    ///
    /// Rooms do not wait for this: two that publish to each other's topics would wait for ever.
    pub(crate) fn publish_elsewhere(&mut self, env: &mut Env) {
        let mut full: Vec<ShardId> = Vec::new();
        for _ in 0..self.elsewhere.len() {
            let Some(publication) = self.elsewhere.pop_front() else {
                return;
            };
            let home = self.home_of(env, &publication.topic);
            // What is behind one that waits for the same home waits, too.
            if full.contains(&home) || self.check_way(env, home, &publication.topic).is_err() {
                full.push(home);
                self.elsewhere.push_back(publication);
            } else {
                self.send_to_home(env, home, publication);
                env.counters.published += 1;
            }
        }
    }
}
