//! Interest: which topics this shard wants of their homes, from the first subscriber to a while
//! after the last.

use std::time::Duration;

use crate::handler::TopicEvent;
use crate::id::{ShardId, TopicKey};
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::{PubSub, RoomWork};
use crate::shard::mail::{FromHome, Outgoing, PeerMail, ToHome};
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::home::{Edge, Interest, RoomSlot};
use crate::topic::patterns::TopicPattern;

impl PubSub {
    /// Adds a topic with its first subscriber here, of which its home is to learn.
    pub(crate) fn add_topic(&mut self, env: &Env, topic: &Topic) -> TopicKey {
        let home = topic.home(env.shards);
        let key = self.fanout.add(topic, home);
        let Some(local) = self.fanout.topic(key) else {
            return key;
        };
        let (generation, interest) = (local.generation, local.interest(home, key));
        if home != env.shard {
            let mail = &mut self.mail[home.index()];
            mail.wanted.push_back((key, generation));
            return key;
        }
        self.want(env, topic, interest);
        if self.homes.room(topic) == RoomSlot::Unasked {
            // The handler is asked when no callback runs; then it is live.
            self.room_work.push_back(RoomWork::Wanted(topic.clone()));
        } else if !self.waits_for_engine(topic, interest) {
            let joins = self.wants_joins(topic);
            self.fanout.set_live(key, joins);
        }
        key
    }

    /// As the home of a topic: a shard wants its messages.
    pub(crate) fn want(&mut self, env: &Env, topic: &Topic, interest: Interest) {
        if self.homes.want(topic, interest) != Some(Edge::First) {
            return;
        }
        self.tell_topic(topic, TopicEvent::Occupied);
        let namespaces = &env.config.namespaces;
        if namespaces.counts_clients()
            && let Some(settings) = self.homes.settings(topic, namespaces)
            && settings.counts_clients()
        {
            self.clients.begin(topic);
        }
    }

    /// Whether a topic at home here is told of joins: for its room, or to count its clients.
    pub(crate) fn wants_joins(&self, topic: &Topic) -> bool {
        let room = self.homes.room(topic);
        matches!(room, RoomSlot::Room { joins: true, .. }) || self.clients.has(topic)
    }

    /// Forgets the topics that have had no subscriber for `linger`; looks at no more than `budget`.
    pub(super) fn forget_topics(&mut self, env: &mut Env, linger: Duration, mut budget: usize) {
        while let Some((key, local)) = self.fanout.forget_next(env.now, linger, &mut budget) {
            // Its log may be what a publisher waits for, and no walk will say that it is gone.
            env.moved = true;
            if local.is_of_events {
                // No home knows of it.
                continue;
            }
            let interest = local.interest(env.shard, key);
            if let Some(pattern) = TopicPattern::of(&local.topic) {
                self.forget_pattern(env, &pattern, interest);
            } else if local.home == env.shard {
                self.remove_interest(env.now, &local.topic, interest);
            } else {
                let mail = &mut self.mail[local.home.index()];
                mail.unwanted.push_back((local.topic, interest));
            }
        }
    }

    /// Tells the peers which topics are wanted and which not any more, which connections their
    /// users have, and which of theirs gave way; as far as there is space.
    pub(crate) fn mail_interest(&mut self, env: &Env) {
        let Self { mail, fanout, .. } = self;
        let want = |(key, generation)| {
            let local = fanout.current(key, generation)?;
            let interest = local.interest(env.shard, key);
            let topic = local.topic.clone();
            Some(ToHome::Want { topic, interest })
        };
        let own = env.shard.index();
        let peers = mail.iter_mut().enumerate();
        let has_any = |peer: &PeerMail| peer.has_interest() || !peer.displaced.is_empty();
        for (_, peer) in peers.filter(|(at, peer)| *at != own && has_any(peer)) {
            while peer.has_interest() && peer.to_home.has_space() {
                // In this order: one that has joined leaves before its topic is not wanted.
                let mail = if let Some((_, user)) = peer.users.pop_first() {
                    Some(user)
                } else if let Some(wanted) = peer.wanted.pop_front() {
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
            while !peer.displaced.is_empty() && peer.from_home.has_space() {
                let displaced = peer.displaced.pop_front();
                let mail = displaced.map(|conn| FromHome::Displaced { conn });
                mail.into_iter().for_each(|mail| peer.from_home.push(mail));
            }
        }
    }

    /// Whether a shard can be answered now.
    pub(crate) fn can_answer(&mut self, env: &Env, shard: ShardId) -> bool {
        shard == env.shard || self.mail[shard.index()].from_home.has_space()
    }

    /// Tells a shard that its interest in a topic is known, after `can_answer` said yes.
    pub(crate) fn answer_want(&mut self, interest: Interest, joins: bool) {
        let Interest {
            shard,
            key,
            generation,
            ..
        } = interest;
        let live = FromHome::Live {
            key,
            generation,
            joins,
        };
        self.mail[shard.index()].from_home.push(live);
    }

    pub(crate) fn remove_interest(&mut self, now: Now, topic: &Topic, interest: Interest) {
        let edge = self.homes.unwant(topic, interest);
        if edge != Some(Edge::Last) {
            return;
        }
        if let Some(shared) = &mut self.shared {
            shared.release(topic, now);
        }
        self.tell_topic(topic, TopicEvent::Vacated);
        self.clients.end(topic);
        if let RoomSlot::Room { key, .. } = self.homes.room(topic) {
            self.room_work.push_back(RoomWork::Empty(key));
        }
    }

    fn tell_topic(&mut self, topic: &Topic, event: TopicEvent) {
        if self.tells_topics {
            let event = RoomWork::Event(topic.clone(), event);
            self.room_work.push_back(event);
        }
    }

    /// The mail for a shard from the homes here.
    pub(crate) fn lane_to(&mut self, shard: ShardId) -> Option<&mut Outgoing<FromHome>> {
        Some(&mut self.mail.get_mut(shard.index())?.from_home)
    }
}
