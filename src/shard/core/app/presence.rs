//! Presence: the rooms of a shard are told who joins and who leaves.

use std::collections::HashSet;
use std::sync::Arc;

use crate::handler::{Event, Handler, Publisher};
use crate::id::TopicKey;
use crate::limits::JOINS_AT_ONCE;
use crate::shard::core::ShardCore;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{FromHome, Presence};
use crate::topic::home::RoomSlot;

/// How far the rooms of a shard have been told of its own connections: all that wait are passed
/// over once, and then again from the first.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    /// The first ticket that was not looked at.
    next: u64,
    /// Topics whose rooms cannot be told now: what waits for them keeps its order.
    held: HashSet<Arc<str>>,
}

impl<H: Handler> ShardCore<H> {
    /// Tells a room of one that joins or leaves; gives it back while what the room has said before
    /// is not all sent, or the answer finds no space.
    pub(in crate::shard::core) fn take_presence(
        &mut self,
        topic: &str,
        presence: Presence,
    ) -> Option<Presence> {
        let room = match self.shard.homes.room(topic) {
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
                if !self.shard.can_answer(joiner.shard) {
                    return Some(Presence::Join {
                        joiner,
                        key,
                        ticket,
                        tag,
                    });
                }
                // First, so that what the room says goes to one that is a member.
                self.shard.answer_join(joiner, key, ticket);
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
        let own = self.shard.env.shard.index();
        for _ in 0..JOINS_AT_ONCE {
            let Shard {
                joins,
                mail,
                staged,
                ..
            } = &mut self.shard;
            let telling = &mut joins.telling;
            let presences = &mut mail[own].presence;
            let Some((&ticket, (topic, _))) = presences.range(telling.next..).next() else {
                return;
            };
            telling.next = ticket + 1;
            if telling.held.contains(topic) {
                continue;
            }
            // What the connection has published goes first, as it does in a lane.
            if staged.has(topic) {
                telling.held.insert(Arc::clone(topic));
                continue;
            }
            let Some((topic, presence)) = presences.remove(&ticket) else {
                continue;
            };
            if let Some(presence) = self.take_presence(&topic, presence) {
                let Shard { joins, mail, .. } = &mut self.shard;
                joins.telling.held.insert(Arc::clone(&topic));
                mail[own].presence.insert(ticket, (topic, presence));
            }
        }
        self.shard.env.moved |= !self.shard.has_looked_at_presence();
    }
}

impl<D, A> Shard<D, A> {
    /// What rooms of this shard could not be told is tried again, once all was looked at.
    pub(crate) fn look_at_presence_again(&mut self) {
        if self.has_looked_at_presence() {
            self.joins.telling.next = 0;
            self.joins.telling.held.clear();
        }
    }

    fn has_looked_at_presence(&self) -> bool {
        let presence = &self.mail[self.env.shard.index()].presence;
        let mut left = presence.range(self.joins.telling.next..);
        left.next().is_none()
    }

    /// Whether the room of a topic at home here knows of all connections of this shard.
    pub(crate) fn is_room_told(&self, topic: &str) -> bool {
        self.has_looked_at_presence() && !self.joins.telling.held.contains(topic)
    }
}

impl<D, A> Shard<D, A> {
    fn answer_join(&mut self, joiner: Publisher, key: TopicKey, ticket: u64) {
        let Publisher { shard, conn } = joiner;
        if shard == self.env.shard {
            self.joined(conn, key, ticket);
        } else {
            let joined = FromHome::Joined { conn, key, ticket };
            self.mail[shard.index()].from_home.push(joined);
        }
    }
}
