//! The time of rooms: when they tick, and when they go.

use std::time::Duration;

use crate::handler::{Event, Handler};
use crate::id::RoomKey;
use crate::limits::ROOM_TIMEOUTS_PER_TURN;
use crate::shard::core::ShardCore;
use crate::shard::core::app::rooms::Slot;
use crate::time::Tick;

impl<H: Handler> ShardCore<H> {
    /// A room's topic has no subscriber any more.
    pub(in crate::shard::core) fn note_empty(&mut self, key: RoomKey) {
        if let Some(slot) = self.rooms.slots.get_mut(key.index()) {
            slot.empty_since = self.shard.env.now;
            self.arm_room(key);
        }
    }

    /// Has a room looked at when it ticks next, or may go.
    pub(in crate::shard::core) fn arm_room(&mut self, key: RoomKey) {
        let Some(slot) = self.rooms.slots.get(key.index()) else {
            return;
        };
        let is_empty = self.is_empty_room(slot);
        let ends = is_empty.then(|| slot.empty_since.plus(slot.linger));
        let ticks = slot.schedule.map(|schedule| schedule.deadline());
        let at = [ends, ticks].into_iter().flatten().min();
        self.rooms.arm(key, at);
    }

    fn is_empty_room(&self, slot: &Slot) -> bool {
        !self.shard.pubsub.homes.is_wanted(&slot.topic)
    }

    /// Lets rooms tick, and those go that are no longer wanted.
    pub(in crate::shard::core) fn pass_room_time(&mut self) {
        for _ in 0..ROOM_TIMEOUTS_PER_TURN {
            let Some(&(at, key)) = self.rooms.timers.first() else {
                return;
            };
            if self.shard.env.now < at {
                return;
            }
            self.rooms.arm(key, None);
            self.look_at_room(key);
        }
    }

    fn look_at_room(&mut self, key: RoomKey) {
        let now = self.shard.env.now;
        let Some(slot) = self.rooms.slots.get(key.index()) else {
            return;
        };
        // Leaves are told before the room goes.
        let is_told = self.shard.pubsub.is_room_told(&self.shard.env, &slot.topic);
        let is_over = self.is_empty_room(slot) && slot.empty_since.plus(slot.linger) <= now;
        if is_over && slot.outputs.is_empty() && is_told {
            self.shard.pubsub.homes.remove_room(&slot.topic);
            self.rooms.slots.remove(key.index());
            return;
        }
        if is_over {
            // Its last messages wait for space, for an unknown time.
            let next = now.plus(Duration::from_millis(1));
            return self.rooms.arm(key, Some(next));
        }
        if let Some(tick) = self.take_tick(key) {
            self.call_room(key, Event::Tick, |room, cx| room.on_tick(cx, tick));
            self.settle_homes();
        }
        self.arm_room(key);
    }

    /// The tick that is due, unless what the room published before still waits: it is skipped.
    fn take_tick(&mut self, key: RoomKey) -> Option<Tick> {
        let slot = self.rooms.slots.get_mut(key.index())?;
        let mut tick = slot.schedule.as_mut()?.take_due(self.shard.env.now)?;
        if !slot.outputs.is_empty() {
            slot.missed += tick.skipped + 1;
            return None;
        }
        tick.skipped += std::mem::take(&mut slot.missed);
        self.shard.env.counters.ticks_skipped += tick.skipped;
        Some(tick)
    }
}
