//! A ring as a reader sees it at one moment.

use std::cell::Cell;
use std::collections::VecDeque;

use crate::position::Position;
use crate::topic::history::Kept;
use crate::topic::history::many::Slot;

/// What a ring has for a reader.
#[derive(Debug)]
pub(super) struct View<'r> {
    pub(super) top: Position,
    /// What came after this offset is all there; what came before is not.
    pub(super) base: u64,
    /// The only message.
    pub(super) one: Option<Kept>,
    /// Or messages, from this place.
    pub(super) slots: Option<(&'r VecDeque<Slot>, usize)>,
    /// Only the newest message of each key is there.
    pub(super) is_keyed: bool,
    /// Places that its reader has passed over.
    pub(super) passed: Cell<usize>,
}

impl View<'_> {
    pub(super) fn at(&self, offset: u64) -> Position {
        let epoch = self.top.epoch;
        Position { epoch, offset }
    }

    /// Its offset, if all that came after this position is there.
    pub(super) fn offset_of(&self, position: Position) -> Option<u64> {
        let offsets = self.base..=self.top.offset;
        let is_there = position.epoch == self.top.epoch && offsets.contains(&position.offset);
        is_there.then_some(position.offset)
    }

    /// The messages with offsets between these two; `values`: where only the newest of each key is
    /// there, but for those that say that a key is gone. Elsewhere a value goes before such a one.
    pub(super) fn between(
        &self,
        after: u64,
        before: u64,
        values: bool,
    ) -> impl DoubleEndedIterator<Item = Kept> + '_ {
        let one = self.one.iter();
        let one = one.filter(move |kept| after < kept.offset && kept.offset < before);
        let slots = self.slots_between(after, before, values);
        one.cloned().chain(slots.filter_map(Slot::kept))
    }

    fn slots_between(
        &self,
        after: u64,
        before: u64,
        values: bool,
    ) -> impl DoubleEndedIterator<Item = &Slot> + '_ {
        let values = values && self.is_keyed;
        let slots = self.slots.iter().flat_map(move |(slots, first)| {
            let from = slots.partition_point(|slot| slot.offset <= after);
            let to = slots.partition_point(|slot| slot.offset < before);
            let from = from.max(*first);
            slots.range(from..to.max(from))
        });
        slots.filter(move |slot| {
            let is_for = slot.is_for(values);
            self.passed.update(|passed| passed + usize::from(!is_for));
            is_for
        })
    }

    /// Whether there is a message after an offset; `is_new`: for a subscriber that has none.
    pub(super) fn has_after(&self, offset: u64, is_new: bool) -> bool {
        let is_one_after = self.one.as_ref().is_some_and(|one| offset < one.offset);
        is_one_after
            || self
                .slots_between(offset, u64::MAX, is_new)
                .next()
                .is_some()
    }

    /// The offset before the newest `count` messages; where keys count, before all if any.
    pub(super) fn before_last(&self, count: u32) -> u64 {
        let top = self.top.offset;
        match (count, self.slots) {
            (0, _) => top,
            (_, None) => self.one.as_ref().map_or(top, |one| one.offset - 1),
            (_, Some(_)) if self.is_keyed => self.base,
            (_, Some((slots, first))) => {
                let back = slots.len().saturating_sub(count as usize).max(first);
                slots.get(back).map_or(top, |slot| slot.offset - 1)
            }
        }
    }
}
