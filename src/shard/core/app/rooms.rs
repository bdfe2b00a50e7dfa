//! Rooms: at the home of a topic, the application's own value between a message and its order.
//!
//! A room's callback leaves what it wants done as outputs. They go out in their order, and while
//! one finds no space the next message of the topic waits outside: so a topic's order is that of
//! its room's outputs, and what a room can have waiting is bounded by one callback.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use crate::handler::{Event, Handler, Message, Output, Room, RoomCx, TopicHistory};
use crate::id::RoomKey;
use crate::limits::ELSEWHERE_MAX;
use crate::shard::core::ShardCore;
use crate::shard::core::delivery::publish::Admission;
use crate::shard::mail::Publication;
use crate::time::{Now, Schedule};
use crate::topic::Topic;
use crate::topic::home::RoomSlot;

/// The rooms of the topics that have their home on a shard.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    pub(crate) slots: Slab<Box<Slot>>,
    /// When a room is to be looked at, each at most once.
    pub(crate) timers: BTreeSet<(Now, RoomKey)>,
    /// Rooms with outputs that found no space, each once.
    stuck: VecDeque<RoomKey>,
}

/// One room.
pub(crate) struct Slot {
    pub(crate) topic: Topic,
    pub(crate) room: Box<dyn Room>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) linger: Duration,
    /// When its topic had subscribers last, if it has none, or a message.
    pub(crate) empty_since: Now,
    pub(crate) outputs: VecDeque<Output>,
    /// Ticks that were due while outputs waited, since the last one that was not.
    pub(crate) missed: u64,
    armed: Option<Now>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl Rooms {
    /// How many there are, and what they have waiting.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.slots.len() + self.timers.len() + self.stuck.len()
    }

    /// Whether any room has outputs that found no space.
    pub(crate) fn has_stuck(&self) -> bool {
        !self.stuck.is_empty()
    }

    /// When `pass_room_time` has something to do next.
    pub(crate) fn deadline(&self) -> Option<Now> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Has a room looked at then, and not when it was before.
    pub(crate) fn arm(&mut self, key: RoomKey, at: Option<Now>) {
        let Some(slot) = self.slots.get_mut(key.index()) else {
            return;
        };
        if let Some(armed) = std::mem::replace(&mut slot.armed, at) {
            self.timers.remove(&(armed, key));
        }
        self.timers.extend(at.map(|at| (at, key)));
    }
}

impl<H: Handler> ShardCore<H> {
    /// As the home of its topic: takes a publication into the topic's order, or gives it to the
    /// topic's room; gives it back while there is no space for it.
    pub(in crate::shard::core) fn publish_at_home(
        &mut self,
        publication: Publication,
    ) -> Option<Publication> {
        match self.shard.admit(publication) {
            Admission::Ordered => None,
            Admission::Full(publication) => Some(publication),
            Admission::Room(publication) => self.give_to_room(publication),
        }
    }

    fn give_to_room(&mut self, mut publication: Publication) -> Option<Publication> {
        let room = self.find_room(&publication.topic);
        if room.is_some_and(|key| !self.rooms.slots[key.index()].outputs.is_empty()) {
            return Some(publication);
        }
        if self.shard.is_repeated(&mut publication) {
            return None;
        }
        let Some(key) = room else {
            return self.shard.order_publication(publication);
        };
        let payload = publication.payload.borrowed();
        let extras = publication.extras.as_deref();
        let once = extras.and_then(|extras| extras.once);
        let (shard, topic) = (&mut self.shard, &publication.topic);
        if !shard.has_space_for(topic, payload, extras) {
            return Some(publication);
        }
        // If the room passes it on, its position is noted then.
        shard.pubsub.homes.note_key(once, None, shard.env.now);
        // A room that only publishers use lingers after its last message.
        self.rooms.slots[key.index()].empty_since = self.shard.env.now;
        let Publication {
            payload,
            origin,
            extras,
            ..
        } = publication;
        let (kind, bytes) = (payload.kind, Arc::clone(&payload.bytes));
        let event = Event::Publish {
            payload,
            publisher: origin.publisher(),
            extras,
        };
        self.call_room(key, event, |room, cx| {
            let payload = &bytes;
            room.on_publish(cx, Message { kind, payload });
        });
        None
    }

    /// The room of a topic, made now if the application wants one.
    pub(in crate::shard::core) fn find_room(&mut self, topic: &Topic) -> Option<RoomKey> {
        match self.shard.pubsub.homes.room(topic) {
            RoomSlot::Room { key, .. } => return Some(key),
            RoomSlot::Empty => return None,
            RoomSlot::Unasked => {}
        }
        let Some(room) = self.handler.room(topic.name()) else {
            self.shard.pubsub.homes.set_room(topic, RoomSlot::Empty);
            return None;
        };
        let now = self.shard.env.now;
        let joins = room.wants_joins();
        let schedule = room.tick_every().map(|period| Schedule::new(now, period));
        let key = RoomKey::new(self.rooms.slots.insert(Box::new(Slot {
            topic: topic.clone(),
            linger: room.linger(),
            room,
            schedule,
            empty_since: now,
            outputs: VecDeque::new(),
            missed: 0,
            armed: None,
        })));
        self.shard
            .pubsub
            .homes
            .set_room(topic, RoomSlot::Room { key, joins });
        self.arm_room(key);
        Some(key)
    }

    /// Calls a room, and sends out what it wants sent.
    pub(in crate::shard::core) fn call_room(
        &mut self,
        key: RoomKey,
        event: Event,
        call: impl FnOnce(&mut dyn Room, &mut RoomCx<'_>),
    ) {
        let Some(slot) = self.rooms.slots.get_mut(key.index()) else {
            return;
        };
        let mut cx = RoomCx {
            topic: slot.topic.name(),
            event,
            now: self.shard.env.now.since(Now::default()),
            outputs: Vec::new(),
            elsewhere: Vec::new(),
            elsewhere_left: ELSEWHERE_MAX.saturating_sub(self.shard.pubsub.elsewhere.len()),
            history: TopicHistory {
                topic: &slot.topic,
                settings: self.shard.env.config.namespaces.of(slot.topic.name()),
                history: &mut self.shard.pubsub.history,
                now: self.shard.env.now,
            },
        };
        call(slot.room.as_mut(), &mut cx);
        let RoomCx {
            outputs,
            elsewhere,
            mut event,
            ..
        } = cx;
        event.tell_that_it_was_not_passed();
        slot.outputs.extend(outputs);
        self.shard.pubsub.elsewhere.extend(elsewhere);
        if !self.put_out(key) {
            self.rooms.stuck.push_back(key);
        }
    }

    /// Sends out what a room has left; `false` while something of it finds no space.
    fn put_out(&mut self, key: RoomKey) -> bool {
        loop {
            let Some(slot) = self.rooms.slots.get_mut(key.index()) else {
                return true;
            };
            let Some(output) = slot.outputs.pop_front() else {
                return true;
            };
            let topic = slot.topic.clone();
            if let Some(output) = self.shard.put_out(&topic, output) {
                if let Some(slot) = self.rooms.slots.get_mut(key.index()) {
                    slot.outputs.push_front(output);
                }
                return false;
            }
        }
    }

    /// Tries again what found no space.
    pub(in crate::shard::core) fn resume_rooms(&mut self) {
        self.shard.deliver_own();
        for _ in 0..self.rooms.stuck.len() {
            if self.shard.env.work.is_spent() {
                self.shard.env.moved = true;
                break;
            }
            let Some(key) = self.rooms.stuck.pop_front() else {
                break;
            };
            if self.put_out(key) {
                // Mail for the room was given back for as long as that.
                self.shard.env.moved = true;
            } else {
                self.rooms.stuck.push_back(key);
            }
        }
        self.shard.pubsub.room_queue.retry();
        self.shard.pubsub.look_at_presence_again(&self.shard.env);
        self.settle_homes();
    }
}
