//! What a subscriber begins with: where it stands, and what it has missed, page by page.

use std::sync::{Arc, Weak};

use crate::config::{First, TopicSettings};
use crate::limits::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX};
use crate::payload::Payload;
use crate::position::{Position, Since};
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::history::ages::millis;
use crate::topic::history::{History, Kept, Page, View};

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

/// The last pages that are still in use. Many subscribers of one topic that come back at once ask
/// for the same.
#[derive(Debug, Default)]
pub(super) struct Pages {
    known: [Option<Known>; PAGES_KNOWN],
    next: usize,
}

#[derive(Debug)]
struct Known {
    topic: Topic,
    from: u64,
    top: Position,
    /// A new subscriber asked.
    is_new: bool,
    page: Weak<Page>,
}

impl History {
    /// What a new subscriber begins with, if the topic has a history.
    pub(crate) fn start(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        since: Since,
        now: Now,
    ) -> Option<Start> {
        let first = match settings.first {
            First::Nothing => 0,
            First::Last(count) => count,
        };
        let settings = settings.history.as_ref()?;
        let Some(key) = self.rings.find(topic) else {
            return Some(Start::unwritten(self.epochs.start_of(topic), since));
        };
        let view = self.rings.get(key).view(millis(settings.ttl), now);
        let (from, is_new) = match since {
            Since::Position(position) => (view.offset_of(position), false),
            Since::Offset(offset) => (view.offset_of(view.at(offset)), false),
            Since::Foreign => (None, false),
            Since::Last(count) => (Some(view.before_last(count)), true),
            Since::Default => (Some(view.before_last(first)), true),
        };
        let start = match from {
            Some(from) => self.pages.start(topic, &view, from, is_new),
            // What a new one gets makes up for it.
            None if view.is_keyed => Start {
                has_gap: true,
                ..self.pages.start(topic, &view, view.base, true)
            },
            None => Start::gap(view.top),
        };
        self.passed += view.passed.get();
        Some(start)
    }
}

impl Start {
    /// The subscriber is told that something is missing, and goes on from here.
    fn gap(position: Position) -> Self {
        Self {
            position,
            has_gap: true,
            page: None,
            has_more: false,
        }
    }

    /// The state of the topic's room, which is that at the topic's newest position.
    pub(crate) fn snapshot(position: Position, payload: Payload) -> Self {
        let kept = Kept {
            offset: position.offset,
            payload,
            extra: None,
        };
        let page = Page {
            epoch: position.epoch,
            entries: Box::new([kept]),
            has_removals: false,
            is_snapshot: true,
        };
        Self {
            position,
            has_gap: false,
            page: Some(Arc::new(page)),
            has_more: false,
        }
    }

    /// That of a topic without messages.
    fn unwritten(position: Position, since: Since) -> Self {
        let has_gap = match since {
            Since::Position(since) => since != position,
            Since::Offset(offset) => offset != position.offset,
            Since::Foreign => true,
            Since::Last(_) | Since::Default => false,
        };
        Self {
            has_gap,
            ..Self::gap(position)
        }
    }
}

impl Pages {
    fn start(&mut self, topic: &Topic, view: &View<'_>, from: u64, is_new: bool) -> Start {
        let page = self.find(topic, view, from, is_new).or_else(|| {
            let page = Page::read(view, from, is_new).map(Arc::new)?;
            self.known[self.next] = Some(Known {
                topic: topic.clone(),
                from,
                top: view.top,
                is_new,
                page: Arc::downgrade(&page),
            });
            self.next = (self.next + 1) % self.known.len();
            Some(page)
        });
        let end = page.as_ref().and_then(|page| page.entries.last());
        let end = end.map(|last| last.offset);
        let has_more = end.is_some_and(|end| view.has_after(end, is_new));
        let position = end
            .filter(|_| has_more)
            .map_or(view.top, |end| view.at(end));
        Start {
            position,
            has_gap: false,
            page,
            has_more,
        }
    }

    fn find(&self, topic: &Topic, view: &View<'_>, from: u64, is_new: bool) -> Option<Arc<Page>> {
        let known = self.known.iter().flatten();
        let mut same = known.filter(|known| {
            (known.from, known.top, known.is_new) == (from, view.top, is_new)
                && known.topic == *topic
        });
        same.find_map(|known| known.page.upgrade())
    }
}

impl Page {
    /// The next messages after an offset; `is_new`: for a subscriber that has none, so that it need
    /// not be told of keys that are gone.
    fn read(view: &View<'_>, after: u64, is_new: bool) -> Option<Self> {
        let entries = view.between(after, u64::MAX, is_new);
        let entries = take_some(entries, PAGE_ENTRIES_MAX, PAGE_BYTES_MAX);
        (!entries.is_empty()).then(|| Self {
            epoch: view.top.epoch,
            entries: entries.into(),
            has_removals: !(is_new && view.is_keyed),
            is_snapshot: false,
        })
    }
}

/// The first messages within these bounds, and one at least.
pub(super) fn take_some(
    entries: impl Iterator<Item = Kept>,
    count_max: usize,
    bytes_max: usize,
) -> Vec<Kept> {
    let (mut bytes, mut is_first) = (0, true);
    let within = |kept: &Kept| {
        bytes += kept.payload.bytes.len();
        std::mem::take(&mut is_first) || bytes <= bytes_max
    };
    entries.take(count_max).take_while(within).collect()
}

/// Groups of subscribers that come back at the same time.
const PAGES_KNOWN: usize = 8;
