//! Publications that wait at the home of their topic for its next tick (`flush`), and go into the
//! order together then. One that is held counts as taken.

use std::mem;
use std::time::Duration;

use crate::config::SettingsKey;
use crate::handler::{Busy, Extras, Publisher};
use crate::limits::HELD_TOPICS_PER_TURN;
use crate::payload::{Payload, PayloadBytes};
use crate::position::Position;
use crate::shard::core::pubsub::held::HeldMessage;
use crate::shard::core::shard::Shard;
use crate::shard::core::work::Share;
use crate::topic::Topic;

impl<D, A> Shard<D, A> {
    /// Whether a message of a topic waits for a tick, or for others that do.
    pub(super) fn is_held(&self, topic: &Topic, settings: SettingsKey) -> bool {
        let settings = self.env.config.namespaces.at(settings);
        settings.flush.is_some() || self.pubsub.held.has(topic)
    }

    /// Holds a message until its topic's next tick, with its extras. If there is no space to hold
    /// it, or the server drains, all of the topic goes into the order at once: then it has its
    /// position now.
    pub(super) fn hold<B: PayloadBytes>(
        &mut self,
        topic: &Topic,
        settings: SettingsKey,
        payload: &Payload<B>,
        extras: &mut Option<Box<Extras>>,
        publisher: Option<Publisher>,
    ) -> Result<Option<Position>, Busy> {
        let flush = self.env.config.namespaces.at(settings).flush;
        if let Some(flush) = flush.filter(|_| self.drain.is_none()) {
            let once = extras.as_ref().and_then(|extras| extras.once);
            let message = HeldMessage {
                payload: payload.clone().shared(),
                extras: extras.take(),
                publisher,
            };
            let (held, now) = (&mut self.pubsub.held, self.env.now);
            match held.hold(topic, message, flush, now) {
                Ok(superseded) => {
                    self.env.counters.superseded += superseded as u64;
                    self.pubsub.homes.note_key(once, None, now);
                    return Ok(None);
                }
                Err(message) => *extras = message.extras,
            }
        }
        self.order_behind_held(topic, payload, extras, publisher)
    }

    /// Puts a message into the order at once, behind what is held of its topic.
    pub(super) fn order_behind_held<B: PayloadBytes>(
        &mut self,
        topic: &Topic,
        payload: &Payload<B>,
        extras: &mut Option<Box<Extras>>,
        publisher: Option<Publisher>,
    ) -> Result<Option<Position>, Busy> {
        if !self.release(topic) {
            return Err(Busy::at(self.env.shard));
        }
        self.order_now(topic, payload, extras, publisher)
    }

    /// Puts what is held of a topic into the order; `false` while something finds no space.
    pub(crate) fn release(&mut self, topic: &Topic) -> bool {
        // Out of `self`, which puts its messages into the order.
        let mut held = mem::take(&mut self.pubsub.held);
        let is_released = loop {
            let Some(message) = held.front_mut(topic) else {
                break true;
            };
            let HeldMessage {
                payload,
                extras,
                publisher,
            } = message;
            let Ok(position) = self.order_now(topic, payload, extras, *publisher) else {
                break false;
            };
            if let Some(mut message) = held.pop(topic) {
                self.tell_position(message.extras.as_deref_mut(), position);
            }
        };
        self.pubsub.held = held;
        is_released
    }

    /// Puts into the order what is due, and in a drain all that is held.
    pub(crate) fn release_due(&mut self) {
        let share = self.env.work.swap(Share::Rooms);
        for _ in 0..self.pubsub.held.len().min(HELD_TOPICS_PER_TURN) {
            let (held, now) = (&self.pubsub.held, self.env.now);
            let is_due = self.drain.is_some() || held.deadline().is_some_and(|at| at <= now);
            let Some(topic) = held.next().filter(|_| is_due).cloned() else {
                break;
            };
            if self.env.work.is_spent() {
                self.env.moved = true;
                break;
            }
            if self.release(&topic) {
                self.env.moved = true;
            } else {
                // For an unknown time.
                let next = now.plus(Duration::from_millis(1));
                self.pubsub.held.postpone(&topic, next);
            }
        }
        self.env.work.swap(share);
    }
}
