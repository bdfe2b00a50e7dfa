//! What the topics of a world keep.

use std::time::Duration;

use corecast::internals::Rng;
use corecast::{First, Flush, HistorySettings, Namespaces, Scope, SlowConsumer, TopicSettings};

use crate::order::Orders;
use crate::profile::Profile;
use crate::room::Rooms;

/// The histories of a world.
#[derive(Clone, Debug)]
pub(crate) struct Histories {
    /// By topic: each has a namespace of its own.
    pub(crate) settings: Vec<TopicSettings>,
    /// They change while the world lives.
    pub(crate) reloads: bool,
    /// Messages are removed.
    pub(crate) removes: bool,
    /// Memory for them is short.
    pub(crate) is_tight: bool,
    /// Homes count the clients of their topics.
    presence: bool,
    times: Times,
}

/// How long messages and positions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Long,
    Short,
}

impl Histories {
    /// Gives a world histories.
    pub(crate) fn give(profile: &mut Profile, rng: &mut Rng) {
        let histories = Self::choose(profile.topics, rng);
        profile.rooms = [Rooms::None, Rooms::None, Rooms::Some, Rooms::All][rng.below(4)];
        // They welcome with what has no place in a history.
        profile.joins = false;
        profile.churns = rng.below(2) == 0;
        profile.drains_early = rng.below(8) == 0;
        profile.clients += 15;
        profile.slow_one_in = [0, 2, 4][rng.below(3)];
        profile.lane_messages = [1, 2, 100][rng.below(3)];
        if histories.is_tight {
            profile.config.history_bytes_max = Some(500 + rng.below(8_000));
        }
        if rng.below(4) == 0 {
            profile.config.backlog_bytes_max = Some(500 + rng.below(8_000));
            profile.is_tight = true;
        }
        profile.histories = Some(histories);
    }

    fn choose(topics: usize, rng: &mut Rng) -> Self {
        let times = [Times::Long, Times::Short][rng.below(2)];
        let mut histories = Self {
            settings: Vec::new(),
            reloads: rng.below(4) == 0,
            removes: rng.below(4) == 0,
            is_tight: rng.below(5) == 0,
            presence: false,
            times,
        };
        histories.settings = (0..topics).map(|_| histories.some_settings(rng)).collect();
        histories
    }

    fn some_settings(&self, rng: &mut Rng) -> TopicSettings {
        let millis = |bounds: [u64; 4], rng: &mut Rng| Duration::from_millis(bounds[rng.below(4)]);
        let (ttl, more) = match self.times {
            Times::Long => (Duration::from_secs(3_600), Duration::from_secs(3_600)),
            Times::Short => (
                millis([1, 100, 300, 1_000], rng),
                millis([0, 1, 100, 300], rng),
            ),
        };
        let history = HistorySettings {
            entries_max: [1, 2, 5, 20, 1_000][rng.below(5)],
            bytes_max: [1, 200, 5_000, 1 << 20, 1 << 20][rng.below(5)],
            ttl,
            meta_ttl: ttl + more,
            is_keyed: rng.below(4) == 0,
        };
        let flush = Flush {
            every: Duration::from_millis(1),
            is_latest: rng.below(2) == 0,
        };
        let policies = [SlowConsumer::Latest, SlowConsumer::DropNewest];
        TopicSettings {
            history: Some(history),
            first: [First::Nothing, First::Last(1), First::Last(10)][rng.below(6) % 3],
            slow_consumer: (rng.below(4) == 0).then(|| policies[rng.below(2)]),
            flush: (rng.below(5) == 0).then_some(flush),
            presence: self.presence,
            delta: true,
            ..TopicSettings::default()
        }
    }

    pub(crate) fn set_presence(&mut self, presence: bool) {
        self.presence = presence;
        let all = self.settings.iter_mut();
        all.for_each(|settings| settings.presence = presence);
    }

    pub(crate) fn namespaces(&self) -> Namespaces {
        let named = self.settings.iter().enumerate();
        let named = named.map(|(topic, settings)| {
            let scope = Scope::name(&format!("t{topic}")).unwrap();
            (scope, settings.clone())
        });
        Namespaces::new(TopicSettings::default(), named.collect())
    }

    pub(crate) fn orders(&self) -> Orders {
        Orders::new(&self.settings, self.is_tight)
    }

    /// A topic has other settings, or no history any more.
    pub(crate) fn change(&mut self, topic: usize, rng: &mut Rng) {
        let mut settings = self.some_settings(rng);
        if rng.below(6) == 0 {
            settings.history = None;
            settings.flush = None;
        }
        self.settings[topic] = settings;
    }
}
