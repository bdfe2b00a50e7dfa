//! Subscribing: interest in topics, and when a subscription is live.

use crate::conn::subs::{Membership, Subs, WAITING};
use crate::conn::{BLOCKED, CLOSING, CORKED, DIRTY};
use crate::id::key32;
use crate::limits::{SUBSCRIPTIONS_MAX, TOPIC_BYTES_MAX};
use crate::shard::inner::Inner;
use crate::shard::mail::ToHome;
use crate::time::Now;
use crate::topic::feed::Feed;
use crate::topic::home::Interest;
use crate::topic::local::{NO_FEED, Topic};
use crate::topic::member::{APART, HELD, Member, SHARED};

/// Why a subscription was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The name is empty or too long.
    #[error("a topic's name has 1 to {TOPIC_BYTES_MAX} bytes")]
    TopicName,
    /// The connection has as many subscriptions as it may.
    #[error("a connection has at most {SUBSCRIPTIONS_MAX} subscriptions")]
    TooMany,
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
}

impl<D> Inner<D> {
    /// Subscribes a connection; live at once if the topic is, else when its home has answered.
    pub(super) fn subscribe(&mut self, key: u32, name: &str) -> Result<(), SubscribeError> {
        if name.is_empty() || TOPIC_BYTES_MAX < name.len() {
            return Err(SubscribeError::TopicName);
        }
        let conn = self.conn(key).filter(|conn| !conn.is(CLOSING));
        let conn = conn.ok_or(SubscribeError::Closed)?;
        if SUBSCRIPTIONS_MAX <= conn.subs.count() {
            return Err(SubscribeError::TooMany);
        }
        let topic_key = self
            .topics
            .find(name)
            .unwrap_or_else(|| self.add_topic(name));
        let (Some(topic), Some(conn)) = (
            self.topics.get_mut(topic_key),
            self.conns.get_mut(key as usize),
        ) else {
            return Err(SubscribeError::Closed);
        };
        if conn.subs.get(topic_key).is_some() {
            return Ok(());
        }
        conn.subs.add(Membership {
            topic: topic_key,
            index: WAITING,
        });
        topic.subscribers += 1;
        if topic.live {
            self.join(key, topic_key);
        } else {
            topic.waiting.push(key);
            conn.waiting += 1;
        }
        self.mark_shared(key);
        Ok(())
    }

    /// Ends a subscription; what was not sent of it is not.
    pub(super) fn unsubscribe(&mut self, key: u32, topic_key: u32) {
        let Self {
            conns,
            topics,
            feeds,
            ..
        } = self;
        let (Some(conn), Some(topic)) = (conns.get_mut(key as usize), topics.get_mut(topic_key))
        else {
            return;
        };
        let Some(sub) = conn.subs.get(topic_key) else {
            return;
        };
        let feed_key = topic.feeds[conn.form().index()];
        conn.subs.remove(topic_key);
        topic.subscribers -= 1;
        if topic.subscribers == 0 {
            topic.left_at = self.now;
            if !topic.fading {
                topic.fading = true;
                self.fading.push_back(topic_key);
            }
        }
        if sub.index == WAITING {
            conn.waiting -= 1;
            if conn.waiting == 0 {
                self.uncork(key);
            }
        } else if let Some(feed) = feeds.get_mut(feed_key as usize) {
            if let Some(moved) = feed.leave(sub.index as usize)
                && let Some(other) = conns.get_mut(moved.conn as usize)
            {
                other.subs.set_index(topic_key, sub.index);
            }
            // The log may have waited for this member alone.
            if !feed.log.is_empty() {
                self.queue_walk(feed_key);
            }
        }
        self.mark_shared(key);
    }

    /// The home has answered: whoever waited is a member now.
    pub(super) fn topic_is_live(&mut self, topic_key: u32, generation: u32) {
        if self.topics.current(topic_key, generation).is_none() {
            return;
        }
        let Some(topic) = self.topics.get_mut(topic_key) else {
            return;
        };
        topic.live = true;
        for key in std::mem::take(&mut topic.waiting) {
            // A connection that has left may be named here, or one that has its key now.
            let waits = self.conn(key).is_some_and(|conn| {
                conn.subs
                    .get(topic_key)
                    .is_some_and(|sub| sub.index == WAITING)
            });
            if !waits {
                continue;
            }
            self.join(key, topic_key);
            let Some(conn) = self.conns.get_mut(key as usize) else {
                continue;
            };
            conn.waiting -= 1;
            if conn.waiting == 0 {
                self.uncork(key);
            }
        }
    }

    /// Lets a connection go on whose subscriptions are all live.
    pub(super) fn uncork(&mut self, key: u32) {
        let Some(conn) = self.conn(key) else { return };
        if conn.is(CORKED) {
            conn.set(CORKED, false);
            self.set_apart(key, false);
            self.mark_dirty(key);
            self.resume(key);
        }
    }

    /// Lets a corked connection stand apart from the logs it reads, or begin at their heads.
    ///
    /// Nothing was promised to it yet. If it held back a log, the mail for that log could hold
    /// back the very answer that the connection waits for.
    pub(super) fn set_apart(&mut self, key: u32, apart: bool) {
        let Self {
            conns,
            topics,
            feeds,
            ..
        } = self;
        let Some(conn) = conns.get(key as usize) else {
            return;
        };
        let form = conn.form().index();
        for sub in conn
            .subs
            .as_slice()
            .iter()
            .filter(|sub| sub.index != WAITING)
        {
            let feed = topics
                .get(sub.topic)
                .map(|topic| topic.feeds[form] as usize);
            if let Some(feed) = feed.and_then(|feed| feeds.get_mut(feed)) {
                let head = feed.log.head();
                let member = &mut feed.members[sub.index as usize];
                member.set(APART, apart);
                member.set_cursor(head);
            }
        }
    }

    /// Makes a connection a member of a live topic.
    fn join(&mut self, key: u32, topic_key: u32) {
        let Self {
            conns,
            topics,
            feeds,
            ..
        } = self;
        let (Some(conn), Some(topic)) = (conns.get_mut(key as usize), topics.get_mut(topic_key))
        else {
            return;
        };
        let form = conn.form();
        let feed_key = &mut topic.feeds[form.index()];
        if *feed_key == NO_FEED {
            *feed_key = key32(feeds.insert(Feed::new(form, topic_key)));
        }
        let Some(feed) = feeds.get_mut(*feed_key as usize) else {
            return;
        };
        let mut member = Member::new(conn.sock, key, feed.log.head());
        // What is in the outbox goes before what the topic brings.
        member.set(HELD, conn.is(DIRTY | BLOCKED | CORKED));
        member.set(APART, conn.is(CORKED));
        member.set(SHARED, matches!(conn.subs, Subs::Many(_)));
        let index = feed.join(member);
        if conn.is(BLOCKED) {
            feed.set_blocked(index, true);
        }
        conn.subs.set_index(topic_key, key32(index));
    }

    /// Keeps the members' mark of a connection with several subscriptions in step.
    fn mark_shared(&mut self, key: u32) {
        let Self {
            conns,
            topics,
            feeds,
            ..
        } = self;
        let Some(conn) = conns.get(key as usize) else {
            return;
        };
        let shared = matches!(conn.subs, Subs::Many(_));
        let form = conn.form().index();
        for sub in conn
            .subs
            .as_slice()
            .iter()
            .filter(|sub| sub.index != WAITING)
        {
            let feed = topics
                .get(sub.topic)
                .map(|topic| topic.feeds[form] as usize);
            if let Some(feed) = feed.and_then(|feed| feeds.get_mut(feed)) {
                feed.members[sub.index as usize].set(SHARED, shared);
            }
        }
    }

    fn add_topic(&mut self, name: &str) -> u32 {
        let home = self.home_of(name);
        let key = self.topics.add(name, home);
        let own = home == self.shard;
        let Some(topic) = self.topics.get_mut(key) else {
            return key;
        };
        if own {
            topic.live = true;
            let interest = Interest {
                shard: home,
                key,
                generation: topic.generation,
            };
            self.homes.add(&topic.name, interest);
        } else {
            self.mail[usize::from(home)]
                .wanted
                .push_back((key, topic.generation));
        }
        key
    }

    /// Forgets the topics that have had no subscriber for a while.
    pub(super) fn forget_topics(&mut self, budget: usize) {
        let linger = self.config.interest_linger;
        for _ in 0..budget {
            let front = self.fading.front().copied();
            let Some((key, topic)) = front.and_then(|key| Some((key, self.topics.get_mut(key)?)))
            else {
                return;
            };
            if topic.subscribers == 0 && self.now < topic.left_at.plus(linger) {
                return;
            }
            topic.fading = false;
            let idle = topic.subscribers == 0;
            self.fading.pop_front();
            if idle && let Some(topic) = self.topics.remove(key) {
                self.forget(key, topic);
            }
        }
    }

    /// When `forget_topics` has something to do next.
    pub(super) fn fade_deadline(&self) -> Option<Now> {
        let topic = self.topics.get(*self.fading.front()?)?;
        Some(topic.left_at.plus(self.config.interest_linger))
    }

    fn forget(&mut self, key: u32, topic: Topic) {
        // Its log may be what somebody waited for, and no walk will say that it is gone.
        self.moved = true;
        for feed in topic.feeds.into_iter().filter(|&feed| feed != NO_FEED) {
            if let Some(mut feed) = self.feeds.try_remove(feed as usize) {
                feed.log.clear(&mut self.pool);
            }
        }
        let interest = Interest {
            shard: self.shard,
            key,
            generation: topic.generation,
        };
        if topic.home == self.shard {
            self.homes.remove(&topic.name, interest);
        } else {
            self.mail[usize::from(topic.home)]
                .unwanted
                .push_back((topic.name, interest));
        }
    }

    /// Tells the peers what is wanted and what not any more, as far as there is room.
    pub(super) fn mail_interest(&mut self) {
        let Self {
            mail,
            topics,
            shard,
            ..
        } = self;
        let want = |(key, generation)| {
            let topic = topics.current(key, generation)?.name.clone();
            let shard = *shard;
            let interest = Interest {
                shard,
                key,
                generation,
            };
            Some(ToHome::Want { topic, interest })
        };
        for peer in mail.iter_mut().filter(|peer| peer.has_interest()) {
            while peer.has_interest() && peer.to_home.has_room() {
                let wanted = peer.wanted.pop_front();
                let unwanted = || {
                    let (topic, interest) = peer.unwanted.pop_front()?;
                    Some(ToHome::Unwant { topic, interest })
                };
                let mail = wanted.map_or_else(unwanted, want);
                if let Some(mail) = mail {
                    peer.to_home.push(mail);
                }
            }
        }
    }
}
