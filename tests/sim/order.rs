//! The order of each topic with a history, as its home has told it to publishers, and what its
//! readers may lack of it.
#![expect(
    clippy::disallowed_types,
    reason = "what takes a position may be called on any thread"
)]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use corecast::{First, Position, Publish, TopicSettings};

/// Shared with what homes call when a message has its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders(Arc<Mutex<Vec<Order>>>);

/// The order of one topic.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) placed: Vec<Placed>,
    of_name: HashMap<usize, usize>,
    of_position: HashMap<Position, usize>,
    /// Messages that a newer one has superseded before they had a place.
    superseded: HashSet<usize>,
    settings: TopicSettings,
    /// The least that any settings have kept.
    least: Bounds,
    /// The newest messages that a new subscriber has got first, at most.
    pub(crate) first_max: usize,
    /// All before this may have gone for another reason than these.
    gone: usize,
    /// There was a time without history.
    pub(crate) had_none: bool,
    /// Only a newer message of its key has replaced a message, or none has.
    pub(crate) was_keyed: bool,
    /// Memory may be short at any time.
    is_tight: bool,
    now: u64,
}

/// A message in its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) name: usize,
    pub(crate) position: Option<Position>,
    pub(crate) said: Said,
    len: usize,
    at: u64,
}

/// What a publisher says of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    pub(crate) key: Option<usize>,
    pub(crate) is_removal: bool,
    pub(crate) skips_history: bool,
    pub(crate) is_once: bool,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    entries: usize,
    bytes: usize,
    ttl: u64,
    meta_ttl: u64,
}

impl Said {
    /// That of the message of this name.
    pub(crate) fn of(name: usize) -> Self {
        let key = (!name.is_multiple_of(3)).then_some(name % 4);
        Self {
            key,
            is_removal: key.is_some() && name.is_multiple_of(11),
            skips_history: name % 13 == 5,
            is_once: name % 7 == 3,
        }
    }

    /// As it is published; `once` is its key if it is published once.
    pub(crate) fn publish(self, once: &str) -> Publish<'_> {
        let mut publish = Publish::new();
        if let Some(key) = self.key {
            publish = publish.key(&format!("key {key}"));
        }
        if self.is_removal {
            publish = publish.removal();
        }
        if self.skips_history {
            publish = publish.skip_history();
        }
        if self.is_once {
            publish = publish.once(once);
        }
        publish
    }
}

impl Orders {
    pub(crate) fn new(settings: &[TopicSettings], is_tight: bool) -> Self {
        let orders = settings
            .iter()
            .map(|settings| Order::new(settings, is_tight));
        Self(Arc::new(Mutex::new(orders.collect())))
    }

    pub(crate) fn all(&self) -> MutexGuard<'_, Vec<Order>> {
        self.0.lock().expect("no reply has failed")
    }

    pub(crate) fn set_time(&self, now: u64) {
        self.all().iter_mut().for_each(|order| order.now = now);
    }
}

impl Bounds {
    fn of(settings: &TopicSettings) -> Option<Self> {
        let history = settings.history.as_ref()?;
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap();
        Some(Self {
            entries: history.entries_max as usize,
            bytes: history.bytes_max,
            ttl: millis(history.ttl),
            meta_ttl: millis(history.meta_ttl),
        })
    }

    fn tighten(&mut self, other: Self) {
        self.entries = self.entries.min(other.entries);
        self.bytes = self.bytes.min(other.bytes);
        self.ttl = self.ttl.min(other.ttl);
        self.meta_ttl = self.meta_ttl.min(other.meta_ttl);
    }
}

impl Order {
    fn new(settings: &TopicSettings, is_tight: bool) -> Self {
        let mut order = Self {
            placed: Vec::new(),
            of_name: HashMap::new(),
            of_position: HashMap::new(),
            superseded: HashSet::new(),
            settings: settings.clone(),
            least: Bounds {
                entries: usize::MAX,
                bytes: usize::MAX,
                ttl: u64::MAX,
                meta_ttl: u64::MAX,
            },
            first_max: 0,
            gone: 0,
            had_none: false,
            was_keyed: false,
            is_tight,
            now: 0,
        };
        order.set(settings);
        order
    }

    /// The topic has these settings from now on.
    pub(crate) fn set(&mut self, settings: &TopicSettings) {
        let is_keyed = |settings: &TopicSettings| {
            let history = settings.history.as_ref();
            history.is_some_and(|history| history.is_keyed)
        };
        if is_keyed(&self.settings) != is_keyed(settings) {
            self.note_gone();
        }
        self.was_keyed |= is_keyed(settings);
        match Bounds::of(settings) {
            Some(bounds) => self.least.tighten(bounds),
            None => {
                self.had_none = true;
                self.note_gone();
            }
        }
        let first = match settings.first {
            First::Nothing => 0,
            First::Last(count) => count as usize,
        };
        self.first_max = self.first_max.max(first);
        self.settings = settings.clone();
    }

    /// What was published before may be gone.
    pub(crate) fn note_gone(&mut self) {
        self.gone = self.placed.len();
    }

    /// The home has told a publisher the position of its message.
    pub(crate) fn place(&mut self, name: usize, len: usize, position: Option<Position>) {
        if let Some(&at) = self.of_name.get(&name) {
            return assert_eq!(self.placed[at].position, position, "message {name}, again");
        }
        if self.superseded.contains(&name) {
            return assert_eq!(position, None, "message {name}, again");
        }
        let said = Said::of(name);
        if position.is_none() && self.settings.history.is_some() {
            let is_latest = self.settings.flush.is_some_and(|flush| flush.is_latest);
            assert!(is_latest, "message {name} has no position");
            self.superseded.insert(name);
            return;
        }
        if let Some(position) = position {
            self.check_next(position);
            self.of_position.insert(position, self.placed.len());
        }
        self.of_name.insert(name, self.placed.len());
        self.placed.push(Placed {
            name,
            position,
            said,
            len,
            at: self.now,
        });
    }

    /// A position follows the one before, or is the first of an epoch that never was.
    fn check_next(&self, position: Position) {
        let mut placed = self.placed.iter().rev();
        let last = placed.find_map(|placed| Some((placed.position?, placed.at)));
        let Some((last, at)) = last else {
            return assert_eq!(position.offset, 1, "{position} is the first");
        };
        if last.epoch == position.epoch {
            return assert_eq!(position.offset, last.offset + 1, "{position} after {last}");
        }
        assert_eq!(position.offset, 1, "{position} after {last}");
        let is_known = self.of_position.contains_key(&position);
        assert!(!is_known, "{position} was before {last}");
        let is_lost = self.least.meta_ttl <= self.now - at || self.is_tight || self.had_none;
        assert!(is_lost, "{position} after {last}, which was not forgotten");
    }

    /// The place of a message.
    pub(crate) fn of_name(&self, name: usize) -> Option<usize> {
        self.of_name.get(&name).copied()
    }

    pub(crate) fn is_superseded(&self, name: usize) -> bool {
        self.superseded.contains(&name)
    }

    /// The place after this position, if any message has its epoch.
    pub(crate) fn after(&self, position: Position) -> Option<usize> {
        let first = Position {
            offset: 1,
            ..position
        };
        match position.offset {
            0 => self.of_position.get(&first).copied(),
            _ => Some(self.of_position.get(&position)? + 1),
        }
    }

    /// The first message from one place to another that a client with these keys must have,
    /// or be told of.
    pub(crate) fn first_due(&self, from: usize, to: usize, keys: &HashSet<usize>) -> Option<usize> {
        (from..to).find(|&at| {
            let said = self.placed[at].said;
            let has_key = said.key.is_none_or(|key| keys.contains(&key));
            let is_off = self.was_keyed && said.is_removal && !has_key;
            !said.skips_history && !is_off && !self.is_replaced(at)
        })
    }

    /// Whether a newer message of its key has taken the place of this one.
    fn is_replaced(&self, at: usize) -> bool {
        let key = self.placed[at].said.key;
        let mut newer = self.placed[at + 1..].iter();
        self.was_keyed && newer.any(|it| it.said.key == key && !it.said.skips_history)
    }

    /// Whether a message may be kept no more.
    pub(crate) fn may_be_gone(&self, at: usize) -> bool {
        let placed = &self.placed[at];
        let newer = self.placed[at + 1..].iter();
        let newer: Vec<&Placed> = newer.filter(|it| !it.said.skips_history).collect();
        let bytes = newer.iter().map(|it| it.len).sum::<usize>() + placed.len;
        self.is_tight
            || at < self.gone
            || self.least.entries <= newer.len()
            || self.least.bytes < bytes
            || self.least.ttl <= self.now - placed.at
    }

    /// Messages from one place to another that were to be kept.
    pub(crate) fn kept(&self, from: usize, to: usize) -> usize {
        let placed = self.placed[from.min(to)..to].iter();
        placed.filter(|it| !it.said.skips_history).count()
    }
}
