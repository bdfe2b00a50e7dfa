//! Presence: homes learn of joins and leaves, and tell their rooms. A join is answered with what
//! the subscriber begins with: its place in the topic's history, and a page of that or the room's
//! state.

use std::sync::Arc;

use crate::handler::{Event, Handler};
use crate::id::RoomKey;
use crate::limits::{JOINS_AT_ONCE, WORK_OF_PASS, WORK_OF_STEP};
use crate::position::Since;
use crate::shard::core::ShardCore;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{Join, Joined, Presence};
use crate::topic::Topic;
use crate::topic::history::Start;
use crate::topic::home::{Interest, RoomSlot};

impl<H: Handler> ShardCore<H> {
    /// Takes one that joins or leaves; gives it back while what was said before, by the topic's
    /// room or of other clients, is not all sent, or the answer finds no space.
    pub(in crate::shard::core) fn take_presence(
        &mut self,
        topic: &Topic,
        presence: Presence,
    ) -> Option<Presence> {
        let (room, joins) = match self.shard.pubsub.homes.room(topic) {
            RoomSlot::Room { key, joins } => (Some(key), joins),
            RoomSlot::Unasked | RoomSlot::Empty => (None, false),
        };
        let slot = room.and_then(|key| self.rooms.slots.get(key.index()));
        let has_outputs = slot.is_some_and(|slot| !slot.outputs.is_empty());
        if has_outputs || !self.shard.pass_announcement() {
            return Some(presence);
        }
        let told = room.filter(|_| joins);
        match presence {
            Presence::Join(join) => {
                // The state of a room is that after all that it has published.
                let is_ahead = join.since.is_some() && room.is_some();
                let is_ahead = is_ahead && self.shard.pubsub.held.has(topic);
                if is_ahead && !self.shard.release(topic) {
                    return Some(Presence::Join(join));
                }
                let (pubsub, env) = (&mut self.shard.pubsub, &self.shard.env);
                if !pubsub.can_answer(env, join.joiner.shard) {
                    return Some(Presence::Join(join));
                }
                if !self.shard.admit_subscriber(topic, &join) {
                    self.shard.answer_join(join.joiner, join.answer(true));
                    return None;
                }
                // First, so that what the room says goes to one that is a member.
                self.answer_join(topic, &join, room);
                self.shard.count_client(topic, join.info.as_ref());
                if let Some(room) = told.filter(|_| !join.is_again) {
                    self.call_room(room, Event::Join(join.joiner), |room, cx| {
                        room.on_join(cx, join.joiner, &join.tag);
                    });
                }
            }
            Presence::Leave {
                leaver,
                was_answered,
            } => {
                let has_joined = self.shard.forget_client(topic, leaver);
                if let Some(room) = told.filter(|_| was_answered || has_joined) {
                    self.call_room(room, Event::Leave, |room, cx| room.on_leave(cx, leaver));
                }
            }
        }
        None
    }

    /// Answers one that joins, with what it begins with.
    fn answer_join(&mut self, topic: &Topic, join: &Join, room: Option<RoomKey>) {
        let Shard { pubsub, env, .. } = &mut self.shard;
        pubsub.restore_position(env, topic);
        let settings = env.config.namespaces.of(topic.name());
        let history = &mut pubsub.history;
        let mut start = |since| history.start(topic, settings, since, env.now);
        let mut first = join.since.and_then(&mut start);
        // One that has a place, which is there, goes on from it.
        let goes_on = matches!(join.since, Some(Since::Position(_)));
        if let Some(found) = &first
            && (found.has_gap || !goes_on)
        {
            let slot = room.and_then(|key| self.rooms.slots.get_mut(key.index()));
            let snapshot = slot.and_then(|slot| slot.room.snapshot());
            if let Some(snapshot) = snapshot {
                let top = start(Since::Last(0));
                let payload = snapshot.payload();
                first = top.map(|top| Start::snapshot(top.position, payload.clone()));
            }
        }
        let page = first.as_ref().and_then(|start| start.page.as_ref());
        if let Some(page) = page.filter(|page| Arc::strong_count(page) == 1) {
            env.work.charge(page.entries.len() * WORK_OF_STEP);
        }
        env.work.charge(history.take_passed() * WORK_OF_PASS);
        let joined = Joined {
            start: first.map(Box::new),
            ..join.answer(false)
        };
        self.shard.answer_join(join.joiner, joined);
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

    /// A shard has its first subscribers of a topic or a pattern; `false` while it cannot be
    /// answered.
    pub(in crate::shard::core) fn take_want(&mut self, topic: &Topic, interest: Interest) -> bool {
        if !self
            .shard
            .pubsub
            .can_answer(&self.shard.env, interest.shard)
        {
            return false;
        }
        let Shard { pubsub, env, .. } = &mut self.shard;
        pubsub.want(env, topic, interest);
        if !topic.is_pattern() {
            self.find_room(topic);
        }
        let pubsub = &mut self.shard.pubsub;
        if !pubsub.waits_for_engine(topic, interest) {
            let joins = pubsub.wants_joins(topic);
            pubsub.answer_want(interest, joins);
        }
        true
    }
}
