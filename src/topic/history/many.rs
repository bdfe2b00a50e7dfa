//! The messages of a ring that has more than one, or keeps only the newest of each key.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashTable;

use crate::payload::{Extra, Payload};
use crate::proto::Kind;
use crate::time::{Now, Stamp, TICK_MS};
use crate::topic::Topic;
use crate::topic::history::Kept;

/// Messages in their order.
#[derive(Debug)]
pub(super) struct Many {
    /// The first is that of a message.
    slots: VecDeque<Slot>,
    /// Where only the newest message of each key is kept: the offsets of those.
    keys: Option<HashTable<u64>>,
    live: usize,
    bytes: usize,
    /// Bytes of keys and tags.
    extra: usize,
}

/// A message, or the place of one that a newer one of its key has replaced.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) offset: u64,
    bytes: Option<Arc<[u8]>>,
    extra: Option<Arc<Extra>>,
    at: Stamp,
    kind: Kind,
    /// As `extra` says, which is not touched to pass over many of these.
    is_removal: bool,
}

const _: () = assert!(size_of::<Slot>() == 40);

impl Many {
    pub(super) fn new(is_keyed: bool) -> Self {
        Self {
            slots: VecDeque::new(),
            keys: is_keyed.then(HashTable::new),
            live: 0,
            bytes: 0,
            extra: 0,
        }
    }

    pub(super) fn is_keyed(&self) -> bool {
        self.keys.is_some()
    }

    /// How many messages there are.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// Bytes of their payloads.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of their keys and tags.
    pub(super) fn extra(&self) -> usize {
        self.extra
    }

    /// Bytes of memory that the list takes beyond what counts for each message.
    pub(super) fn spare(&self) -> usize {
        let keys = self.keys.as_ref().map_or(0, HashTable::allocation_size);
        let free = self.slots.capacity() - self.live;
        size_of::<Self>() + keys + free * size_of::<Slot>()
    }

    /// When the oldest was published.
    pub(super) fn oldest_at(&self) -> Option<Stamp> {
        self.slots.front().map(|slot| slot.at)
    }

    /// Bytes of its payload.
    pub(super) fn oldest_len(&self) -> usize {
        self.slots.front().map_or(0, Slot::len)
    }

    /// The offset of the newest.
    pub(super) fn newest(&self) -> Option<u64> {
        self.slots.back().map(|slot| slot.offset)
    }

    /// The places of messages, the first of those whose time is not over, and the offset of the
    /// last message before it.
    pub(super) fn within(&self, ttl: u64, now: Now) -> (&VecDeque<Slot>, usize, Option<u64>) {
        let first = self
            .slots
            .partition_point(|slot| is_over(slot.at, ttl, now));
        let mut over = self.slots.range(..first).rev();
        let last = over.find(|slot| slot.bytes.is_some());
        (&self.slots, first, last.map(|slot| slot.offset))
    }

    pub(super) fn push(&mut self, topic: &Topic, slot: Slot) {
        let Self { slots, keys, .. } = self;
        if let Some(keys) = keys {
            let of = |offset: &u64| slots.get(place(slots, *offset));
            let hash = slot.hash(topic);
            let has_key = |offset: &u64| of(offset).is_some_and(|other| other.key() == slot.key());
            if let Some(offset) = keys.find_mut(hash, has_key) {
                let replaced = std::mem::replace(offset, slot.offset);
                let place = place(slots, replaced);
                self.empty(place);
            } else {
                let hash_of = |offset: &u64| of(offset).map_or(0, |other| other.hash(topic));
                keys.insert_unique(hash, slot.offset, hash_of);
            }
        }
        self.live += 1;
        self.bytes += slot.len();
        self.extra += slot.extra_len();
        self.slots.push_back(slot);
        self.close_gaps(topic);
    }

    /// Takes the oldest message out; returns its offset.
    pub(super) fn pop(&mut self, topic: &Topic) -> Option<u64> {
        let oldest = self.slots.front()?;
        let offset = oldest.offset;
        if let Some(keys) = &mut self.keys
            && let Ok(entry) = keys.find_entry(oldest.hash(topic), |it| *it == offset)
        {
            entry.remove();
        }
        self.empty(0);
        self.close_gaps(topic);
        Some(offset)
    }

    fn empty(&mut self, place: usize) {
        if let Some(slot) = self.slots.get_mut(place) {
            self.live -= 1;
            self.bytes -= slot.len();
            self.extra -= slot.extra_len();
            slot.bytes = None;
            slot.extra = None;
        }
    }

    /// Has the places begin with a message, and moves messages together when most places are those
    /// of messages that are gone. Gives back memory when most of it is free.
    fn close_gaps(&mut self, topic: &Topic) {
        while self.slots.front().is_some_and(|slot| slot.bytes.is_none()) {
            self.slots.pop_front();
        }
        if 2 * self.live + 1 < self.slots.len() {
            self.slots.retain(|slot| slot.bytes.is_some());
        }
        let Self { slots, keys, .. } = self;
        if slots.capacity() <= 4 * slots.len().max(SLOTS_MIN) {
            return;
        }
        slots.shrink_to(2 * slots.len().max(SLOTS_MIN));
        if let Some(keys) = keys {
            let hash_of = |offset: &u64| {
                let slot = slots.get(place(slots, *offset));
                slot.map_or(0, |slot| slot.hash(topic))
            };
            keys.shrink_to(2 * keys.len(), hash_of);
        }
    }
}

impl Slot {
    pub(super) fn new(offset: u64, payload: Payload, extra: Option<Arc<Extra>>, at: Stamp) -> Self {
        Self {
            offset,
            bytes: Some(payload.bytes),
            at,
            kind: payload.kind,
            is_removal: extra.as_ref().is_some_and(|extra| extra.is_removal),
            extra,
        }
    }

    /// Whether a reader gets the message; one of `values` alone gets none that says that a key is
    /// gone.
    pub(super) fn is_for(&self, values: bool) -> bool {
        self.bytes.is_some() && !(values && self.is_removal)
    }

    pub(super) fn kept(&self) -> Option<Kept> {
        Some(Kept {
            offset: self.offset,
            payload: Payload {
                kind: self.kind,
                bytes: self.bytes.clone()?,
            },
            extra: self.extra.clone(),
        })
    }

    fn key(&self) -> Option<&str> {
        self.extra.as_ref()?.key.as_deref()
    }

    fn hash(&self, topic: &Topic) -> u64 {
        topic.hash_with(self.key().unwrap_or_default())
    }

    fn len(&self) -> usize {
        self.bytes.as_ref().map_or(0, |bytes| bytes.len())
    }

    fn extra_len(&self) -> usize {
        self.extra.as_ref().map_or(0, |extra| extra.weight())
    }
}

/// Where the message of this offset is, if it is there.
fn place(slots: &VecDeque<Slot>, offset: u64) -> usize {
    slots.partition_point(|slot| slot.offset < offset)
}

/// Whether the time of a message is over: a stamp may be a tick earlier than the message.
pub(super) fn is_over(at: Stamp, ttl: u64, now: Now) -> bool {
    let end = at.moment().millis() + TICK_MS;
    end.saturating_add(ttl) <= now.millis()
}

/// For so few places, no memory is given back.
const SLOTS_MIN: usize = 2;
