//! What callbacks have left to be done at the homes of this shard: done when none of them runs.

use crate::handler::Handler;
use crate::limits::STAGED_MAX;
use crate::shard::core::ShardCore;
use crate::shard::core::app::shard_cx::ShardCx;
use crate::shard::core::pubsub::RoomWork;
use crate::shard::core::work::Share;

impl<H: Handler> ShardCore<H> {
    /// Does what callbacks have left to be done at homes on this shard. To be called after each.
    #[inline]
    pub(in crate::shard::core) fn settle_homes(&mut self) {
        let shard = &self.shard;
        let is_settled = shard.pubsub.room_work.is_empty()
            && shard.pubsub.room_queue.untried() == 0
            && shard.pubsub.elsewhere.is_empty()
            && shard.pubsub.questions.is_empty()
            && shard.pubsub.mail[shard.env.shard.index()]
                .presence
                .is_empty();
        if !is_settled {
            self.do_settle_homes();
        }
    }

    fn do_settle_homes(&mut self) {
        // What is staged is tried again, and must not take the time of a tick, which is not.
        let share = self.shard.env.work.swap(Share::Rooms);
        // Rooms publish to each other: those that never come to an end have the next turn.
        let mut budget = STAGED_MAX;
        let mut published = 0;
        loop {
            self.tell_rooms();
            let round = self.shard.pubsub.room_queue.untried().min(budget);
            budget -= round;
            published += self.publish_staged(round);
            // Behind what those connections have published.
            self.settle_presence();
            self.shard.pubsub.publish_elsewhere(&mut self.shard.env);
            if budget == 0 || self.shard.pubsub.room_queue.untried() == 0 {
                break;
            }
        }
        let shard = &mut self.shard;
        shard.answer_own_questions();
        shard.env.work.swap(share);
        // Nothing else would bring the shard back to these, or to those that were refused.
        shard.env.moved |= shard.pubsub.room_queue.untried() != 0;
        shard.env.moved |= 0 < published && shard.pubsub.room_queue.take_refused();
    }

    pub(in crate::shard::core) fn tell_rooms(&mut self) {
        while let Some(work) = self.shard.pubsub.room_work.pop_front() {
            match work {
                RoomWork::Wanted(topic) => {
                    self.find_room(&topic);
                    if self.shard.pubsub.own_want_waits(&self.shard.env, &topic) {
                        continue;
                    }
                    let joins = self.shard.pubsub.wants_joins(&topic);
                    self.shard.pubsub.own_topic_is_live(
                        &mut self.shard.conns,
                        &mut self.shard.env,
                        &topic,
                        joins,
                    );
                }
                RoomWork::Empty(key) => self.note_empty(key),
                RoomWork::Event(topic, event) => {
                    let shard = &mut self.shard;
                    self.handler.on_topic(&mut ShardCx { shard }, &topic, event);
                }
            }
        }
    }

    /// Publishes the first `count` of what is staged, but of topics that have no space now; returns
    /// how many that were.
    pub(in crate::shard::core) fn publish_staged(&mut self, count: usize) -> usize {
        let mut published = 0;
        for _ in 0..count {
            let Some(staged) = self.shard.pubsub.room_queue.pop() else {
                break;
            };
            let back = if self.shard.pubsub.room_queue.holds(&staged.topic) {
                Some(staged)
            } else {
                self.publish_at_home(staged)
            };
            match back {
                Some(staged) => self.shard.pubsub.room_queue.hold(staged),
                None => published += 1,
            }
        }
        published
    }
}
