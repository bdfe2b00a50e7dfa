//! History: for the topics whose home is this shard, the positions of their messages and the newest
//! of these, and the way back to them that hides no gap.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use hashbrown::HashMap;

use crate::config::{First, HistorySettings, Namespaces, TopicSettings};
use crate::limits::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX};
use crate::payload::Payload;
use crate::position::{Epoch, Position, Since};
use crate::time::Now;
use crate::topic::{ByKeptHash, Topic};

/// A message that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its offset.
    pub offset: u64,
    /// The message.
    pub payload: Payload,
}

/// Messages that follow each other in a topic's history. Those that ask for the same share one.
#[derive(Debug)]
pub struct Page {
    /// Their epoch.
    pub epoch: Epoch,
    /// In their order; not empty.
    pub entries: Box<[Kept]>,
    /// Bytes of their payloads.
    pub bytes: usize,
}

/// What a subscriber begins with.
#[derive(Clone, Debug)]
pub struct Start {
    /// Where it stands with this.
    pub position: Position,
    /// Something is missing that it has asked for.
    pub has_gap: bool,
    /// What it gets first.
    pub page: Option<Arc<Page>>,
    /// There is more before it is up to date: it has to ask again from here.
    pub has_more: bool,
}

/// The history of the topics of one shard.
#[derive(Debug)]
pub(crate) struct History {
    rings: HashMap<Topic, Ring, ByKeptHash>,
    /// Of which epochs are made.
    seed: u64,
}

impl Default for History {
    fn default() -> Self {
        let rings = HashMap::default();
        let seed = RandomState::new().build_hasher().finish();
        Self { rings, seed }
    }
}

#[derive(Debug)]
struct Ring {
    top: Position,
    entries: VecDeque<Kept>,
    bytes: usize,
}

impl History {
    /// Gives a topic's next message its position and keeps it, if the topic has a history.
    pub(crate) fn place(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        payload: impl FnOnce() -> Payload,
        _now: Now,
    ) -> Option<Position> {
        let settings = settings.history.as_ref()?;
        let ring = self.ring(topic);
        ring.top.offset += 1;
        ring.keep(payload(), settings);
        Some(ring.top)
    }

    /// What a new subscriber begins with, if the topic has a history.
    pub(crate) fn start(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        since: Since,
        _now: Now,
    ) -> Option<Start> {
        settings.history.as_ref()?;
        let ring = self.ring(topic);
        let last = |count: u32| ring.top.offset.saturating_sub(count.into());
        let from = match since {
            Since::Position(position) => Some(position),
            Since::Foreign => None,
            Since::Last(count) => Some(ring.at(last(count).max(ring.base()))),
            Since::Default => Some(ring.at(match settings.first {
                First::Nothing => ring.top.offset,
                First::Last(count) => last(count).max(ring.base()),
            })),
        };
        let from = from.filter(|from| {
            let offsets = ring.base()..=ring.top.offset;
            from.epoch == ring.top.epoch && offsets.contains(&from.offset)
        });
        let Some(from) = from else {
            return Some(Start {
                position: ring.top,
                has_gap: true,
                page: None,
                has_more: false,
            });
        };
        let page = ring.page(from.offset);
        let end = page.as_ref().and_then(|page| page.entries.last());
        let position = ring.at(end.map_or(from.offset, |last| last.offset));
        Some(Start {
            position,
            has_gap: false,
            has_more: position != ring.top,
            page: page.map(Arc::new),
        })
    }

    /// Forgets topics that have no history any more: if they have one again, it is another.
    pub(crate) fn forget_without(&mut self, namespaces: &Namespaces) {
        let has_history = |topic: &Topic| namespaces.of(topic.name()).history.is_some();
        self.rings.retain(|topic, _| has_history(topic));
    }

    fn ring(&mut self, topic: &Topic) -> &mut Ring {
        let seed = &mut self.seed;
        self.rings.entry(topic.clone()).or_insert_with(|| {
            *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let epoch = Epoch::new(*seed ^ (*seed >> 31));
            Ring {
                top: Position { epoch, offset: 0 },
                entries: VecDeque::new(),
                bytes: 0,
            }
        })
    }
}

impl Ring {
    fn at(&self, offset: u64) -> Position {
        let epoch = self.top.epoch;
        Position { epoch, offset }
    }

    /// The offset before the oldest message kept.
    fn base(&self) -> u64 {
        let oldest = self.entries.front();
        oldest.map_or(self.top.offset, |oldest| oldest.offset - 1)
    }

    fn keep(&mut self, payload: Payload, settings: &HistorySettings) {
        self.bytes += payload.bytes.len();
        let offset = self.top.offset;
        self.entries.push_back(Kept { offset, payload });
        let count_max = settings.entries_max.max(1) as usize;
        while 1 < self.entries.len()
            && (count_max < self.entries.len() || settings.bytes_max < self.bytes)
        {
            let oldest = self.entries.pop_front();
            self.bytes -= oldest.map_or(0, |oldest| oldest.payload.bytes.len());
        }
    }

    fn page(&self, after: u64) -> Option<Page> {
        let first = self.entries.partition_point(|kept| kept.offset <= after);
        let mut bytes = 0;
        let entries: Box<[Kept]> = self
            .entries
            .range(first..)
            .take(PAGE_ENTRIES_MAX)
            .take_while(|kept| {
                let is_first = bytes == 0;
                bytes += kept.payload.bytes.len();
                is_first || bytes <= PAGE_BYTES_MAX
            })
            .cloned()
            .collect();
        let bytes = entries.iter().map(|kept| kept.payload.bytes.len()).sum();
        let epoch = self.top.epoch;
        (!entries.is_empty()).then_some(Page {
            epoch,
            entries,
            bytes,
        })
    }
}
