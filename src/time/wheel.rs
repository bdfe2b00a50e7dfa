//! A hashed timing wheel, whose entries are never removed early.
//!
//! An entry cannot be cancelled or moved. When it is handed out, its owner checks whether it still
//! counts: a connection that was active meanwhile arms the wheel again with a later deadline, and
//! the entry of a removed connection is ignored. So an active connection costs one entry for each
//! timeout, and nothing for each message.

use crate::time::{Now, Stamp, TICK_MS};

/// Deadlines of owners with keys of type `K`, rounded to [`TICK_MS`] milliseconds.
///
/// An entry is the owner's key and its tick, 8 bytes with a key of 4. A key may be armed more than
/// once, and may later belong to another owner. An owner that remembers the last tick returned by
/// [`arm`](Self::arm) can recognize outdated entries.
#[derive(Debug)]
pub struct Wheel<K> {
    /// The slot of a tick is its remainder by `SLOTS`. The wheel holds ticks from `next` to `next +
    /// SLOTS - 1`, so each slot holds one tick.
    slots: Vec<Vec<Entry<K>>>,
    /// One bit per slot: it has entries.
    filled: [u64; SLOTS / 64],
    /// The first tick not handed out yet.
    next: u64,
    /// The remaining entries of tick `next - 1`. They are outside the slots, so that entries armed
    /// meanwhile come after them.
    due: Vec<Entry<K>>,
    /// Entries in `slots` and `due`.
    entries: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry<K> {
    key: K,
    tick: Stamp,
}

impl<K: Copy> Wheel<K> {
    /// An empty wheel that begins at `start`.
    pub fn new(start: Now) -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Vec::new()).collect(),
            filled: [0; SLOTS / 64],
            next: start.millis() / TICK_MS,
            due: Vec::new(),
            entries: 0,
        }
    }

    /// Adds an entry that is handed out once `at` has passed, and returns its tick.
    ///
    /// A deadline beyond the horizon of 32 seconds is handed out early; its owner checks and arms
    /// again.
    pub fn arm(&mut self, key: K, at: Now) -> Stamp {
        let tick = self.tick(at);
        let slot = slot_of(tick);
        let tick = Stamp::of_tick(tick);
        self.slots[slot].push(Entry { key, tick });
        self.filled[slot / 64] |= 1 << (slot % 64);
        self.entries += 1;
        tick
    }

    /// The tick that [`arm`](Self::arm) would return now.
    pub fn tick_of(&self, at: Now) -> Stamp {
        Stamp::of_tick(self.tick(at))
    }

    /// Appends up to `budget` entries whose tick has passed, as key and tick, the earliest tick
    /// first.
    ///
    /// Entries beyond the budget are returned by the next call, however far the clock jumped. Call
    /// it every turn, even if nothing is due: the horizon counts from the last call that had budget
    /// left.
    pub fn take_expired(&mut self, now: Now, budget: usize, expired: &mut Vec<(K, Stamp)>) {
        let mut left = budget;
        while 0 < left {
            if self.due.is_empty() && !self.turn(now) {
                return;
            }
            let kept = self.due.len().saturating_sub(left);
            left -= self.due.len() - kept;
            self.entries -= self.due.len() - kept;
            expired.extend(self.due.drain(kept..).map(|entry| (entry.key, entry.tick)));
        }
    }

    /// The time at which the next entry is handed out; a time in the past means now.
    pub fn next_deadline(&self) -> Option<Now> {
        let tick = if self.due.is_empty() {
            self.first_filled()?
        } else {
            self.next - 1
        };
        Some(Now::from_millis(tick.saturating_mul(TICK_MS)))
    }

    /// How many entries there are, outdated ones too.
    pub fn entries(&self) -> usize {
        self.entries
    }

    fn tick(&self, at: Now) -> u64 {
        let horizon = self.next + SLOTS as u64 - 1;
        at.millis().div_ceil(TICK_MS).clamp(self.next, horizon)
    }

    /// Makes the first filled slot that has passed the due one; returns whether there was any.
    fn turn(&mut self, now: Now) -> bool {
        // A burst of deadlines must not keep its memory for ever; growing again costs one copy for
        // each entry.
        if SLOT_KEPT < self.due.capacity() {
            self.due = Vec::new();
        }
        let passed = now.millis() / TICK_MS;
        let Some(tick) = self.first_filled().filter(|tick| *tick <= passed) else {
            self.next = self.next.max(passed + 1);
            return false;
        };
        let slot = slot_of(tick);
        std::mem::swap(&mut self.due, &mut self.slots[slot]);
        self.filled[slot / 64] &= !(1 << (slot % 64));
        self.next = tick + 1;
        true
    }

    /// The earliest tick that has entries in its slot.
    fn first_filled(&self) -> Option<u64> {
        let start = slot_of(self.next);
        let words = self.filled.len();
        // The word that contains `start` is visited twice: first its bits from `start` on, and at
        // the end its other bits.
        (0..=words).find_map(|step| {
            let word = (start / 64 + step) % words;
            let mask = if step == 0 {
                u64::MAX << (start % 64)
            } else {
                u64::MAX
            };
            let bits = self.filled[word] & mask;
            (bits != 0).then(|| {
                let slot = word * 64 + bits.trailing_zeros() as usize;
                self.next + ((slot + SLOTS - start) % SLOTS) as u64
            })
        })
    }
}

/// Number of ticks that the wheel covers: 32 seconds.
const SLOTS: usize = 512;
/// An emptied slot with capacity for more entries than this releases its memory.
const SLOT_KEPT: usize = 64;

const _: () = assert!(SLOTS.is_multiple_of(64), "whole words of the bitmap");
const _: () = assert!(size_of::<Entry<u32>>() == 8, "a million of them are 8 MB");

#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder is below SLOTS"
)]
fn slot_of(tick: u64) -> usize {
    (tick % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests;
