//! The topics whose home is this shard: which shards want their messages, which have a room, and
//! what was published there of late with a key.
//!
//! The home sets the order of a topic's messages. A topic that no shard wants, and without a room,
//! has no entry, so that publishing to names without subscribers takes no memory.

mod dedup;
mod interest;
mod patterns;

use hashbrown::Equivalent;

use crate::config::{Namespaces, SettingsKey, TopicSettings};
use crate::id::RoomKey;
use crate::position::Position;
use crate::time::Now;
use crate::topic::home::dedup::Dedup;
pub use crate::topic::home::dedup::DedupKey;
pub use crate::topic::home::interest::Interest;
use crate::topic::index::HashIndex;
use crate::topic::patterns::{Patterns, TopicPattern};
use crate::topic::tables::GiveBack;
use crate::topic::{Hashed, Topic};

/// Whether a topic has a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RoomSlot {
    /// The application was not asked yet.
    #[default]
    Unasked,
    /// None: publications go straight into the order.
    Empty,
    /// A room, to which they go first.
    Room {
        /// Its key.
        key: RoomKey,
        /// It receives joins and leaves.
        joins: bool,
    },
}

/// A change from or to no interest at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// A shard wants the topic, and none did before.
    First,
    /// No shard wants it any more.
    Last,
}

/// A topic whose home is this shard.
#[derive(Debug, Default)]
struct Home {
    interests: Vec<Interest>,
    /// Meaningful with a room.
    room_key: RoomKey,
    room: RoomState,
    settings: SettingsKey,
}

const _: () = assert!(size_of::<Home>() == 32);

/// A [`RoomSlot`] without its key.
#[derive(Clone, Copy, Debug, Default)]
enum RoomState {
    #[default]
    Unasked,
    Empty,
    Room,
    RoomWithJoins,
}

impl Home {
    fn room(&self) -> RoomSlot {
        let key = self.room_key;
        match self.room {
            RoomState::Unasked => RoomSlot::Unasked,
            RoomState::Empty => RoomSlot::Empty,
            RoomState::Room => RoomSlot::Room { key, joins: false },
            RoomState::RoomWithJoins => RoomSlot::Room { key, joins: true },
        }
    }

    fn set_room(&mut self, room: RoomSlot) {
        self.room = match room {
            RoomSlot::Unasked => RoomState::Unasked,
            RoomSlot::Empty => RoomState::Empty,
            RoomSlot::Room { key, joins } => {
                self.room_key = key;
                if joins {
                    RoomState::RoomWithJoins
                } else {
                    RoomState::Room
                }
            }
        };
    }
}

/// The topics whose home is this shard.
#[derive(Debug, Default)]
pub(crate) struct Homes {
    topics: HashIndex<(Topic, Home)>,
    /// Those of all homes.
    patterns: Patterns<Vec<Interest>>,
    dedup: Dedup,
    /// Used again for each publication.
    recipients: Vec<Interest>,
    matches: Vec<Interest>,
}

impl Homes {
    /// The topic of this name, if it has subscribers on any shard, or a room.
    pub(crate) fn of_name(&self, name: Hashed<'_>) -> Option<&Topic> {
        let is_it = |(topic, _): &(Topic, Home)| name.equivalent(topic);
        self.topics.find(name.hash, is_it).map(|(topic, _)| topic)
    }

    fn get(&self, topic: &Topic) -> Option<&Home> {
        let found = self.topics.find(topic.hash(), |(other, _)| other == topic);
        found.map(|(_, home)| home)
    }

    fn get_mut(&mut self, topic: &Topic) -> Option<&mut Home> {
        let is_it = |(other, _): &(Topic, Home)| other == topic;
        let found = self.topics.find_mut(topic.hash(), is_it);
        found.map(|(_, home)| home)
    }

    fn add(&mut self, topic: &Topic, home: Home) {
        let entry = (topic.clone(), home);
        self.topics.insert(topic.hash(), entry, hash_of);
    }

    fn remove(&mut self, topic: &Topic) {
        let is_it = |(other, _): &(Topic, Home)| other == topic;
        self.topics.remove(topic.hash(), is_it);
    }

    /// From now on `interest` gets the topic's messages; replaces an older one of that shard.
    pub(crate) fn want(&mut self, topic: &Topic, interest: Interest) -> Option<Edge> {
        if let Some(pattern) = TopicPattern::of(topic) {
            self.want_pattern(&pattern, interest);
            return None;
        }
        let Some(home) = self.get_mut(topic) else {
            let interests = vec![interest];
            self.add(
                topic,
                Home {
                    interests,
                    ..Home::default()
                },
            );
            return Some(Edge::First);
        };
        let is_first = home.interests.is_empty();
        home.interests.retain(|other| other.shard != interest.shard);
        home.interests.push(interest);
        is_first.then_some(Edge::First)
    }

    /// `interest` wants no more; a newer one of that shard stays.
    pub(crate) fn unwant(&mut self, topic: &Topic, interest: Interest) -> Option<Edge> {
        if let Some(pattern) = TopicPattern::of(topic) {
            self.unwant_pattern(&pattern, interest);
            return None;
        }
        let home = self.get_mut(topic)?;
        let before = home.interests.len();
        home.interests.retain(|other| *other != interest);
        if !home.interests.is_empty() || before == 0 {
            return None;
        }
        if !matches!(home.room(), RoomSlot::Room { .. }) {
            self.remove(topic);
        }
        Some(Edge::Last)
    }

    /// Whether any shard wants a topic.
    pub(crate) fn is_wanted(&self, topic: &Topic) -> bool {
        let home = self.get(topic);
        home.is_some_and(|home| !home.interests.is_empty())
    }

    /// The shards that are to get a publication, all of them or none, to be given back; and the
    /// topic's settings, which are looked for by its name only if no shard wants it.
    pub(crate) fn take_recipients(
        &mut self,
        topic: &Topic,
        namespaces: &Namespaces,
    ) -> (Vec<Interest>, SettingsKey) {
        let mut recipients = std::mem::take(&mut self.recipients);
        recipients.clear();
        let mut unkept = SettingsKey::default();
        let settings = match self.get_mut(topic) {
            Some(home) => {
                recipients.extend_from_slice(&home.interests);
                &mut home.settings
            }
            None => &mut unkept,
        };
        (recipients, namespaces.renew(settings, topic.name()))
    }

    /// The settings of a topic that a shard wants.
    pub(crate) fn settings<'n>(
        &mut self,
        topic: &Topic,
        namespaces: &'n Namespaces,
    ) -> Option<&'n TopicSettings> {
        let home = self.get_mut(topic)?;
        Some(namespaces.get(&mut home.settings, topic.name()))
    }

    /// Takes back the memory of `take_recipients`.
    pub(crate) fn give_recipients(&mut self, recipients: Vec<Interest>) {
        self.recipients = recipients;
    }

    /// Whether a topic has a room.
    pub(crate) fn room(&self, topic: &Topic) -> RoomSlot {
        let home = self.get(topic);
        home.map_or(RoomSlot::Unasked, Home::room)
    }

    /// The application has answered whether a topic has a room. That it has none is remembered for
    /// as long as a shard wants the topic.
    pub(crate) fn set_room(&mut self, topic: &Topic, room: RoomSlot) {
        if let Some(home) = self.get_mut(topic) {
            home.set_room(room);
        } else if let RoomSlot::Room { .. } = room {
            let mut home = Home::default();
            home.set_room(room);
            self.add(topic, home);
        }
    }

    /// The topic's room is gone.
    pub(crate) fn remove_room(&mut self, topic: &Topic) {
        if let Some(home) = self.get_mut(topic) {
            home.set_room(RoomSlot::Unasked);
            if home.interests.is_empty() {
                self.remove(topic);
            }
        }
    }

    /// The position of a publication that was ordered with this key of late, if one was; none for
    /// one without a position.
    pub(crate) fn find_key(&mut self, key: DedupKey, now: Now) -> Option<Option<Position>> {
        self.dedup.find(key, now)
    }

    /// A publication with this key has its place in the order, or waits for its tick or room.
    pub(crate) fn note_key(&mut self, key: Option<DedupKey>, position: Option<Position>, now: Now) {
        if let Some(key) = key {
            self.dedup.note(key, position, now);
        }
    }

    /// When `forget_keys` has something to do next.
    pub(crate) fn deadline(&self) -> Option<Now> {
        self.dedup.deadline()
    }

    /// Forgets keys from before the window, `budget` of them at most.
    pub(crate) fn forget_keys(&mut self, now: Now, budget: usize) {
        self.dedup.forget_old(now, budget);
    }

    /// Calls `visit` with each table that grows with the number of topics or keys.
    pub(crate) fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        visit(&mut self.topics.hashed_by(hash_of));
        visit(&mut self.patterns);
        self.dedup.tables().into_iter().for_each(visit);
    }

    /// How many topics there are.
    pub(crate) fn len(&self) -> usize {
        self.topics.len()
    }
}

fn hash_of((topic, _): &(Topic, Home)) -> u64 {
    topic.hash()
}

#[cfg(test)]
mod home_tests;
