//! One topic's ring: its newest position, and its newest messages within their bounds.

use std::cell::Cell;
use std::sync::Arc;

use crate::config::HistorySettings;
use crate::payload::{Extra, Payload};
use crate::position::Position;
use crate::proto::Kind;
use crate::time::{Now, Stamp};
use crate::topic::Topic;
use crate::topic::history::ages::Age;
use crate::topic::history::many::{Many, Slot, is_over};
use crate::topic::history::{Kept, View};

/// A topic's ring. A million of them are natural, and most have one message: that has no list.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) topic: Topic,
    pub(super) top: Position,
    /// The greatest offset of a message that was kept and is not any more, unless a newer one of
    /// its key has replaced it: what came before this cannot be had.
    base: u64,
    entries: Entries,
    pub(super) age: Age,
}

#[derive(Debug)]
enum Entries {
    None,
    /// The message at the top, published when the ring was last written.
    One {
        bytes: Arc<[u8]>,
        kind: Kind,
    },
    Many(Box<Many>),
}

/// What a ring holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) entries: usize,
    /// Of payloads, keys and tags, and what lists take beyond their messages.
    pub(super) bytes: usize,
}

const _: () = assert!(size_of::<Ring>() == 72, "a million of them are 72 MB");

impl Ring {
    pub(super) fn new(topic: Topic, top: Position, age: Age) -> Self {
        Self {
            topic,
            base: top.offset,
            top,
            entries: Entries::None,
            age,
        }
    }

    pub(super) fn amount(&self) -> Amount {
        match &self.entries {
            Entries::None => Amount::default(),
            Entries::One { bytes, .. } => Amount {
                entries: 1,
                bytes: bytes.len(),
            },
            Entries::Many(many) => Amount {
                entries: many.len(),
                bytes: many.bytes() + many.extra() + many.spare(),
            },
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self.entries, Entries::None)
    }

    /// Gives the next message its place and keeps it; at least this one stays within the bounds.
    pub(super) fn keep(
        &mut self,
        payload: Payload,
        extra: Option<Arc<Extra>>,
        settings: &HistorySettings,
        now: Stamp,
    ) {
        if extra.is_none() && !settings.is_keyed && self.replaces(settings) {
            self.clear();
            self.top.offset += 1;
            let Payload { kind, bytes } = payload;
            self.entries = Entries::One { bytes, kind };
            return;
        }
        self.set_keyed(settings.is_keyed);
        let mut many = self.take_many(settings.is_keyed);
        self.top.offset += 1;
        let bytes = payload.bytes.len();
        let slot = Slot::new(self.top.offset, payload, extra, now);
        many.push(&self.topic, slot);
        self.entries = Entries::Many(many);
        self.limit(settings, bytes);
    }

    /// Gives the next message its place without keeping it.
    pub(super) fn skip(&mut self) {
        if let Entries::One { .. } = self.entries {
            self.entries = Entries::Many(self.take_many(false));
        }
        self.top.offset += 1;
    }

    /// The next message has the place after this one: those up to here are not kept.
    pub(super) fn skip_to(&mut self, offset: u64) {
        if self.top.offset < offset {
            self.skip();
            self.top.offset = offset;
        }
    }

    /// Lets go of all messages, and goes on after this position.
    pub(super) fn begin_at(&mut self, top: Position) {
        self.clear();
        self.top = top;
        self.base = top.offset;
    }

    /// Whether there is no message beside which another one is kept.
    fn replaces(&self, settings: &HistorySettings) -> bool {
        match &self.entries {
            Entries::None => true,
            Entries::One { .. } => settings.entries_max <= 1,
            Entries::Many(_) => false,
        }
    }

    /// Lets go of all messages if they were kept by another rule.
    fn set_keyed(&mut self, is_keyed: bool) {
        let was_keyed = match &self.entries {
            Entries::None => is_keyed,
            Entries::One { .. } => false,
            Entries::Many(many) => many.is_keyed(),
        };
        if was_keyed != is_keyed {
            self.clear();
        }
    }

    /// Takes the messages out, to be put back as these.
    fn take_many(&mut self, is_keyed: bool) -> Box<Many> {
        let mut many = Box::new(Many::new(is_keyed));
        match std::mem::replace(&mut self.entries, Entries::None) {
            Entries::Many(many) => return many,
            Entries::None => {}
            Entries::One { bytes, kind } => {
                let payload = Payload { kind, bytes };
                let slot = Slot::new(self.top.offset, payload, None, self.age.written);
                many.push(&self.topic, slot);
            }
        }
        many
    }

    /// Lets go of the oldest messages beyond the bounds. A reload may have left a million of them:
    /// then only of a few, and of as many bytes as the new message has.
    fn limit(&mut self, settings: &HistorySettings, mut new: usize) {
        let count_max = settings.entries_max.max(1) as usize;
        let mut left = DROPPED_PER_MESSAGE;
        while let Entries::Many(many) = &self.entries
            && 1 < many.len()
        {
            let is_long = count_max < many.len() && 0 < left;
            let is_large = settings.bytes_max < many.bytes() && 0 < left.max(new);
            if !is_long && !is_large {
                return;
            }
            left = left.saturating_sub(1);
            new = new.saturating_sub(many.oldest_len());
            self.drop_oldest();
        }
    }

    /// Lets go of the oldest message.
    pub(super) fn drop_oldest(&mut self) {
        if let Entries::Many(many) = &mut self.entries
            && 1 < many.len()
        {
            self.base = many.pop(&self.topic).unwrap_or(self.base);
        } else {
            self.clear();
        }
    }

    /// Lets go of all messages; the position stays.
    pub(super) fn clear(&mut self) {
        self.base = self.newest().unwrap_or(self.base);
        self.entries = Entries::None;
    }

    /// Lets go of messages whose time is over, `budget` of them at most.
    pub(super) fn expire(&mut self, ttl: u64, now: Now, budget: usize) {
        for _ in 0..budget {
            let at = match &self.entries {
                Entries::None => return,
                Entries::One { .. } => self.age.written,
                Entries::Many(many) => many.oldest_at().unwrap_or(self.age.written),
            };
            if !is_over(at, ttl, now) {
                return;
            }
            self.drop_oldest();
        }
    }

    /// The offset of the newest message that is kept.
    fn newest(&self) -> Option<u64> {
        match &self.entries {
            Entries::None => None,
            Entries::One { .. } => Some(self.top.offset),
            Entries::Many(many) => many.newest(),
        }
    }

    /// What is there for a reader: no message whose time is over.
    pub(super) fn view(&self, ttl: u64, now: Now) -> View<'_> {
        let mut view = View {
            top: self.top,
            base: self.base,
            one: None,
            slots: None,
            is_keyed: false,
            passed: Cell::default(),
        };
        match &self.entries {
            Entries::None => {}
            Entries::One { .. } if is_over(self.age.written, ttl, now) => {
                view.base = self.top.offset;
            }
            Entries::One { bytes, kind } => {
                view.one = Some(Kept {
                    offset: self.top.offset,
                    payload: Payload {
                        kind: *kind,
                        bytes: bytes.clone(),
                    },
                    extra: None,
                });
            }
            Entries::Many(many) => {
                let (slots, first, over) = many.within(ttl, now);
                view.base = over.unwrap_or(self.base);
                view.slots = Some((slots, first));
                view.is_keyed = many.is_keyed();
            }
        }
        view
    }
}

/// Messages beyond the bounds that go with a new one: more than one comes in, and no long list at
/// once.
pub(super) const DROPPED_PER_MESSAGE: usize = 16;
