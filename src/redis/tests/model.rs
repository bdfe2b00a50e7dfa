//! A topic in an engine that loses, forgets and answers late, and its home.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::payload::Payload;
use crate::position::{Epoch, Position};
use crate::proto::Kind;
use crate::redis::envelope::Body;
use crate::redis::reader::{Action, Range};
use crate::shard::mail::{Fill, Inward};
use crate::topic::Topic;
use crate::topic::history::Kept;

/// A topic in an engine: what it keeps, and what is on its way to the reader.
pub(super) struct Engine {
    pub(super) top: Position,
    /// Offsets with whether the history keeps them.
    pub(super) log: Vec<(u64, bool)>,
    /// Offsets up to this one are trimmed.
    pub(super) trimmed: u64,
    epochs: u64,
    pub(super) pushes: VecDeque<(Position, bool)>,
    pub(super) is_subscribed: bool,
    pub(super) answers: VecDeque<Answer>,
    pub(super) asked: VecDeque<Action>,
}

pub(super) enum Answer {
    Top(u32, Option<Position>),
    Range(u32, Range),
}

/// The home of the topic: what it has been told.
#[derive(Default)]
pub(super) struct Home {
    pub(super) top: Option<Position>,
    pub(super) messages: usize,
    pub(super) refills: usize,
}

pub(super) fn body(skips_history: bool, offset: u64) -> Body {
    Body {
        payload: Payload {
            kind: Kind::Text,
            bytes: Arc::from(offset.to_string().as_bytes()),
        },
        extra: None,
        skips_history,
        excluded: None,
    }
}

pub(super) fn topic() -> Topic {
    Topic::new("t").unwrap()
}

impl Engine {
    pub(super) fn new() -> Self {
        Self {
            top: Position {
                epoch: Epoch::new(1),
                offset: 0,
            },
            log: Vec::new(),
            trimmed: 0,
            epochs: 1,
            pushes: VecDeque::new(),
            is_subscribed: false,
            answers: VecDeque::new(),
            asked: VecDeque::new(),
        }
    }

    pub(super) fn publish(&mut self, is_kept: bool) {
        self.top.offset += 1;
        self.log.push((self.top.offset, is_kept));
        if self.is_subscribed {
            self.pushes.push_back((self.top, is_kept));
        }
    }

    pub(super) fn flush(&mut self) {
        self.epochs += 1;
        self.top = Position {
            epoch: Epoch::new(self.epochs),
            offset: 0,
        };
        self.log.clear();
        self.trimmed = 0;
    }

    pub(super) fn range(&self, since: Option<Position>) -> Range {
        let same = since.filter(|since| since.epoch == self.top.epoch);
        let since_offset = same.map_or(0, |since| since.offset);
        let kept = self.log.iter().filter(|(_, is_kept)| *is_kept);
        let missed = |offset: u64| since_offset < offset && offset <= self.trimmed;
        let is_whole = since.is_none_or(|since| since.epoch == self.top.epoch)
            && !kept.clone().any(|(offset, _)| missed(*offset));
        let floor = since_offset.max(self.trimmed);
        let entries = kept.filter(|(offset, _)| floor < *offset);
        Range {
            top: self.top,
            entries: entries
                .map(|(offset, _)| Kept {
                    offset: *offset,
                    payload: body(false, *offset).payload,
                    extra: None,
                })
                .collect(),
            is_whole,
        }
    }

    /// Does what was asked first.
    pub(super) fn work(&mut self) {
        match self.asked.pop_front() {
            Some(Action::Compare { turn }) => {
                self.answers.push_back(Answer::Top(turn, Some(self.top)));
            }
            Some(Action::Read { since, turn }) => {
                let range = self.range(since);
                self.answers.push_back(Answer::Range(turn, range));
            }
            _ => {}
        }
    }

    pub(super) fn take(&mut self, actions: Vec<Action>, home: &mut Home) {
        for action in actions {
            match action {
                Action::Deliver(mail) => home.take(mail, self),
                other => self.asked.push_back(other),
            }
        }
    }
}

impl Home {
    pub(super) fn take(&mut self, mail: Inward, engine: &Engine) {
        match mail {
            Inward::Attached { fill, .. } => self.fill(fill.unwrap(), engine),
            Inward::Refill { fill, .. } => {
                self.refills += 1;
                self.fill(fill, engine);
            }
            Inward::Message(arrival) => {
                let position = arrival.position.unwrap();
                let last = self.top.expect("attached before the first message");
                assert_eq!(
                    (position.epoch, position.offset),
                    (last.epoch, last.offset + 1)
                );
                assert_eq!(
                    &*arrival.message.payload.bytes,
                    position.offset.to_string().as_bytes()
                );
                self.top = Some(position);
                self.messages += 1;
            }
            Inward::Removed { .. } => {}
        }
    }

    fn fill(&mut self, fill: Fill, engine: &Engine) {
        let offsets: Vec<u64> = fill.entries.iter().map(|entry| entry.offset).collect();
        assert!(offsets.is_sorted_by(|a, b| a < b));
        assert!(offsets.last().is_none_or(|last| *last <= fill.top.offset));
        if let Some(last) = self.top
            && fill.is_whole
        {
            assert_eq!(last.epoch, fill.top.epoch);
            assert!(offsets.first().is_none_or(|first| last.offset < *first));
            if fill.top.epoch == engine.top.epoch {
                let missed = last.offset + 1..=fill.top.offset;
                let kept = engine
                    .log
                    .iter()
                    .filter(|(at, kept)| *kept && missed.contains(at));
                assert!(
                    kept.map(|(at, _)| *at).eq(offsets),
                    "a hole in what is whole"
                );
            }
        }
        self.top = Some(fill.top);
        self.messages += fill.entries.len();
    }
}
