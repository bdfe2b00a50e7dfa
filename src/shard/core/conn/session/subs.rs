//! The subscriptions of a session.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::TopicKey;
use crate::shard::core::conn::by_topic::{ByTopic, OfTopic};
use crate::shard::core::conn::session::pending::Pending;
use crate::time::{Now, Stamp};

/// A subscription of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    pub(crate) topic: TopicKey,
    /// When it ends.
    pub(crate) until: Stamp,
    /// Its client is told if something is missing.
    pub(crate) is_positioned: bool,
    /// Its client has not asked for it: where it would end, the session does.
    pub(crate) is_of_server: bool,
    /// The token of its client names the topic.
    pub(crate) is_of_token: bool,
}

// A session has any number of them.
const _: () = assert!(size_of::<Subscription>() == 12);

impl OfTopic for Subscription {
    fn topic(&self) -> TopicKey {
        self.topic
    }
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            topic: TopicKey(u32::MAX),
            until: Stamp::NEVER,
            is_positioned: false,
            is_of_server: true,
            is_of_token: false,
        }
    }
}

/// What few subscriptions have beside.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    /// As long as its client was not told that it is live.
    pub(crate) pending: Option<Box<Pending>>,
    /// What is said of the client to other subscribers of the topic.
    pub(crate) chan_info: Option<Arc<[u8]>>,
}

impl Aside {
    /// Of one that the client has not asked for, and is to be told of.
    fn untold() -> Self {
        Self {
            pending: Some(Box::default()),
            chan_info: None,
        }
    }

    /// Whether its client gets deltas.
    pub(crate) fn has_deltas(&self) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|pending| pending.result.delta)
    }

    fn is_nothing(&self) -> bool {
        self.pending.is_none() && self.chan_info.is_none()
    }
}

/// The subscriptions of a session.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    list: ByTopic<Subscription>,
    /// When the first of them ends, or one has ended that was the first.
    soonest: Stamp,
    /// What some of them have beside.
    #[expect(clippy::box_collection, reason = "one word in each session")]
    aside: Option<Box<BTreeMap<TopicKey, Aside>>>,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self {
            list: ByTopic::default(),
            soonest: Stamp::NEVER,
            aside: None,
        }
    }
}

impl Subscriptions {
    pub(crate) fn as_slice(&self) -> &[Subscription] {
        self.list.as_slice()
    }

    pub(crate) fn get(&self, topic: TopicKey) -> Option<&Subscription> {
        self.list.get(topic)
    }

    /// One more; `None`: the client has not asked for it.
    pub(crate) fn add(&mut self, topic: TopicKey, asked: Option<(Subscription, Aside)>) {
        let (sub, aside) = asked.unwrap_or_else(|| (Subscription::default(), Aside::untold()));
        self.soonest = self.soonest.min(sub.until);
        self.list.insert(Subscription { topic, ..sub });
        if !aside.is_nothing() {
            self.aside.get_or_insert_default().insert(topic, aside);
        }
    }

    /// One is there because the token of its client names the topic.
    pub(crate) fn note_of_token(&mut self, topic: TopicKey) {
        if let Some(sub) = self.list.get_mut(topic) {
            sub.is_of_token = true;
        }
    }

    /// One has ended.
    pub(crate) fn remove(&mut self, topic: TopicKey) {
        self.list.remove(topic);
        if let Some(aside) = &mut self.aside {
            aside.remove(&topic);
        }
        self.drop_empty();
    }

    /// What its client is still to be told of one.
    pub(crate) fn take_pending(&mut self, topic: TopicKey) -> Option<Box<Pending>> {
        let all = self.aside.as_mut()?;
        let aside = all.get_mut(&topic)?;
        let pending = aside.pending.take();
        if aside.is_nothing() {
            all.remove(&topic);
        }
        self.drop_empty();
        pending
    }

    fn drop_empty(&mut self) {
        self.aside.take_if(|aside| aside.is_empty());
    }

    /// What is said of the client to other subscribers of a topic.
    pub(crate) fn chan_info(&self, topic: TopicKey) -> Option<&Arc<[u8]>> {
        self.aside.as_ref()?.get(&topic)?.chan_info.as_ref()
    }

    /// When to look for those that end.
    pub(crate) fn expiry(&self) -> Option<Now> {
        (self.soonest != Stamp::NEVER).then(|| self.soonest.moment())
    }

    /// Those whose time is over, at most so many.
    pub(crate) fn expired(&mut self, now: Now, most: usize) -> Vec<TopicKey> {
        let is_over = |sub: &&Subscription| sub.until != Stamp::NEVER && sub.until.moment() <= now;
        let over = self.as_slice().iter().filter(is_over).take(most);
        let over: Vec<TopicKey> = over.map(|sub| sub.topic).collect();
        if over.len() < most {
            let others = self.as_slice().iter().filter(|sub| !is_over(sub));
            self.soonest = others.map(|sub| sub.until).min().unwrap_or(Stamp::NEVER);
        }
        over
    }

    /// Has one end then.
    pub(crate) fn expire(&mut self, topic: TopicKey, until: Stamp) {
        if let Some(sub) = self.list.get_mut(topic) {
            sub.until = until;
            self.soonest = self.soonest.min(until);
        }
    }
}
