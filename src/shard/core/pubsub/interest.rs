//! Interest: which topics this shard wants of their homes, from the first subscriber to a while
//! after the last.

use std::sync::Arc;

use crate::id::TopicKey;
use crate::shard::core::app::rooms::RoomWork;
use crate::shard::core::shard::Shard;
use crate::shard::mail::ToHome;
use crate::topic::home::{Interest, RoomSlot};

impl<D, A> Shard<D, A> {
    /// Adds a topic with its first subscriber here, of which its home is to learn.
    pub(crate) fn add_topic(&mut self, name: &str) -> TopicKey {
        let home = self.home_of(name);
        let key = self.fanout.add(name, home);
        let Some(topic) = self.fanout.topic(key) else {
            return key;
        };
        let (name, generation) = (Arc::clone(&topic.name), topic.generation);
        if home != self.env.shard {
            let mail = &mut self.mail[home.index()];
            mail.wanted.push_back((key, generation));
            return key;
        }
        let interest = Interest {
            shard: home,
            key,
            generation,
        };
        self.homes.want(&name, interest);
        match self.homes.room(&name) {
            // The handler is asked when no callback runs; then it is live.
            RoomSlot::Unasked => self.room_work.push_back(RoomWork::Wanted(name)),
            RoomSlot::Empty => drop(self.fanout.set_live(key, false)),
            RoomSlot::Room { joins, .. } => drop(self.fanout.set_live(key, joins)),
        }
        key
    }

    /// Forgets the topics that have had no subscriber for a while.
    pub(crate) fn forget_topics(&mut self, mut budget: usize) {
        let linger = self.env.config.interest_linger;
        while let Some((key, topic)) = self.fanout.forget_next(self.env.now, linger, &mut budget) {
            // Its log may be what a publisher waits for, and no walk will say that it is gone.
            self.env.moved = true;
            let interest = Interest {
                shard: self.env.shard,
                key,
                generation: topic.generation,
            };
            if topic.home == self.env.shard {
                self.remove_interest(&topic.name, interest);
            } else {
                let mail = &mut self.mail[topic.home.index()];
                mail.unwanted.push_back((topic.name, interest));
            }
        }
    }

    /// Tells the peers what is wanted and what not any more, as far as there is room.
    pub(crate) fn mail_interest(&mut self) {
        let Self {
            mail, fanout, env, ..
        } = self;
        let want = |(key, generation)| {
            let topic = fanout.current(key, generation)?.name.clone();
            let shard = env.shard;
            let interest = Interest {
                shard,
                key,
                generation,
            };
            Some(ToHome::Want { topic, interest })
        };
        let own = env.shard.index();
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
