//! The history against a model that is too simple to be wrong, over many seeds.

use std::time::Duration;

use super::super::{Filter, HistoryError};
use super::*;
use crate::internals::Rng;
use crate::position::Epoch;
use crate::time::TICK_MS;

/// A topic as the model has it: every message that was ever published in this epoch, and what of
/// these is gone.
#[derive(Debug, Default)]
struct Model {
    epoch: Option<Epoch>,
    top: u64,
    base: u64,
    entries: Vec<Entry>,
    written: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    offset: u64,
    number: u64,
    key: Option<Arc<str>>,
    is_removal: bool,
    at: u64,
}

struct Case {
    bench: Bench,
    topics: Vec<(Topic, TopicSettings, Model)>,
    rng: Rng,
}

#[test]
fn the_history_is_as_its_model_whatever_happens() {
    for seed in 0..10_000 {
        let mut case = Case::new(seed);
        for _ in 0..40 {
            case.step();
        }
    }
}

#[test]
fn pages_of_long_histories_follow_each_other() {
    for seed in 0..20 {
        let mut case = Case::new(seed);
        for _ in 0..1_500 {
            case.publish(0);
        }
        case.check(0);
    }
}

fn tick(now: Now) -> u64 {
    now.millis() / TICK_MS * TICK_MS
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let topics = ["one", "two", "three"].map(|name| {
            let mut settings = settings([1, 2, 3, 5, 1_000][rng.below(5)]);
            settings.first = [First::Nothing, First::Last(1), First::Last(3)][rng.below(3)];
            if let Some(history) = &mut settings.history {
                history.bytes_max = [16, 24, 1 << 20][rng.below(3)];
                history.is_keyed = rng.below(2) == 0;
                history.ttl = Duration::from_millis([1, 1_000, 60_000][rng.below(3)]);
                history.meta_ttl = history.ttl * 3;
            }
            (topic(name), settings, Model::default())
        });
        Self {
            bench: Bench::new(usize::MAX),
            topics: topics.into(),
            rng,
        }
    }

    fn step(&mut self) {
        let index = self.rng.below(self.topics.len());
        match self.rng.below(12) {
            0..5 => self.publish(index),
            5 => self.pass_over(index),
            6 => self.remove(index),
            7 | 8 => self.wait(),
            _ => self.check(index),
        }
    }

    fn publish(&mut self, index: usize) {
        let key = ["", "a", "b", "c"][self.rng.below(4)];
        let is_removal = !key.is_empty() && self.rng.below(4) == 0;
        let extra = (!key.is_empty()).then(|| Extra {
            is_removal,
            ..of_key(key)
        });
        let (topic, settings, model) = &mut self.topics[index];
        let position = self.bench.publish_with(topic, settings, extra);
        let settings = settings.history.as_ref().unwrap();
        model.place(position, self.bench.now);
        let key = Some(key).filter(|key| !key.is_empty()).map(Arc::from);
        if settings.is_keyed {
            model.entries.retain(|entry| entry.key != key);
        }
        model.entries.push(Entry {
            offset: model.top,
            number: self.bench.published,
            key,
            is_removal,
            at: tick(self.bench.now),
        });
        let bytes_max = settings.bytes_max / size_of::<u64>();
        let most = bytes_max.min(settings.entries_max as usize).max(1);
        while most < model.entries.len() {
            model.base = model.entries.remove(0).offset;
        }
    }

    fn pass_over(&mut self, index: usize) {
        let (topic, settings, model) = &mut self.topics[index];
        let now = self.bench.now;
        let position = self.bench.history.pass_over(topic, settings, now);
        model.place(position.unwrap(), now);
    }

    fn remove(&mut self, index: usize) {
        let (topic, _, model) = &mut self.topics[index];
        self.bench.history.remove(topic);
        model.base = model.entries.last().map_or(model.base, |last| last.offset);
        model.entries.clear();
    }

    fn wait(&mut self) {
        let millis = [1, 70, 900, 5_000, 50_000, 300_000][self.rng.below(6)];
        self.bench.wait(Duration::from_millis(millis));
        let now = self.bench.now.millis();
        for (_, settings, model) in &mut self.topics {
            let settings = settings.history.as_ref().unwrap();
            let over =
                |at, time: Duration| at + TICK_MS + u64::try_from(time.as_millis()).unwrap() <= now;
            while model
                .entries
                .first()
                .is_some_and(|first| over(first.at, settings.ttl))
            {
                model.base = model.entries.remove(0).offset;
            }
            if model.top != 0 && over(model.written, settings.meta_ttl) {
                let old = model.epoch;
                *model = Model::default();
                assert!(old.is_some());
            }
        }
    }

    fn check(&mut self, index: usize) {
        let (topic, settings, model) = &mut self.topics[index];
        let history = settings.history.as_ref().unwrap();
        let bench = &mut self.bench;
        let foreign = Epoch::new(self.rng.next_u64());
        let top = bench.start(topic, settings, Since::Last(0)).position;
        model.epoch = model.epoch.or(Some(top.epoch));
        assert_eq!((Some(top.epoch), top.offset), (model.epoch, model.top));
        let edge = [0, model.base, model.top, u64::MAX][self.rng.below(4)];
        let offset = edge
            .saturating_add(self.rng.below(4) as u64)
            .saturating_sub(2);
        let epoch = [top.epoch, top.epoch, foreign][self.rng.below(3)];
        let since = Position { epoch, offset };
        let count = [0, 1, 2, 3, 4][self.rng.below(5)];

        // A subscriber that comes back.
        let has_gap = epoch != top.epoch || offset < model.base || model.top < offset;
        let (told, entries, end) = bench.read_all(topic, settings, Since::Position(since));
        assert_eq!((told, end), (has_gap, top), "{since:?} {model:?}");
        let after = |entry: &&Entry| match has_gap {
            false => offset < entry.offset,
            true => history.is_keyed && !entry.is_removal,
        };
        model.compare(&entries, after);

        // A new one.
        let first = match settings.first {
            First::Nothing => 0,
            First::Last(count) => count,
        };
        for (since, count) in [(Since::Last(count), count), (Since::Default, first)] {
            let (has_gap, entries, end) = bench.read_all(topic, settings, since);
            assert_eq!((has_gap, end), (false, top));
            let back = if history.is_keyed && 0 < count {
                usize::MAX
            } else {
                count as usize
            };
            let from = model.entries.len().saturating_sub(back);
            let oldest = model
                .entries
                .get(from)
                .map_or(u64::MAX, |first| first.offset);
            model.compare(&entries, |entry| {
                oldest <= entry.offset && !(history.is_keyed && entry.is_removal)
            });
        }

        // A backend.
        let filter = Filter {
            limit: [None, Some(count as usize)][self.rng.below(2)],
            since: [None, Some(offset)][self.rng.below(2)],
            epoch: [None, Some(epoch)][self.rng.below(2)],
            reverse: self.rng.below(2) == 0,
        };
        let answer = bench.history.read(topic, settings, filter, bench.now);
        if filter.since.is_some() && filter.reverse && offset == 0 {
            assert_eq!(answer.unwrap_err(), HistoryError::BeforeFirst);
        } else if filter.epoch.is_some() && epoch != top.epoch {
            assert_eq!(answer.unwrap_err(), HistoryError::Foreign);
        } else {
            let answer = answer.unwrap();
            assert_eq!(answer.position, top);
            let mut expected: Vec<&Entry> = model.entries.iter().collect();
            expected.retain(|entry| match filter.since {
                None => !(history.is_keyed && entry.is_removal),
                Some(_) if filter.reverse => entry.offset < offset,
                Some(_) => offset < entry.offset,
            });
            if filter.reverse {
                expected.reverse();
            }
            expected.truncate(filter.limit.unwrap_or(usize::MAX));
            let offsets_of: Vec<u64> = expected.iter().map(|entry| entry.offset).collect();
            assert_eq!(offsets(&answer.entries), offsets_of, "{filter:?} {model:?}");
        }
    }
}

impl Model {
    fn place(&mut self, position: Position, now: Now) {
        let epoch = *self.epoch.get_or_insert(position.epoch);
        self.top += 1;
        self.written = tick(now);
        let offset = self.top;
        assert_eq!(position, Position { epoch, offset });
    }

    fn compare(&self, entries: &[Kept], is_expected: impl Fn(&&Entry) -> bool) {
        let expected: Vec<&Entry> = self.entries.iter().filter(is_expected).collect();
        assert_eq!(entries.len(), expected.len(), "{entries:?} {self:?}");
        for (kept, entry) in entries.iter().zip(expected) {
            let key = kept.extra.as_ref().and_then(|extra| extra.key.clone());
            assert_eq!((kept.offset, &key), (entry.offset, &entry.key));
            assert_eq!(*kept.payload.bytes, entry.number.to_be_bytes());
            assert_eq!(kept.is_removal(), entry.is_removal);
        }
    }
}
