//! When rings were last written: in lists, each in this order, so that what is due is found at the
//! head of a list, and so are the rings of which messages go first where memory is short.
//!
//! There are two lists for each pair of times that settings have. A ring that is written is young,
//! until the time of its messages is over or memory is short; then it is old, and its position
//! alone is left. It becomes old at the head of its list, so that both lists keep their order.

use std::time::Duration;

use crate::config::HistorySettings;
use crate::id::RingKey;
use crate::time::{Now, Stamp, TICK_MS};
use crate::topic::history::rings::Pieces;

/// A ring's place in its list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Age {
    before: Option<RingKey>,
    after: Option<RingKey>,
    /// When a message of it was last published.
    pub(super) written: Stamp,
    list: ListKey,
}

/// One of the lists: of young rings if it is even, of old ones if not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListKey(u16);

#[derive(Debug, Default)]
pub(super) struct Ages {
    lists: Vec<List>,
    /// The least deadline, or an earlier time.
    next: Option<Now>,
    old: usize,
}

/// Rings by the time at which they were last written, in no order within one tick.
#[derive(Debug)]
struct List {
    /// The times of its settings.
    times: (Duration, Duration),
    /// How long its rings stay in it, in milliseconds.
    stay: u64,
    /// The first and the last.
    ends: Option<(RingKey, RingKey)>,
    /// When the first was written.
    oldest: Stamp,
}

impl ListKey {
    /// That of young rings with the same settings.
    fn young(self) -> Self {
        Self(self.0 & !1)
    }

    /// That of old ones.
    fn old(self) -> Self {
        Self(self.0 | 1)
    }

    fn is_old(self) -> bool {
        self.0 & 1 == 1
    }

    const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Age {
    pub(super) fn new(list: ListKey, written: Stamp) -> Self {
        Self {
            before: None,
            after: None,
            written,
            list,
        }
    }

    /// Whether its position alone is left of its ring.
    pub(super) fn is_old(self) -> bool {
        self.list.is_old()
    }

    pub(super) fn list(self) -> ListKey {
        self.list
    }
}

impl Ages {
    /// The list for young rings with these settings; `hint` may be one of theirs.
    pub(super) fn list_for(
        &mut self,
        settings: &HistorySettings,
        hint: Option<ListKey>,
    ) -> ListKey {
        let times = (settings.ttl, settings.meta_ttl);
        let hint = hint.filter(|hint| self.lists[hint.index()].times == times);
        if let Some(hint) = hint {
            return hint.young();
        }
        let is_free = |pair: &[List]| pair.iter().all(|list| list.ends.is_none());
        let mut pairs = self.lists.chunks_exact(2);
        let same = pairs.clone().position(|pair| pair[0].times == times);
        let pair = same
            .or_else(|| pairs.position(is_free))
            .unwrap_or(self.lists.len() / 2);
        if same.is_none() {
            let [with, without] = [settings.ttl, settings.meta_ttl].map(|stay| List {
                times,
                stay: millis(stay),
                ends: None,
                oldest: Stamp::default(),
            });
            self.lists.truncate(self.lists.len().max(2 * pair));
            let rest = self.lists.split_off(2 * pair);
            self.lists.extend([with, without]);
            self.lists.extend(rest.into_iter().skip(2));
        }
        // The pairs are those of the settings in use, and of older ones that still have rings.
        ListKey(u16::try_from(2 * pair).unwrap_or_default())
    }

    /// Notes that a ring was written, which makes it the last of its list.
    pub(super) fn note_written(
        &mut self,
        rings: &mut Pieces,
        key: RingKey,
        list: ListKey,
        now: Stamp,
    ) {
        let age = rings[key].age;
        if (age.list, age.written) != (list, now) {
            self.unlink(rings, key);
            rings[key].age.written = now;
            self.link(rings, key, list);
        }
    }

    /// Makes a ring old that is the first of its list.
    pub(super) fn make_old(&mut self, rings: &mut Pieces, key: RingKey) {
        let list = rings[key].age.list;
        self.unlink(rings, key);
        self.link(rings, key, list.old());
    }

    /// Makes a ring the last of a list.
    pub(super) fn link(&mut self, rings: &mut Pieces, key: RingKey, list: ListKey) {
        self.old += usize::from(list.is_old());
        let age = &mut rings[key].age;
        age.list = list;
        age.after = None;
        let at = &mut self.lists[list.index()];
        age.before = at.ends.map(|(_, last)| last);
        if let Some((first, last)) = at.ends {
            at.ends = Some((first, key));
            rings[last].age.after = Some(key);
        } else {
            at.ends = Some((key, key));
            at.oldest = age.written;
            let deadline = at.deadline();
            self.next = Some(self.next.map_or(deadline, |next| next.min(deadline)));
        }
    }

    /// Takes a ring out of its list.
    pub(super) fn unlink(&mut self, rings: &mut Pieces, key: RingKey) {
        let Age {
            before,
            after,
            list,
            ..
        } = rings[key].age;
        self.old -= usize::from(list.is_old());
        if let Some(before) = before {
            rings[before].age.after = after;
        }
        if let Some(after) = after {
            rings[after].age.before = before;
        }
        let at = &mut self.lists[list.index()];
        at.ends = at.ends.and_then(|(first, last)| {
            let first = if first == key { after? } else { first };
            let last = if last == key { before? } else { last };
            Some((first, last))
        });
        if let Some((first, _)) = at.ends {
            at.oldest = rings[first].age.written;
        }
    }

    /// Notes that a ring has another place in memory.
    pub(super) fn note_moved(&mut self, rings: &mut Pieces, to: RingKey) {
        let Age {
            before,
            after,
            list,
            ..
        } = rings[to].age;
        if let Some(before) = before {
            rings[before].age.after = Some(to);
        }
        if let Some(after) = after {
            rings[after].age.before = Some(to);
        }
        let at = &mut self.lists[list.index()];
        at.ends = at
            .ends
            .map(|(first, last)| (before.map_or(to, |_| first), after.map_or(to, |_| last)));
    }

    /// The ring that was written first of the old ones, or of the others, with an exception.
    pub(super) fn first_written(
        &self,
        rings: &Pieces,
        is_old: bool,
        except: Option<RingKey>,
    ) -> Option<RingKey> {
        let lists = self.lists.iter().skip(usize::from(is_old)).step_by(2);
        let firsts = lists.filter_map(|list| {
            let first = list.first()?;
            if except != Some(first) {
                return Some((list.oldest, first));
            }
            let next = rings[first].age.after?;
            Some((rings[next].age.written, next))
        });
        let first = firsts.min_by_key(|(written, _)| *written);
        first.map(|(_, key)| key)
    }

    /// A ring whose time in its list is over, and how long its messages are kept.
    pub(super) fn next_due(&mut self, now: Now) -> Option<(RingKey, u64)> {
        self.next.filter(|next| *next <= now)?;
        let in_use = |list: &&List| list.ends.is_some();
        let due = |list: &&List| list.ends.is_some() && list.deadline() <= now;
        if let Some(list) = self.lists.iter().find(due) {
            return Some((list.first()?, list.stay));
        }
        self.next = self.lists.iter().filter(in_use).map(List::deadline).min();
        None
    }

    /// When `next_due` may have a ring.
    pub(super) fn deadline(&self) -> Option<Now> {
        self.next
    }

    /// All rings, from list to list, after a check of their order.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn listed(&self, rings: &Pieces) -> Vec<RingKey> {
        let mut all = Vec::new();
        for list in &self.lists {
            let mut next = list.first();
            let mut before = None;
            let mut oldest = list.oldest;
            while let Some(key) = next {
                let age = rings[key].age;
                assert_eq!(age.before, before);
                assert!(oldest <= age.written, "{list:?}");
                (before, next, oldest) = (Some(key), age.after, age.written);
                all.push(key);
            }
            assert_eq!(before, list.ends.map(|(_, last)| last));
        }
        all
    }

    /// How many rings are old.
    pub(super) fn old(&self) -> usize {
        self.old
    }
}

impl List {
    fn deadline(&self) -> Now {
        let written = self.oldest.moment().millis() + TICK_MS;
        Now::from_millis(written.saturating_add(self.stay))
    }

    fn first(&self) -> Option<RingKey> {
        self.ends.map(|(first, _)| first)
    }
}

/// A time that settings have, in whole milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    Now::default().plus(time).millis()
}
