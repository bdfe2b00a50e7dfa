//! Fan-out: which subscribers of a shard get which bytes, and what they lack.
//!
//! A message is encoded once for each form into the logs of its topic's feeds, and a walk over a
//! feed's members sends each of them what it lacks. `Fanout` knows connections by key and socket
//! alone: what must become of one, it returns.

mod append;
#[cfg(any(test, feature = "internals"))]
mod audit;
mod backlog;
mod feed;
mod local;
mod log;
pub(crate) mod member;
mod overrun;
mod pages;
mod pass;
mod place;
mod recall;
mod segment;
mod topics;

use std::collections::VecDeque;
use std::time::Duration;

use slab::Slab;

use crate::config::{Namespaces, TopicSettings};
use crate::id::{ConnKey, FeedKey, ShardId, TopicKey, key32};
use crate::payload::{Encoder, Form};
use crate::proto::ws::deflate::Compression;
use crate::time::Now;
use crate::topic::fanout::feed::Feed;
use crate::topic::fanout::feed::deltas::Deltas;
pub(crate) use crate::topic::fanout::feed::deltas::Whole;
use crate::topic::fanout::feed::timing::Timings;
pub(crate) use crate::topic::fanout::local::LocalTopic;
pub use crate::topic::fanout::log::Unread;
use crate::topic::fanout::member::Member;
pub(crate) use crate::topic::fanout::overrun::{Overrun, Overruns};
use crate::topic::fanout::pages::Pages;
pub(crate) use crate::topic::fanout::pages::{EncodedPage, PageId};
pub(crate) use crate::topic::fanout::pass::{Handover, Rest};
pub(crate) use crate::topic::fanout::place::Place;
use crate::topic::fanout::segment::Pool;
pub use crate::topic::fanout::segment::Segment;
use crate::topic::fanout::topics::Topics;
use crate::topic::tables::GiveBack;
use crate::topic::{Hashed, Topic};

/// The subscribers of a shard, and the messages that they have still to get.
#[derive(Debug)]
pub(crate) struct Fanout {
    topics: Topics,
    feeds: Slab<Box<Feed>>,
    pool: Pool,
    /// Pages of history.
    pages: Pages,
    /// Messages to the bytes of all forms.
    encoder: Encoder,
    /// Feeds with frames that some member may lack.
    walks: VecDeque<FeedKey>,
    /// What the last walk left to the owner of connections.
    handovers: VecDeque<Handover>,
    overruns: Overruns,
    deltas: Deltas,
    timings: Timings,
    /// The backlog above which it is worth searching for logs to cut, where the budget is not.
    relieve_above: usize,
}

impl Fanout {
    pub(crate) fn new(compression: Compression) -> Self {
        Self {
            topics: Topics::default(),
            feeds: Slab::new(),
            pool: Pool::default(),
            pages: Pages::default(),
            encoder: Encoder::new(compression),
            walks: VecDeque::new(),
            handovers: VecDeque::new(),
            overruns: Overruns::default(),
            deltas: Deltas::default(),
            timings: Timings::default(),
            relieve_above: 0,
        }
    }

    /// The key of a topic.
    pub(crate) fn find(&self, topic: &Topic) -> Option<TopicKey> {
        self.topics.find(topic)
    }

    /// The topic of this name, if it has subscribers here.
    pub(crate) fn of_name(&self, name: Hashed<'_>) -> Option<&Topic> {
        self.topics.of_name(name)
    }

    /// The topic of this key.
    pub(crate) fn topic(&self, key: TopicKey) -> Option<&LocalTopic> {
        self.topics.get(key)
    }

    /// The settings of a topic.
    pub(crate) fn settings<'n>(
        &mut self,
        key: TopicKey,
        namespaces: &'n Namespaces,
    ) -> Option<&'n TopicSettings> {
        self.topics.settings(key, namespaces)
    }

    /// The topic of this key if it is still the one of this generation.
    pub(crate) fn current(&self, key: TopicKey, generation: u32) -> Option<&LocalTopic> {
        self.topics.current(key, generation)
    }

    /// How many topics there are.
    pub(crate) fn topics(&self) -> usize {
        self.topics.count() - self.topics.of_events()
    }

    /// Subscriptions to all topics.
    pub(crate) fn subscriptions(&self) -> usize {
        self.topics.subscriptions()
    }

    /// Calls `visit` with the topics that have subscribers in `count` places from this on; returns
    /// the next place if there are more.
    pub(crate) fn scan(
        &self,
        from: usize,
        count: usize,
        visit: impl FnMut(TopicKey, &Topic, u32),
    ) -> Option<usize> {
        self.topics.scan(from, count, visit)
    }

    /// Adds a topic that `find` did not find.
    pub(crate) fn add(&mut self, topic: &Topic, home: ShardId) -> TopicKey {
        self.topics.add(topic, home, 1)
    }

    /// The same for a pattern, of which all homes are told.
    pub(crate) fn add_pattern(&mut self, pattern: &Topic, own: ShardId, shards: u16) -> TopicKey {
        self.topics.add(pattern, own, shards)
    }

    /// The key of a topic's events, if some subscribers are told of these.
    pub(crate) fn find_events(&self, topic: &Topic) -> Option<TopicKey> {
        self.topics.find_events(topic)
    }

    /// The same, added if it is not there.
    pub(crate) fn events(&mut self, topic: &Topic, home: ShardId) -> TopicKey {
        let known = self.topics.find_events(topic);
        known.unwrap_or_else(|| self.topics.add(topic, home, 0))
    }

    /// One more subscription to a topic; `false` if it is not live at once, but waits.
    pub(crate) fn subscribe(&mut self, topic: TopicKey, conn: ConnKey) -> bool {
        self.topics.subscribe(topic, conn)
    }

    /// A home has answered. Returns the connections that waited for that, if it was the last; some
    /// of them may have left.
    pub(crate) fn set_live(&mut self, topic: TopicKey, joins: bool) -> Vec<ConnKey> {
        self.topics.set_live(topic, joins)
    }

    /// Adds a member to a topic; returns its index.
    pub(crate) fn join(&mut self, topic_key: TopicKey, form: Form, member: Member) -> Option<u32> {
        let key = match self.feed_key(topic_key, form) {
            Some(key) => key,
            None => {
                let topic = self.topics.get_mut(topic_key)?;
                let feed = Feed::new(form, topic_key, topic.first_feed);
                let key = FeedKey::new(self.feeds.insert(Box::new(feed)));
                topic.first_feed = Some(key);
                key
            }
        };
        let feed = self.feeds.get_mut(key.index())?;
        Some(key32(feed.join(member)))
    }

    /// Removes a member. Returns the connection of the one that has its index now, if any.
    pub(crate) fn leave(&mut self, place: Place) -> Option<ConnKey> {
        let key = self.feed_key(place.topic, place.form)?;
        let feed = self.feeds.get_mut(key.index())?;
        let moved = feed.leave(place.index as usize);
        // The log may have waited for this member alone.
        if !feed.log.is_empty() {
            feed.queue_walk(key, &mut self.walks);
        }
        moved.map(|member| member.conn)
    }

    /// One subscription to a topic less, whether it was live or not.
    pub(crate) fn unsubscribe(&mut self, topic: TopicKey, now: Now) {
        self.topics.unsubscribe(topic, now);
    }

    /// Forgets the next topic that has had no subscriber for `linger`, and returns it. Looks at no
    /// more than `budget` topics.
    pub(crate) fn forget_next(
        &mut self,
        now: Now,
        linger: Duration,
        budget: &mut usize,
    ) -> Option<(TopicKey, LocalTopic)> {
        let (key, topic) = self.topics.forget_next(now, linger, budget)?;
        let mut next = topic.first_feed;
        while let Some(key) = next
            && let Some(mut feed) = self.feeds.try_remove(key.index())
        {
            feed.log.clear(&mut self.pool);
            next = feed.next;
        }
        Some((key, topic))
    }

    /// When `forget_next` or `forget_pages` has something to do next.
    pub(crate) fn deadline(&self, linger: Duration) -> Option<Now> {
        let deadlines = [self.topics.deadline(linger), self.pages.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Feeds to walk.
    pub(crate) fn walks(&self) -> usize {
        self.walks.len()
    }

    /// What must become of connections whose unread frames logs have let go of.
    #[inline]
    pub(crate) fn take_overruns(&mut self) -> Overruns {
        std::mem::take(&mut self.overruns)
    }

    /// What members lacked of the message that was appended last, as they get deltas.
    #[inline]
    pub(crate) fn take_whole(&mut self) -> Vec<Whole> {
        self.deltas.take_whole()
    }

    /// What encodes messages: for replies, which are no business of topics.
    pub(crate) fn encoder(&mut self) -> &mut Encoder {
        &mut self.encoder
    }

    /// Calls `visit` with each table that grows with the number of topics.
    pub(crate) fn each_table(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        self.topics.each_table(&mut visit);
        visit(&mut self.feeds);
    }

    /// Calls `visit` with each queue of work.
    pub(crate) fn each_queue(&mut self, mut visit: impl FnMut(&mut dyn GiveBack)) {
        visit(&mut self.walks);
        visit(self.topics.queue());
    }

    /// The key of a topic's feed of one form. A topic has one or two feeds, and there are more
    /// forms than it should have memory for, so they are a list.
    fn feed_key(&self, topic: TopicKey, form: Form) -> Option<FeedKey> {
        let mut next = self.topics.get(topic)?.first_feed;
        while let Some(key) = next {
            let feed = self.feeds.get(key.index())?;
            if feed.form == form {
                return Some(key);
            }
            next = feed.next;
        }
        None
    }

    /// The feeds of a topic, one for each form.
    fn feeds_of(&self, topic: TopicKey) -> impl Iterator<Item = (FeedKey, &Feed)> {
        let mut next = self.topics.get(topic).and_then(|topic| topic.first_feed);
        std::iter::from_fn(move || {
            let key = next?;
            let feed = self.feeds.get(key.index())?;
            next = feed.next;
            Some((key, feed.as_ref()))
        })
    }
}

#[cfg(test)]
mod tests;
