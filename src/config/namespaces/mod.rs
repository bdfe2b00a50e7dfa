//! Namespaces: what holds for the topics of a name, such as whether they have a history.

mod scope;

use std::sync::Arc;
use std::time::Duration;

use crate::config::SlowConsumer;
use crate::config::namespaces::scope::namespace_of;
pub use crate::config::namespaces::scope::{Scope, ScopeError};
use crate::limits::NAMESPACES_MAX;

/// What holds for a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicSettings {
    /// What its home keeps of what was published; `None`: nothing, and its messages have no
    /// position.
    pub history: Option<HistorySettings>,
    /// What a new subscriber gets first that asks for nothing else.
    pub first: First,
    /// What happens to a subscriber that is too slow; `None`: as in
    /// [`Config::slow_consumer`](crate::Config::slow_consumer).
    pub slow_consumer: Option<SlowConsumer>,
    /// Whether messages wait for each other before they go out; `None`: they do not. Those of a
    /// topic with a [`Room`](crate::Room) never do: a room has ticks of its own.
    pub flush: Option<Flush>,
    /// Whether its home knows its clients, for those that ask.
    pub presence: bool,
    /// Whether its clients are told of each other's joins and leaves, if they ask for that.
    pub join_leave: bool,
    /// Whether they are told so without having asked.
    pub force_push_join_leave: bool,
    /// Whether each client of the structured protocol can come back to where it was, unasked.
    pub force_recovery: bool,
    /// Whether it is told of gaps, without having asked for that.
    pub force_positioning: bool,
    /// How many connections may be subscribed at the same time, on all shards together; `None`: any
    /// number. One more is refused.
    pub subscribers_max: Option<u32>,
    /// Whether a connection that publishes and is subscribed does not get its own messages.
    pub excludes_publisher: bool,
    /// Whether clients of the structured protocol may ask for deltas, if there is a history.
    pub delta: bool,
    /// Whether the topic is of this server alone, although there is a
    /// [backplane](crate::ServerBuilder::backplane). That a reload does not change.
    pub is_local: bool,
}

impl TopicSettings {
    /// Whether each client of the structured protocol is told of gaps, whatever it asks for.
    pub(crate) fn positions_all(&self) -> bool {
        self.history.is_some() && (self.force_recovery || self.force_positioning)
    }

    /// Whether the home of a topic is to know its clients.
    pub(crate) fn counts_clients(&self) -> bool {
        self.presence || self.join_leave || self.subscribers_max.is_some()
    }
}

/// Messages that go out together, at the ticks of their topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flush {
    /// Time from one tick to the next.
    pub every: Duration,
    /// Only the newest message of each key goes out at a tick, and of those without a key the
    /// newest.
    pub is_latest: bool,
}

/// What the home of a topic keeps of what was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistorySettings {
    /// Messages at most; at least 1.
    pub entries_max: u32,
    /// Bytes of their payloads at most; the newest message is kept in any case.
    pub bytes_max: usize,
    /// How long a message is kept.
    pub ttl: Duration,
    /// How long the position is kept after the last message; at least `ttl`.
    pub meta_ttl: Duration,
    /// Of each key only the newest message is kept, and of those without a key the newest.
    pub is_keyed: bool,
}

/// What a new subscriber gets first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    /// Nothing: what is published from then on.
    #[default]
    Nothing,
    /// So many of the newest messages, as far as they are there.
    Last(u32),
}

/// The settings of all topics, by their names.
#[derive(Clone, Debug)]
pub struct Namespaces {
    table: Arc<Table>,
    /// Tells this table from those before it: what was found in those has to be found again.
    generation: u8,
    /// Whether the clients of some topics are counted.
    counts_clients: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Table {
    /// Those of a topic that no namespace has.
    default: TopicSettings,
    /// The first that has a topic counts.
    namespaces: Vec<(Scope, TopicSettings)>,
    /// Whether clients know only those namespaces.
    is_closed: bool,
}

/// Which settings a topic has. They are found by its name when they are first asked for, and the
/// topic keeps this: the generation of the table, and the index in it. In bytes, as a topic has
/// three to spare.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SettingsKey([u8; 3]);

/// No key has it: the first generation.
const NO_GENERATION: u8 = 0;
/// Tables after so many are not told apart: in these, settings are found by names each time.
const LAST_GENERATION: u8 = u8::MAX;

impl Table {
    fn all(&self) -> impl Iterator<Item = &TopicSettings> {
        let named = self.namespaces.iter().map(|(_, settings)| settings);
        std::iter::once(&self.default).chain(named)
    }

    fn counts_clients(&self) -> bool {
        self.all().any(TopicSettings::counts_clients)
    }

    /// Whether there may be a topic that has a history by these settings, and none by `new`.
    fn loses_history(&self, new: &Self) -> bool {
        let has_history = |settings: &TopicSettings| settings.history.is_some();
        let scopes = |table: &Self| {
            let named = table.namespaces.iter();
            named.map(|(scope, _)| scope.clone()).collect::<Vec<_>>()
        };
        if scopes(self) == scopes(new) {
            let mut both = self.all().zip(new.all());
            return both.any(|(old, new)| has_history(old) && !has_history(new));
        }
        // Any topic may have come to another namespace.
        self.all().any(has_history) && !new.all().all(has_history)
    }
}

impl Namespaces {
    /// `default`: the settings of topics in no namespace. Of several namespaces that have a topic,
    /// the first counts; those beyond [`NAMESPACES_MAX`] are ignored.
    pub fn new(default: TopicSettings, mut namespaces: Vec<(Scope, TopicSettings)>) -> Self {
        namespaces.truncate(NAMESPACES_MAX);
        Self::of_table(Table {
            default,
            namespaces,
            is_closed: false,
        })
    }

    /// Has clients refused that name a topic in a namespace that is none of these: it has a `:` in
    /// its first level, as in `chta:7`, and no scope has it.
    #[must_use]
    pub fn closed(self, is_closed: bool) -> Self {
        Self::of_table(Table {
            is_closed,
            ..Arc::unwrap_or_clone(self.table)
        })
    }

    /// Whether clients are [refused](Self::closed) that name this topic.
    pub fn is_unknown(&self, topic: &str) -> bool {
        self.lacks(topic, |scope| scope.has(topic))
    }

    /// The same for all topics that a pattern with `+` and `#` alone matches.
    pub(crate) fn is_unknown_pattern(&self, wildcards: &str) -> bool {
        self.lacks(wildcards, |scope| scope.may_have(wildcards))
    }

    /// Whether a name is of a namespace that must be one of these, and is not.
    fn lacks(&self, name: &str, has: impl Fn(&Scope) -> bool) -> bool {
        let mut namespaces = self.table.namespaces.iter();
        self.table.is_closed
            && namespace_of(name).is_some_and(|namespace| namespace != "+")
            && !namespaces.any(|(scope, _)| has(scope))
    }

    fn of_table(table: Table) -> Self {
        Self {
            counts_clients: table.counts_clients(),
            table: Arc::new(table),
            generation: NO_GENERATION + 1,
        }
    }

    /// Whether the clients of some topics are counted: if not, no topic has to be looked at.
    pub(crate) fn counts_clients(&self) -> bool {
        self.counts_clients
    }

    /// The settings of the topic of this name.
    pub fn of(&self, topic: &str) -> &TopicSettings {
        self.at(self.find(topic))
    }

    /// Replaces these settings by others, and has topics find theirs again. Returns whether there
    /// may be a topic whose history ends with this.
    pub(crate) fn replace(&mut self, new: Self) -> bool {
        if *self.table == *new.table {
            return false;
        }
        let is_lost = self.table.loses_history(&new.table);
        self.table = new.table;
        self.counts_clients = new.counts_clients;
        self.generation = self.generation.saturating_add(1);
        is_lost
    }

    /// The settings of the topic of this name, which keeps `key`.
    pub(crate) fn get(&self, key: &mut SettingsKey, topic: &str) -> &TopicSettings {
        self.at(self.renew(key, topic))
    }

    /// The key that the topic of this name keeps, found anew if it is of another table.
    pub(crate) fn renew(&self, key: &mut SettingsKey, topic: &str) -> SettingsKey {
        let [generation, ..] = key.0;
        if generation != self.generation || generation == LAST_GENERATION {
            *key = self.find(topic);
        }
        *key
    }

    fn find(&self, topic: &str) -> SettingsKey {
        let mut namespaces = self.table.namespaces.iter();
        let index = namespaces.position(|(scope, _)| scope.has(topic));
        // 0: no namespace.
        let index = index.and_then(|index| u16::try_from(index + 1).ok());
        let [low, high] = index.unwrap_or(0).to_le_bytes();
        SettingsKey([self.generation, low, high])
    }

    /// The settings of a topic with this key of this table.
    pub(crate) fn at(&self, key: SettingsKey) -> &TopicSettings {
        let Table {
            default,
            namespaces,
            ..
        } = &*self.table;
        let [_, low, high] = key.0;
        let index = usize::from(u16::from_le_bytes([low, high])).checked_sub(1);
        let found = index.and_then(|index| namespaces.get(index));
        found.map_or(default, |(_, settings)| settings)
    }
}

impl Default for Namespaces {
    fn default() -> Self {
        Self::of_table(Table::default())
    }
}

#[cfg(test)]
mod tests;
