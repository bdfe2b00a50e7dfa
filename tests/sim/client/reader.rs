//! What a client has of one topic with a history, judged with everything that comes.

use std::collections::HashSet;

use corecast::{Position, Since};

use crate::order::Order;

/// A client's view of a topic.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    /// It is told positions and gaps.
    is_told: bool,
    /// The place of what comes next, if it knows where it stands: of its epoch may have been no
    /// message yet, so this is the least and the greatest that it may be.
    next: Option<(usize, usize)>,
    /// With what it comes back.
    pub(crate) position: Option<Position>,
    /// It has asked for a place where it cannot go on.
    is_owed_gap: bool,
    /// It asks for so many of the newest.
    last: Option<usize>,
    /// It asks for what the topic's settings say, when its home answers.
    asks_default: bool,
    /// Messages that had a place when it asked.
    asked_at: usize,
    /// Keys of which it has a value.
    keys: HashSet<usize>,
    /// Messages that it lacks and was not told of, and may lack if it is slow.
    pub(crate) lacks: Vec<usize>,
    pub(crate) gaps: u64,
}

/// What a client was told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told {
    Message(Option<Position>, usize),
    Position(Position),
    Gap(Option<Position>),
}

impl Reader {
    /// One of a connection that carries positions or not.
    pub(crate) fn new(is_told: bool) -> Self {
        Self {
            is_told,
            next: None,
            position: None,
            is_owed_gap: false,
            last: None,
            asks_default: false,
            asked_at: 0,
            keys: HashSet::new(),
            lacks: Vec::new(),
            gaps: 0,
        }
    }

    /// It subscribes, when so many messages have a place; of `source` it has what is before its
    /// position.
    pub(crate) fn ask(
        &mut self,
        since: Since,
        source: Option<&Self>,
        order: &Order,
        asked_at: usize,
    ) {
        *self = Self::new(self.is_told);
        self.asked_at = asked_at;
        match since {
            Since::Position(position) => {
                self.position = Some(position);
                match source {
                    Some(source) => {
                        (self.next, self.keys) = (source.next, source.keys.clone());
                        self.stand_at(position, order);
                    }
                    None => self.is_owed_gap = true,
                }
            }
            Since::Foreign => self.is_owed_gap = true,
            Since::Last(count) => self.last = Some(count as usize),
            Since::Default => {
                self.last = Some(order.first_max);
                self.asks_default = true;
            }
            Since::Offset(_) => panic!("nothing that can be asked for by a path"),
        }
    }

    fn stand_at(&mut self, position: Position, order: &Order) {
        if let Some(next) = order.after(position) {
            self.next = Some((next, next));
        }
    }

    /// The place of what comes next, as exactly as it is known now.
    fn next(&self, order: &Order) -> Option<(usize, usize)> {
        let (least, most) = self.next?;
        let known = self.position.filter(|_| least < most);
        let exact = known.and_then(|position| order.after(position));
        Some(exact.map_or((least, most), |next| (next, next)))
    }

    pub(crate) fn take(&mut self, told: Told, order: &Order) {
        match told {
            Told::Message(position, name) => self.take_message(position, name, order),
            Told::Position(position) => self.take_position(position, order),
            Told::Gap(position) => self.take_gap(position, order),
        }
    }

    fn take_message(&mut self, position: Option<Position>, name: usize, order: &Order) {
        let at = order.of_name(name).expect("a message without a place");
        let placed = &order.placed[at];
        assert!(
            !self.is_told || placed.position == position,
            "{position:?} is not the place of {placed:?}"
        );
        assert!(!self.is_owed_gap, "{placed:?}, and no gap");
        match self.next(order) {
            Some((least, most)) => {
                assert!(least <= at, "{placed:?} at {at} again: {self:?}");
                let from = Self::has_until((least, most), position, order);
                self.pass_over(from, at, order);
            }
            None => self.begin(at, order),
        }
        self.next = Some((at + 1, at + 1));
        self.position = position.or(self.position);
        if let Some(key) = placed.said.key {
            if placed.said.is_removal {
                self.keys.remove(&key);
            } else {
                self.keys.insert(key);
            }
        }
    }

    /// The place up to which it lacks nothing, when it is told of this position.
    fn has_until((least, most): (usize, usize), told: Option<Position>, order: &Order) -> usize {
        // In an epoch that has ended without a message, so before the one it is told of began.
        let told = told.filter(|_| least < most);
        let began = told.and_then(|told| order.after(Position { offset: 0, ..told }));
        began.map_or(most, |began| began.clamp(least, most))
    }

    /// The first message is not older than those that were asked for.
    fn begin(&self, at: usize, order: &Order) {
        let older = order.kept(at, self.asked_at);
        let mut last = self.last.expect("it has asked for a place");
        // One that asks its home for nothing is a member at once, and what is on its way comes.
        if !self.is_told && last == 0 {
            return;
        }
        if self.asks_default {
            last = order.first_max;
        }
        assert!(
            order.was_keyed || older <= last,
            "{older} of {last}: {self:?}"
        );
    }

    /// What comes next is at `to`.
    fn pass_over(&mut self, from: usize, to: usize, order: &Order) {
        let Some(due) = order.first_due(from, to, &self.keys) else {
            return;
        };
        // Without a history nothing is told, and those that are slow may lack something.
        let is_silent = !self.is_told || order.had_none;
        let placed = &order.placed[due];
        assert!(
            is_silent,
            "no gap, but {placed:?} is missing at {to}: {self:?}"
        );
        if !order.may_be_gone(due) {
            self.lacks.push(due);
        }
    }

    fn take_position(&mut self, position: Position, order: &Order) {
        assert!(self.is_told, "{position} to one that cannot know of it");
        assert!(!self.is_owed_gap, "{position}, and no gap: {self:?}");
        match (self.next(order), order.after(position)) {
            (Some((least, most)), Some(next)) => {
                assert!(least <= next, "{position} is behind {self:?}");
                let from = Self::has_until((least, most), Some(position), order);
                self.pass_over(from, next, order);
            }
            (Some(_), None) => assert_eq!(Some(position), self.position, "{self:?}"),
            (None, Some(next)) => {
                let older = order.kept(next, self.asked_at);
                assert_eq!(older, 0, "{position} is not where it began: {self:?}");
            }
            (None, None) => {}
        }
        self.stand_or_wait(position, order);
    }

    fn take_gap(&mut self, position: Option<Position>, order: &Order) {
        assert!(self.is_told, "a gap to one that cannot know of it");
        let Some(position) = position else {
            assert!(order.had_none, "the topic has a history");
            self.is_owed_gap = false;
            (self.next, self.position) = (None, None);
            self.last = Some(0);
            return;
        };
        self.gaps += 1;
        if let (Some((least, most)), Some(next)) = (self.next(order), order.after(position)) {
            assert!(least <= next, "{position} is behind {self:?}");
            let before = self.position.map(|before| before.epoch);
            let mut missing = (most..next).filter(|&at| !order.placed[at].said.skips_history);
            let is_lawful = before != Some(position.epoch)
                || self.is_owed_gap
                || missing.any(|at| order.may_be_gone(at));
            assert!(is_lawful, "nothing is missing before {position}: {self:?}");
        }
        self.is_owed_gap = false;
        self.keys.clear();
        self.stand_or_wait(position, order);
    }

    fn stand_or_wait(&mut self, position: Position, order: &Order) {
        let next = order.after(position);
        assert!(
            next.is_some() || position.offset == 0,
            "{position} never was"
        );
        let len = order.placed.len();
        let unknown = match self.next {
            Some(range) if self.position == Some(position) => range,
            // It does not go back.
            Some((least, _)) => (least, len),
            None => (0, len),
        };
        self.next = Some(next.map_or(unknown, |next| (next, next)));
        self.position = Some(position);
    }

    /// The first message that it lacks now that all has come to rest.
    pub(crate) fn first_lack(&self, order: &Order) -> Option<usize> {
        let (_, most) = self.next(order)?;
        order.first_due(most, order.placed.len(), &self.keys)
    }

    /// Whether it knows where it stands.
    pub(crate) fn stands(&self) -> bool {
        self.next.is_some() && !self.is_owed_gap
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
