//! What a topic's history means for its subscribers on this shard: what one begins with, and where
//! one that is behind stands in it.

use crate::config::{First, Namespaces};
use crate::id::{ConnKey, TopicKey};
use crate::payload::Form;
use crate::position::{Position, Since};
use crate::topic::fanout::log::Log;
use crate::topic::fanout::{Fanout, LocalTopic, Place};

impl LocalTopic {
    /// The place of the newest message that came here, if it had one.
    pub(super) fn newest(&self) -> Option<Position> {
        self.newest.as_deref().copied()
    }

    /// A message has come.
    pub(super) fn set_newest(&mut self, position: Option<Position>) {
        match (&mut self.newest, position) {
            (Some(newest), Some(position)) => **newest = position,
            (None, None) => {}
            (newest, position) => *newest = position.map(Box::new),
        }
    }
}

/// Where one stands in a history that has everything before `cursor`.
pub(super) fn standing(newest: Position, log: &Log, cursor: u64) -> Since {
    let missing = log.frames_between(cursor, log.head());
    let offset = newest.offset.checked_sub(missing);
    let epoch = newest.epoch;
    // Frames of an older epoch are lost with that.
    offset.map_or(Since::Foreign, |offset| {
        Since::Position(Position { epoch, offset })
    })
}

impl Fanout {
    /// What a new subscription of this form asks the home for, if it has to.
    pub(crate) fn begins(
        &mut self,
        topic: TopicKey,
        form: Form,
        since: Since,
        namespaces: &Namespaces,
    ) -> Option<Since> {
        if self.topics.get(topic)?.topic.is_pattern() {
            return None;
        }
        let settings = self.settings(topic, namespaces)?;
        if settings.history.is_none() {
            // It learns from the home that there is nothing to go on from.
            return (since.is_return() && form.carries_positions()).then_some(since);
        }
        let has_first = settings.first != First::Nothing;
        let asks = since != Since::Default || has_first || form.carries_positions();
        let asks_for_none = since == Since::Default && !has_first;
        asks.then_some(if asks_for_none { Since::Last(0) } else { since })
    }

    /// The members of a topic that are told positions.
    pub(crate) fn positioned(&self, topic: TopicKey) -> Vec<ConnKey> {
        let feeds = self.feeds_of(topic).map(|(_, feed)| feed);
        let feeds = feeds.filter(|feed| feed.form.carries_positions());
        let members = feeds.flat_map(|feed| feed.members.iter());
        members.map(|member| member.conn).collect()
    }

    /// Where a member stands in its topic's history, if it is behind and that is known.
    pub(crate) fn standing(&self, place: Place) -> Option<Since> {
        let newest = self.topics.get(place.topic)?.newest()?;
        let feed = self.feed(place)?;
        let member = feed.members.get(place.index as usize)?;
        let is_known = place.form.carries_all() && member.cursor() < feed.log.head();
        is_known.then(|| standing(newest, &feed.log, member.cursor()))
    }
}
