//! One subscriber, as the owner of connections asks for it: what it has still to get, and how far
//! its connection is with that.

use crate::config::{Config, SlowConsumer};
use crate::id::TopicKey;
use crate::payload::Form;
use crate::position::Since;
use crate::time::Now;
use crate::topic::fanout::Fanout;
use crate::topic::fanout::feed::Feed;
use crate::topic::fanout::log::Log;
use crate::topic::fanout::member::{DETACHED, Member, OUTBOX_FIRST, SHARED};
use crate::topic::fanout::pass::Rest;
use crate::topic::fanout::recall::standing;

/// Where a subscriber stands: its topic, the wire form of its connection, and its index among the
/// members of that feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) topic: TopicKey,
    pub(crate) form: Form,
    pub(crate) index: u32,
}

impl Fanout {
    /// Has the walks pass over a member, as its connection has bytes that go first, or not.
    pub(crate) fn set_outbox_first(&mut self, place: Place, first: bool) {
        self.set(place, OUTBOX_FIRST, first);
    }

    /// Marks a member as one of several subscriptions of its connection, or not.
    pub(crate) fn set_shared(&mut self, place: Place, shared: bool) {
        self.set(place, SHARED, shared);
    }

    /// Marks a member's socket as blocked or not.
    pub(crate) fn set_blocked(&mut self, place: Place, blocked: bool) {
        if let Some(feed) = self.feed_mut(place) {
            feed.set_blocked(place.index as usize, blocked);
        }
    }

    /// Detaches a member from its log, which it does not hold back then, or has it begin at the
    /// log's head. One that is so already stays where it is.
    pub(crate) fn set_detached(&mut self, place: Place, detached: bool) {
        if let Some(feed) = self.feed_mut(place) {
            feed.set_detached(place.index as usize, detached);
        }
    }

    /// All that a detached member lacked is sent: it follows its log again. Returns how
    /// many frames it has missed since the log's count of them was `count`.
    pub(crate) fn rejoin(&mut self, place: Place, count: u64) -> u64 {
        if let Some(feed) = self.feed_mut(place)
            && feed.set_detached(place.index as usize, false)
        {
            return feed.log.count().saturating_sub(count);
        }
        0
    }

    /// Moves a member that is behind to the newest message, if its topic wants that; returns how
    /// many it skips.
    ///
    /// # Errors
    ///
    /// Where it stands in the topic's history, out of which it is to get the newest of each key.
    pub(crate) fn conflate(&mut self, place: Place, config: &Config) -> Result<u64, Since> {
        let policy = self.policy(place.topic, config);
        match self.member(place) {
            Some((log, member))
                if policy.slow_consumer == SlowConsumer::Latest
                    && member.cursor() < log.newest() =>
            {
                match policy.recovers(place.form) {
                    Some(newest) if policy.is_conflated => {
                        Err(standing(newest, log, member.cursor()))
                    }
                    // Its log has still what it lacks, or the topic's history.
                    Some(_) => Ok(0),
                    // The newest is a delta to what it lacks.
                    None if place.form.deltas().is_some() => Ok(0),
                    None => {
                        let skipped = log.due_between(*member, log.newest());
                        log.move_to(member, log.newest());
                        Ok(skipped)
                    }
                }
            }
            _ => Ok(0),
        }
    }

    /// The next bytes for a member; none if it is detached.
    pub(crate) fn tail(&self, place: Place) -> &[u8] {
        let feed = self.feed(place);
        let member = feed.and_then(|feed| Some((feed, feed.members.get(place.index as usize)?)));
        match member {
            Some((feed, member)) if !member.is(DETACHED) => feed.log.tail_for(*member),
            _ => &[],
        }
    }

    /// Whether a member has not had all frames of its log.
    pub(crate) fn is_behind(&self, place: Place) -> bool {
        self.feed(place).is_some_and(|feed| {
            let member = feed.members.get(place.index as usize);
            member.is_some_and(|member| member.cursor() < feed.log.head())
        })
    }

    /// A member was sent so many bytes of its `tail`. Returns the rest of a frame that was begun,
    /// which its connection must send before anything else of this topic.
    pub(crate) fn advance(&mut self, place: Place, sent: usize) -> Option<Rest> {
        let (log, member) = self.member(place)?;
        let sent_to = member.cursor() + sent as u64;
        log.leave_rest(member, sent_to)
    }

    /// Lets a walk see that a member has caught up, if its log waits for that.
    pub(crate) fn queue_walk(&mut self, place: Place) {
        if let Some(key) = self.feed_key(place.topic, place.form)
            && let Some(feed) = self.feeds.get_mut(key.index())
            && !feed.log.is_empty()
        {
            feed.queue_walk(key, &mut self.walks);
        }
    }

    /// When the newest message for subscribers in this place was appended.
    pub(crate) fn appended_at(&self, place: Place) -> Option<Now> {
        Some(self.feed(place)?.appended_at.moment())
    }

    fn set(&mut self, place: Place, flags: u64, on: bool) {
        if let Some((_, member)) = self.member(place) {
            member.set(flags, on);
        }
    }

    fn member(&mut self, place: Place) -> Option<(&Log, &mut Member)> {
        let Feed { log, members, .. } = self.feed_mut(place)?;
        Some((log, members.get_mut(place.index as usize)?))
    }

    pub(super) fn feed(&self, place: Place) -> Option<&Feed> {
        let key = self.feed_key(place.topic, place.form)?;
        self.feeds.get(key.index()).map(Box::as_ref)
    }

    fn feed_mut(&mut self, place: Place) -> Option<&mut Feed> {
        let key = self.feed_key(place.topic, place.form)?;
        self.feeds.get_mut(key.index()).map(Box::as_mut)
    }
}
