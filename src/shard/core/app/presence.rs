//! Presence: the rooms of a shard are told of joins and leaves.

use crate::handler::{Event, Handler};
use crate::limits::JOINS_AT_ONCE;
use crate::shard::core::ShardCore;
use crate::shard::core::shard::Shard;
use crate::shard::mail::Presence;
use crate::topic::Topic;
use crate::topic::home::{Interest, RoomSlot};

impl<H: Handler> ShardCore<H> {
    /// Tells a room of one that joins or leaves; gives it back while what the room has said before
    /// is not all sent, or the answer finds no space.
    pub(in crate::shard::core) fn take_presence(
        &mut self,
        topic: &Topic,
        presence: Presence,
    ) -> Option<Presence> {
        let room = match self.shard.pubsub.homes.room(topic) {
            RoomSlot::Room { key, joins: true } => Some(key),
            _ => None,
        };
        let slot = room.and_then(|key| self.rooms.slots.get(key.index()));
        if slot.is_some_and(|slot| !slot.outputs.is_empty()) {
            return Some(presence);
        }
        match presence {
            Presence::Join {
                joiner,
                key,
                ticket,
                tag,
            } => {
                if !self.shard.pubsub.can_answer(&self.shard.env, joiner.shard) {
                    return Some(Presence::Join {
                        joiner,
                        key,
                        ticket,
                        tag,
                    });
                }
                // First, so that what the room says goes to one that is a member.
                self.shard.pubsub.answer_join(
                    &mut self.shard.conns,
                    &mut self.shard.env,
                    joiner,
                    key,
                    ticket,
                );
                if let Some(room) = room {
                    self.call_room(room, Event::Join(joiner), |room, cx| {
                        room.on_join(cx, joiner, &tag);
                    });
                }
            }
            Presence::Leave { leaver } => {
                if let Some(room) = room {
                    self.call_room(room, Event::Leave, |room, cx| room.on_leave(cx, leaver));
                }
            }
        }
        None
    }

    /// Tells the rooms of this shard of connections of this shard. One that cannot be told now is
    /// passed over with all that waits for it, and tried again in the next turn.
    pub(in crate::shard::core) fn settle_presence(&mut self) {
        let mut budget = JOINS_AT_ONCE;
        while let Some((ticket, topic, presence)) = self
            .shard
            .pubsub
            .next_presence(&self.shard.env, &mut budget)
        {
            if let Some(presence) = self.take_presence(&topic, presence) {
                let Shard { pubsub, env, .. } = &mut self.shard;
                pubsub.hold_presence(env, ticket, topic, presence);
            }
        }
        self.shard.env.moved |= !self.shard.pubsub.has_looked_at_presence(&self.shard.env);
    }

    /// A shard has its first subscribers of a topic; `false` while it cannot be answered.
    pub(in crate::shard::core) fn take_want(&mut self, topic: &Topic, interest: Interest) -> bool {
        if !self
            .shard
            .pubsub
            .can_answer(&self.shard.env, interest.shard)
        {
            return false;
        }
        self.shard.pubsub.homes.want(topic, interest);
        self.find_room(topic);
        let joins = self.wants_joins(topic);
        self.shard.pubsub.answer_want(interest, joins);
        true
    }

    /// Whether a topic has a room that is told of joins.
    pub(in crate::shard::core) fn wants_joins(&self, topic: &Topic) -> bool {
        let room = self.shard.pubsub.homes.room(topic);
        matches!(room, RoomSlot::Room { joins: true, .. })
    }
}
