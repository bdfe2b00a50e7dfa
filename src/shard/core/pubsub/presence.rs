//! How far the rooms of a shard have been told of its own connections.

use std::collections::HashSet;

use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::mail::Presence;
use crate::topic::{ByKeptHash, Topic};

/// How far the rooms of a shard have been told of its own connections: all that wait are passed
/// over once, and then again from the first.
#[derive(Debug, Default)]
pub(crate) struct PresenceCursor {
    /// The first ticket that was not looked at.
    next: u64,
    /// Topics whose rooms cannot be told now: what waits for them keeps its order.
    held: HashSet<Topic, ByKeptHash>,
}

impl PubSub {
    /// What rooms of this shard could not be told is tried again, once all was looked at.
    pub(crate) fn look_at_presence_again(&mut self, env: &Env) {
        if self.has_looked_at_presence(env) {
            self.presence_cursor.next = 0;
            self.presence_cursor.held.clear();
        }
    }

    pub(crate) fn has_looked_at_presence(&self, env: &Env) -> bool {
        let presence = &self.mail[env.shard.index()].presence;
        let mut left = presence.range(self.presence_cursor.next..);
        left.next().is_none()
    }

    /// Whether the room of a topic at home here knows of all connections of this shard.
    pub(crate) fn is_room_told(&self, env: &Env, topic: &Topic) -> bool {
        self.has_looked_at_presence(env) && !self.presence_cursor.held.contains(topic)
    }

    /// What the room of a topic at home here is to be told next, with its ticket; of at most
    /// `budget` that are looked at. What cannot be told now is passed over, with all that waits
    /// behind it for the same topic.
    pub(crate) fn next_presence(
        &mut self,
        env: &Env,
        budget: &mut usize,
    ) -> Option<(u64, Topic, Presence)> {
        let Self {
            presence_cursor,
            mail,
            room_queue,
            ..
        } = self;
        let presences = &mut mail[env.shard.index()].presence;
        while 0 < *budget {
            *budget -= 1;
            let (&ticket, (topic, _)) = presences.range(presence_cursor.next..).next()?;
            presence_cursor.next = ticket + 1;
            if presence_cursor.held.contains(topic) {
                continue;
            }
            // What the connection has published goes first, as it does in a lane.
            if room_queue.has(topic) {
                presence_cursor.held.insert(topic.clone());
                continue;
            }
            let (topic, presence) = presences.remove(&ticket)?;
            return Some((ticket, topic, presence));
        }
        None
    }

    /// It could not be told now.
    pub(crate) fn hold_presence(
        &mut self,
        env: &Env,
        ticket: u64,
        topic: Topic,
        presence: Presence,
    ) {
        self.presence_cursor.held.insert(topic.clone());
        let presences = &mut self.mail[env.shard.index()].presence;
        presences.insert(ticket, (topic, presence));
    }
}
