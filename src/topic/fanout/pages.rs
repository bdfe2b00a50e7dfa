//! Pages of history in the forms of their readers: each is encoded once for all that ask for the
//! same at about the same time.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use crate::id::TopicKey;
use crate::limits::{BYTES_PER_WORK, PAGE_LINGER, PAGES_KEPT_MAX, WORK_OF_APPEND};
use crate::payload::{Entry, Form};
use crate::position::Position;
use crate::proto::Kind;
use crate::time::Now;
use crate::topic::fanout::Fanout;
use crate::topic::fanout::segment::{Pool, Segment};
use crate::topic::history::Page;

/// Encoded pages: those that are kept for the next reader, and what all take that are not sent.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// The one that was used last at the end.
    kept: VecDeque<KeptPage>,
    pool: Pool,
}

#[derive(Debug)]
struct KeptPage {
    id: PageId,
    encoded: EncodedPage,
    used_at: Now,
}

/// What tells a page in one form from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageId {
    topic: TopicKey,
    form: Form,
    before: Position,
    last: u64,
    entries: usize,
    has_removals: bool,
    /// The state of a room, which may change without a message.
    snapshot: Option<(Kind, Arc<[u8]>)>,
}

/// A page in a form.
#[derive(Clone, Debug)]
pub(crate) struct EncodedPage {
    pub(crate) segment: Rc<Segment>,
    /// Messages in it.
    pub(crate) carried: u64,
    /// Messages that the form cannot carry.
    pub(crate) not_carried: u64,
    /// What it was to encode it, as work; nothing if that was done before.
    pub(crate) work: usize,
}

impl PageId {
    pub(crate) fn of(topic: TopicKey, form: Form, page: &Page) -> Self {
        let snapshot = page.snapshot();
        Self {
            topic,
            form,
            before: page.before(),
            last: page.last().offset,
            entries: page.entries.len(),
            has_removals: page.has_removals,
            snapshot: snapshot.map(|snapshot| (snapshot.kind, Arc::clone(&snapshot.bytes))),
        }
    }
}

impl Pages {
    /// Bytes of all that are kept or not sent.
    pub(super) fn bytes(&self) -> usize {
        self.pool.backlog()
    }

    /// How many are kept.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// When the one that was used first is to be forgotten.
    pub(super) fn deadline(&self) -> Option<Now> {
        let oldest = self.kept.front();
        oldest.map(|oldest| oldest.used_at.plus(PAGE_LINGER))
    }

    fn find(&mut self, id: &PageId, now: Now) -> Option<EncodedPage> {
        let at = self.kept.iter().position(|kept| kept.id == *id)?;
        let mut kept = self.kept.remove(at)?;
        kept.used_at = now;
        let encoded = kept.encoded.clone();
        self.kept.push_back(kept);
        Some(EncodedPage { work: 0, ..encoded })
    }

    fn keep(&mut self, id: PageId, encoded: EncodedPage, used_at: Now) {
        if self.kept.len() == PAGES_KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(KeptPage {
            id,
            encoded,
            used_at,
        });
    }
}

impl Fanout {
    /// A page that was encoded of late.
    pub(crate) fn find_page(&mut self, id: &PageId, now: Now) -> Option<EncodedPage> {
        self.pages.find(id, now)
    }

    /// Encodes a page that `find_page` did not find. `has_time` is told what compressing has taken,
    /// and says whether there is time for more.
    pub(crate) fn encode_page(
        &mut self,
        id: PageId,
        page: &Page,
        now: Now,
        has_time: impl FnMut(usize) -> bool,
    ) -> EncodedPage {
        let encoded = self.encode_entries(&id, page, has_time);
        self.pages.keep(id, encoded.clone(), now);
        encoded
    }

    /// Whether there may be more pages than there are. Those that no outbox has give way.
    pub(crate) fn has_space_for_pages(&mut self, bytes_max: usize) -> bool {
        if bytes_max <= self.pages.bytes() {
            let is_unsent = |kept: &KeptPage| 1 < Rc::strong_count(&kept.encoded.segment);
            self.pages.kept.retain(is_unsent);
        }
        self.pages.bytes() < bytes_max
    }

    /// Forgets the pages that no other reader has asked for in a while.
    pub(crate) fn forget_pages(&mut self, now: Now) {
        while self.pages.deadline().is_some_and(|at| at <= now) {
            self.pages.kept.pop_front();
        }
    }

    fn encode_entries(
        &mut self,
        &PageId { topic, form, .. }: &PageId,
        page: &Page,
        mut has_time: impl FnMut(usize) -> bool,
    ) -> EncodedPage {
        let mut segment = self.pages.pool.take(0);
        let (mut carried, mut not_carried, mut bytes) = (0, 0, 0);
        if let Some(topic) = self.topics.get(topic)
            && let Some(inner) = Rc::get_mut(&mut segment)
        {
            for kept in &page.entries {
                if !form.carries(&kept.payload.bytes) {
                    not_carried += 1;
                    continue;
                }
                carried += 1;
                let position = page.at(kept.offset);
                let payload = kept.payload.borrowed();
                let entry = Entry::new(Some(position), payload, kept.extra.as_deref());
                let entry = entry.of(topic.topic.name());
                let has_time = has_time(self.encoder.take_cost());
                self.encoder
                    .encode_alone(form, &mut inner.bytes, entry, has_time);
            }
            has_time(self.encoder.take_cost());
            bytes = inner.bytes.len();
            inner.count();
        }
        EncodedPage {
            segment,
            carried,
            not_carried,
            work: page.entries.len() * WORK_OF_APPEND + bytes / BYTES_PER_WORK,
        }
    }
}
