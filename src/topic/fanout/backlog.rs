//! The backlog: bytes of frames kept for members that are behind, in all logs and by connections
//! that hold on to frames of logs.

use crate::config::Config;
use crate::id::{FeedKey, TopicKey};
use crate::time::Stamp;
use crate::topic::fanout::member::DETACHED;
use crate::topic::fanout::{Fanout, Place};

impl Fanout {
    /// The backlog, in bytes.
    pub(crate) fn backlog(&self) -> usize {
        self.pool.backlog() + self.pages.bytes()
    }

    /// Bytes of frames that a member has still to get from its log.
    pub(crate) fn lacks(&self, place: Place) -> usize {
        let feed = self.feed(place);
        let member = feed.and_then(|feed| feed.members.get(place.index as usize));
        let lacks = feed.zip(member).map_or(0, |(feed, member)| {
            let lacks = feed.log.head().saturating_sub(member.cursor());
            if member.is(DETACHED) { 0 } else { lacks }
        });
        usize::try_from(lacks).unwrap_or(usize::MAX)
    }

    /// Bytes that all logs of a topic keep, and how many messages have come for its subscribers.
    pub(crate) fn numbers(&self, topic: TopicKey) -> (usize, u64) {
        let feeds = self.feeds_of(topic).map(|(_, feed)| feed);
        feeds.fold((0, 0), |(bytes, messages), feed| {
            (bytes + feed.log.len(), messages.max(feed.log.count()))
        })
    }

    /// Whether the backlog with `more` bytes is within `budget`.
    pub(crate) fn is_within(&mut self, budget: usize, more: usize) -> bool {
        let is_within = self.backlog() + more <= budget;
        if is_within {
            self.relieve_above = 0;
        }
        is_within
    }

    /// Whether the backlog with `more` bytes has grown enough since the last search for logs to
    /// cut that another may find some.
    pub(crate) fn is_relief_due(&self, more: usize) -> bool {
        self.relieve_above < self.backlog() + more
    }

    /// All was done that could be: what could not be cut needs no search before it has grown.
    pub(crate) fn note_relief(&mut self, budget: usize) {
        self.relieve_above = self.backlog() + budget / 16;
    }

    /// While the backlog is over `target`, lets go of what deltas are made of, as no message is
    /// lost with it. If that is not enough, cuts logs that only blocked members need, those with
    /// the oldest segment first. What must become of those members is in `take_overruns`.
    pub(crate) fn cut_oldest(&mut self, target: usize, config: &Config) {
        self.cut_chains(target);
        if self.backlog() <= target {
            return;
        }
        let mut oldest: Vec<(u64, FeedKey)> = self
            .feeds
            .iter()
            .filter(|(_, feed)| 0 < feed.blocked)
            .filter_map(|(key, feed)| Some((feed.log.born()?, FeedKey::new(key))))
            .collect();
        oldest.sort_unstable();
        for (_, key) in oldest {
            let topic = self.feeds.get(key.index()).map(|feed| feed.topic);
            let policy = topic.map(|topic| self.policy(topic, config));
            let feed = self.feeds.get_mut(key.index());
            let Some((feed, policy)) = feed.zip(policy) else {
                continue;
            };
            while target < self.pool.backlog() + self.pages.bytes()
                && !feed.log.is_empty()
                && feed.cut(&mut self.pool, policy, &mut self.overruns)
            {}
        }
    }

    /// Lets go of what deltas are made of while the backlog is over `target`, first in the feeds
    /// that had no message for longest.
    fn cut_chains(&mut self, target: usize) {
        let chains = self.feeds.iter().filter(|(_, feed)| feed.has_base());
        let mut oldest: Vec<(Stamp, FeedKey)> = chains
            .map(|(key, feed)| (feed.appended_at, FeedKey::new(key)))
            .collect();
        oldest.sort_unstable();
        for (_, key) in oldest {
            if self.backlog() <= target {
                return;
            }
            if let Some(feed) = self.feeds.get_mut(key.index()) {
                feed.cut_chain();
            }
        }
    }
}
