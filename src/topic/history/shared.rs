//! Histories of topics whose positions an engine gives: the ring follows those.

use crate::config::TopicSettings;
use crate::position::Position;
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::history::{History, Kept};

impl History {
    /// The newest position of a topic that has a ring.
    pub(crate) fn top(&self, topic: &Topic) -> Option<Position> {
        let key = self.rings.find(topic)?;
        Some(self.rings.get(key).top)
    }

    /// Keeps a topic's next message, which has this position; or only notes the position, if
    /// `skips_history`.
    pub(crate) fn place_at(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        position: Position,
        message: &Kept,
        skips_history: bool,
        now: Now,
    ) {
        let offset = position.offset.saturating_sub(1);
        let before = Position { offset, ..position };
        self.restore(topic, settings, before, now);
        // What is between them has gone with the ring, or was never told.
        if self.top(topic).is_some_and(|top| top != before) {
            debug_assert!(false, "{position} does not follow {:?}", self.top(topic));
            self.begin_at(topic, before);
        }
        if skips_history {
            self.pass_over(topic, settings, now);
        } else {
            let payload = || message.payload.clone();
            self.place(topic, settings, payload, message.extra.clone(), now);
        }
    }

    /// Keeps messages that the engine has kept, which follow those of the ring; or replace them, if
    /// they are not `whole`.
    pub(crate) fn fill(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        (top, entries): (Position, &[Kept]),
        is_whole: bool,
        now: Now,
    ) {
        let first = entries
            .first()
            .map_or(top.offset, |first| first.offset.saturating_sub(1));
        let before = Position {
            offset: first.min(top.offset),
            ..top
        };
        self.restore(topic, settings, before, now);
        let follows = |ring: Position| ring.epoch == top.epoch && ring.offset <= before.offset;
        if !(is_whole && self.top(topic).is_some_and(follows)) {
            self.begin_at(topic, before);
        }
        for kept in entries {
            self.skip_to(topic, kept.offset.saturating_sub(1));
            let payload = || kept.payload.clone();
            self.place(topic, settings, payload, kept.extra.clone(), now);
        }
        self.skip_to(topic, top.offset);
    }

    /// Gives a topic without a ring one that stands at this position, if it has a history.
    pub(crate) fn restore(
        &mut self,
        topic: &Topic,
        settings: &TopicSettings,
        top: Position,
        now: Now,
    ) {
        if let Some(settings) = &settings.history
            && self.rings.find(topic).is_none()
        {
            let key = self.rings.add(topic, top, settings, now);
            self.rings.note_written(key, settings, now);
            self.keep_to_budget(key);
        }
    }

    fn begin_at(&mut self, topic: &Topic, top: Position) {
        if let Some(key) = self.rings.find(topic) {
            self.change(key, |ring| ring.begin_at(top));
        }
    }

    fn skip_to(&mut self, topic: &Topic, offset: u64) {
        if let Some(key) = self.rings.find(topic) {
            self.change(key, |ring| ring.skip_to(offset));
        }
    }
}
