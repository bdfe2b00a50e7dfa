//! Histories without shards: topics, time and a budget.

mod bounds;
mod budget;
mod model;
mod time;

use std::sync::Arc;
use std::time::Duration;

use super::{History, Kept, Start};
use crate::config::{First, HistorySettings, TopicSettings};
use crate::payload::{Extra, Payload};
use crate::position::{Position, Since};
use crate::proto::Kind;
use crate::time::Now;
use crate::topic::Topic;

/// A history with the time and what is published to it, each message by its number.
struct Bench {
    history: History,
    now: Now,
    published: u64,
}

impl Bench {
    fn new(budget: usize) -> Self {
        Self {
            history: History::new(budget),
            now: Now::default(),
            published: 0,
        }
    }

    fn publish(&mut self, topic: &Topic, settings: &TopicSettings) -> Position {
        self.publish_with(topic, settings, None)
    }

    fn publish_with(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        extra: Option<Extra>,
    ) -> Position {
        self.published += 1;
        let payload = || payload(self.published);
        let extra = extra.map(Arc::new);
        let placed = self
            .history
            .place(topic, settings, payload, extra, self.now);
        placed.unwrap()
    }

    fn start(&mut self, topic: &Topic, settings: &TopicSettings, since: Since) -> Start {
        self.history
            .start(topic, settings, since, self.now)
            .unwrap()
    }

    /// All pages of a start, and where they end.
    fn read_all(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        since: Since,
    ) -> (bool, Vec<Kept>, Position) {
        let mut start = self.start(topic, settings, since);
        let has_gap = start.has_gap;
        let mut all = Vec::new();
        loop {
            let page = start.page.iter();
            all.extend(page.flat_map(|page| page.entries.iter().cloned()));
            if !start.has_more {
                return (has_gap, all, start.position);
            }
            assert_eq!(
                Some(start.position.offset),
                all.last().map(|kept| kept.offset)
            );
            start = self.start(topic, settings, Since::Position(start.position));
            assert!(!start.has_gap);
        }
    }

    /// Time passes, with as many steps as it takes.
    fn wait(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.history.pass_time(self.now, usize::MAX);
    }
}

fn payload(number: u64) -> Payload {
    Payload {
        kind: Kind::Binary,
        bytes: number.to_be_bytes().into(),
    }
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn of_key(key: &str) -> Extra {
    Extra {
        key: Some(key.into()),
        ..Extra::default()
    }
}

fn removal_of(key: &str) -> Extra {
    Extra {
        is_removal: true,
        ..of_key(key)
    }
}

fn offsets(entries: &[Kept]) -> Vec<u64> {
    entries.iter().map(|kept| kept.offset).collect()
}

/// So many messages, for a minute, with a position that is kept for an hour.
fn settings(entries_max: u32) -> TopicSettings {
    TopicSettings {
        history: Some(HistorySettings {
            entries_max,
            bytes_max: usize::MAX,
            ttl: Duration::from_secs(60),
            meta_ttl: Duration::from_secs(3600),
            is_keyed: false,
        }),
        first: First::Nothing,
        ..TopicSettings::default()
    }
}

fn keyed(entries_max: u32) -> TopicSettings {
    let mut settings = settings(entries_max);
    settings.first = First::Last(1);
    settings.history.as_mut().unwrap().is_keyed = true;
    settings
}
