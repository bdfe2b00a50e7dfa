//! What holds for topics by their names: the keys of `[topics]`, and of `[[namespace]]` tables.

mod check;
mod explain;
pub(super) mod first;
pub(super) mod keys;

use std::time::Duration;

use crate::config::{
    First, Flush, HistorySettings, Namespaces, Scope, ScopeError, SlowConsumer, TopicSettings,
};
use crate::limits::{HISTORY_BYTES_MAX, HISTORY_META_TTL, HISTORY_TTL};
use crate::settings::draft::Draft;
use crate::settings::keys::Key;
use crate::settings::namespaces::first::FirstMessages;
use crate::settings::namespaces::keys::NAMESPACE_KEYS;
use crate::settings::tables::{Table, table_key};
use crate::settings::{Settings, Source};

/// What holds for topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicValues {
    /// What happens to subscribers that fall behind.
    pub slow_consumer: SlowConsumer,
    /// Messages that a topic's history has; `None`: there is no history.
    pub history_size: Option<u32>,
    /// Bytes of these messages.
    pub history_bytes: usize,
    /// How long a message is kept.
    pub history_ttl: Duration,
    /// How long a position is kept; `None`: some time longer than messages.
    pub history_meta_ttl: Option<Duration>,
    /// Whether only the newest message of each key is kept.
    pub keys: bool,
    /// What a new subscriber gets first.
    pub first: FirstMessages,
    /// Time between ticks at which messages go out; `None`: at once.
    pub flush: Option<Duration>,
    /// Whether only the newest message of each tick goes out.
    pub flush_latest: bool,
    /// Whether a topic's clients are known.
    pub presence: bool,
    /// Whether clients may be told of joins and leaves.
    pub join_leave: bool,
    /// Whether all are.
    pub force_push_join_leave: bool,
    /// Whether all clients can come back to where they were.
    pub force_recovery: bool,
    /// Whether all are told of gaps.
    pub force_positioning: bool,
    /// Subscribers of a topic at the same time; `None`: any number.
    pub subscribers_max: Option<u32>,
    /// Whether publishers do not get what they have published.
    pub exclude_publisher: bool,
    /// Whether subscriptions may be with deltas.
    pub delta: bool,
    /// Whether the topic is of this server alone.
    pub local: bool,
}

/// Topics that have settings of their own. One of `name` and `pattern` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// What their names have before the first `:`.
    pub name: String,
    /// What their names match.
    pub pattern: String,
    /// What holds for them.
    pub topics: TopicValues,
}

impl Default for TopicValues {
    fn default() -> Self {
        Self {
            slow_consumer: SlowConsumer::default(),
            history_size: None,
            history_bytes: HISTORY_BYTES_MAX,
            history_ttl: HISTORY_TTL,
            history_meta_ttl: None,
            keys: false,
            first: FirstMessages::Auto,
            flush: None,
            flush_latest: false,
            presence: false,
            join_leave: false,
            force_push_join_leave: false,
            force_recovery: false,
            force_positioning: false,
            subscribers_max: None,
            exclude_publisher: false,
            delta: false,
            local: false,
        }
    }
}

impl TopicValues {
    fn settings(&self) -> TopicSettings {
        let history = self.history_size.map(|entries_max| HistorySettings {
            entries_max,
            bytes_max: self.history_bytes,
            ttl: self.history_ttl,
            meta_ttl: self.meta_ttl(),
            is_keyed: self.keys,
        });
        let first = match self.first {
            FirstMessages::Auto if self.keys => First::Last(u32::MAX),
            FirstMessages::Auto | FirstMessages::Nothing => First::Nothing,
            FirstMessages::All => First::Last(u32::MAX),
            FirstMessages::Last(count) => First::Last(count),
        };
        TopicSettings {
            first: if history.is_some() {
                first
            } else {
                First::Nothing
            },
            history,
            slow_consumer: Some(self.slow_consumer),
            flush: self.flush.map(|every| Flush {
                every,
                is_latest: self.flush_latest,
            }),
            presence: self.presence,
            join_leave: self.join_leave,
            force_push_join_leave: self.force_push_join_leave,
            force_recovery: self.force_recovery,
            force_positioning: self.force_positioning,
            subscribers_max: self.subscribers_max,
            excludes_publisher: self.exclude_publisher,
            delta: self.delta,
            is_local: self.local,
        }
    }

    fn meta_ttl(&self) -> Duration {
        self.history_meta_ttl
            .unwrap_or(self.history_ttl + HISTORY_META_TTL)
    }
}

impl Namespace {
    fn scope(&self) -> Result<Scope, ScopeError> {
        if self.pattern.is_empty() {
            Scope::name(&self.name)
        } else {
            Scope::pattern(&self.pattern)
        }
    }
}

impl Table for Namespace {
    const NAME: &'static str = "namespace";

    fn empty() -> Self {
        Self::default()
    }

    fn keys() -> &'static [Key<Self>] {
        NAMESPACE_KEYS
    }

    fn all(settings: &mut Settings) -> &mut Vec<Self> {
        &mut settings.namespaces
    }
}

impl Settings {
    /// What holds for all topics.
    pub fn topic_settings(&self) -> Namespaces {
        let namespaces = self.namespaces.iter();
        let namespaces = namespaces.filter_map(|namespace| {
            let scope = namespace.scope().ok()?;
            Some((scope, namespace.topics.settings()))
        });
        Namespaces::new(self.topics.settings(), namespaces.collect()).closed(self.require_namespace)
    }
}

impl Draft {
    /// Gives namespaces the values of `[topics]` for the keys that they do not have.
    pub(super) fn inherit(&mut self) {
        let settings = &mut self.settings;
        let base = Namespace {
            topics: settings.topics.clone(),
            ..Namespace::default()
        };
        for (index, namespace) in settings.namespaces.iter_mut().enumerate() {
            let is_inherited = |key: &&Key<Namespace>| {
                let name = table_key::<Namespace>(index, key.name);
                let source = settings.sources.get(&name);
                source.is_none_or(|source| *source == Source::Default)
            };
            for key in NAMESPACE_KEYS.iter().filter(is_inherited) {
                key.field.copy(&base, namespace);
            }
        }
    }
}
