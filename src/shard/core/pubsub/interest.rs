//! Interest: which topics this shard wants of their homes, from the first subscriber to a while
//! after the last.

use std::sync::Arc;

use crate::shard::core::app::rooms::RoomWork;
use crate::shard::core::inner::Inner;
use crate::shard::mail::ToHome;
use crate::time::Now;
use crate::topic::home::{Interest, Keeps};
use crate::topic::local::Topic;

impl<D, A> Inner<D, A> {
    pub(crate) fn add_topic(&mut self, name: &str) -> u32 {
        let home = self.home_of(name);
        let key = self.topics.add(name, home);
        let own = home == self.shard;
        let Some(topic) = self.topics.get_mut(key) else {
            return key;
        };
        if own {
            let interest = Interest {
                shard: home,
                key,
                generation: topic.generation,
            };
            match self.homes.add(&topic.name, interest) {
                // The handler is asked when no callback runs; then it is live.
                Keeps::Unasked => {
                    let work = RoomWork::Wanted(Arc::clone(&topic.name));
                    self.room_work.push_back(work);
                }
                Keeps::Nothing => topic.live = true,
                Keeps::Room { joins, .. } => (topic.live, topic.joins) = (true, joins),
            }
        } else {
            self.mail[usize::from(home)]
                .wanted
                .push_back((key, topic.generation));
        }
        key
    }

    /// Forgets the topics that have had no subscriber for a while.
    pub(crate) fn forget_topics(&mut self, budget: usize) {
        let linger = self.config.interest_linger;
        for _ in 0..budget {
            let Some(&(key, since)) = self.fading.front() else {
                return;
            };
            if self.now < since.plus(linger) {
                return;
            }
            self.fading.pop_front();
            let Some(topic) = self.topics.get_mut(key) else {
                continue;
            };
            topic.fading = topic.subscribers == 0;
            if topic.fading && since < topic.left_at {
                // Somebody was there in between. Behind the others, so that nobody who comes and
                // goes can keep those from being forgotten.
                self.fading.push_back((key, topic.left_at));
            } else if topic.fading
                && let Some(topic) = self.topics.remove(key)
            {
                self.forget(key, topic);
            }
        }
    }

    /// When `forget_topics` has something to do next.
    pub(crate) fn fade_deadline(&self) -> Option<Now> {
        let (_, since) = self.fading.front()?;
        Some(since.plus(self.config.interest_linger))
    }

    fn forget(&mut self, key: u32, topic: Topic) {
        // Its log may be what somebody waited for, and no walk will say that it is gone.
        self.moved = true;
        let mut next = topic.first_feed;
        while let Some(mut feed) = self.feeds.try_remove(next as usize) {
            feed.log.clear(&mut self.pool);
            next = feed.next;
        }
        let interest = Interest {
            shard: self.shard,
            key,
            generation: topic.generation,
        };
        if topic.home == self.shard {
            self.remove_interest(&topic.name, interest);
        } else {
            self.mail[usize::from(topic.home)]
                .unwanted
                .push_back((topic.name, interest));
        }
    }

    /// Tells the peers what is wanted and what not any more, as far as there is room.
    pub(crate) fn mail_interest(&mut self) {
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
        let own = usize::from(*shard);
        let peers = mail.iter_mut().enumerate();
        for (_, peer) in peers.filter(|(at, peer)| *at != own && peer.has_interest()) {
            while peer.has_interest() && peer.to_home.has_room() {
                // In this order: one that has joined leaves before its topic is not wanted.
                let mail = if let Some(wanted) = peer.wanted.pop_front() {
                    want(wanted)
                } else if let Some((_, (topic, presence))) = peer.presence.pop_first() {
                    Some(ToHome::Presence { topic, presence })
                } else {
                    let unwanted = peer.unwanted.pop_front();
                    unwanted.map(|(topic, interest)| ToHome::Unwant { topic, interest })
                };
                if let Some(mail) = mail {
                    peer.to_home.push(mail);
                }
            }
        }
    }
}
