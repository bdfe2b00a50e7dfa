//! What happens to clients of a topic, from its home to the subscribers that are told.

use std::sync::Arc;

use crate::id::{ConnectionId, TopicKey};
use crate::payload::{ClientEvent, Entry, Extra, Payload};
use crate::proto::Kind;
use crate::shard::core::pubsub::events::Announcement;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{Announced, FromHome};
use crate::topic::Topic;
use crate::topic::home::Interest;
use crate::topic::presence::ClientInfo;

/// An event has no payload.
const EMPTY: Payload<&[u8]> = Payload {
    kind: Kind::Text,
    bytes: b"",
};

impl<D, A> Shard<D, A> {
    /// As the home of a topic: counts a client, after `pass_announcement` said yes.
    pub(crate) fn count_client(&mut self, topic: &Topic, info: Option<&Arc<ClientInfo>>) {
        if let Some(info) = info
            && self.pubsub.clients.join(topic, Arc::clone(info))
        {
            self.announce(topic, info, ClientEvent::Joined);
        }
    }

    /// The same for one that has left. Whether it may have been one, as far as the home knows: one
    /// that was refused was none.
    pub(crate) fn forget_client(&mut self, topic: &Topic, client: ConnectionId) -> bool {
        if !self.pubsub.clients.has(topic) {
            return true;
        }
        let Some(info) = self.pubsub.clients.leave(topic, client) else {
            return false;
        };
        self.announce(topic, &info, ClientEvent::Left);
        if !self.pubsub.homes.is_wanted(topic) {
            self.pubsub.clients.end(topic);
        }
        true
    }

    /// Tells the subscribers of a topic of a client, if the topic does that.
    fn announce(&mut self, topic: &Topic, info: &ClientInfo, event: ClientEvent) {
        debug_assert!(self.pubsub.announcement.is_none());
        if self.announces(topic) {
            let announcement = Announcement::new(topic, info, event);
            self.pubsub.announcement = Some(announcement);
            self.pass_announcement();
        }
    }

    /// Whether the subscribers of a topic at home here are told of its clients.
    fn announces(&mut self, topic: &Topic) -> bool {
        let namespaces = &self.env.config.namespaces;
        namespaces.counts_clients()
            && self
                .pubsub
                .homes
                .settings(topic, namespaces)
                .is_some_and(|settings| settings.join_leave)
    }

    /// Passes on what is left to be told, to all shards or to none; `false` while one has no space.
    pub(crate) fn pass_announcement(&mut self) -> bool {
        let Some(announcement) = self.pubsub.announcement.take() else {
            return true;
        };
        let Announcement { topic, event } = &announcement;
        let namespaces = &self.env.config.namespaces;
        let (recipients, _) = self.pubsub.homes.take_recipients(topic, namespaces);
        let own = self.env.shard;
        let has_space = recipients.iter().all(|to| {
            if to.shard == own {
                return self.has_event_space(to.key, to.generation, event);
            }
            let mail = &mut self.pubsub.mail[to.shard.index()];
            mail.from_home.has_space()
        });
        if has_space {
            for to in &recipients {
                self.pass_event(*to, event);
            }
        }
        self.pubsub.homes.give_recipients(recipients);
        if !has_space {
            self.pubsub.announcement = Some(announcement);
        }
        has_space
    }

    fn pass_event(&mut self, to: Interest, event: &Arc<Extra>) {
        if to.shard == self.env.shard {
            return self.append_event(to.key, to.generation, event);
        }
        let announced = Announced {
            key: to.key,
            generation: to.generation,
            event: Arc::clone(event),
        };
        let lane = &mut self.pubsub.mail[to.shard.index()].from_home;
        lane.push(FromHome::Event(announced));
    }

    /// Takes what a home tells of a client, or gives it back while there is no space for it.
    pub(super) fn take_event(&mut self, announced: Announced) -> Option<Announced> {
        let Announced {
            key,
            generation,
            event,
        } = &announced;
        if !self.has_event_space(*key, *generation, event) {
            return Some(announced);
        }
        self.append_event(*key, *generation, event);
        None
    }

    /// Whether the logs of a topic's events take one more.
    fn has_event_space(&mut self, key: TopicKey, generation: u32, event: &Extra) -> bool {
        let events = self.events_of(key, generation);
        events.is_none_or(|(key, generation)| {
            let entry = Entry::new(None, EMPTY, Some(event));
            self.has_log_space(key, generation, entry)
        })
    }

    fn append_event(&mut self, key: TopicKey, generation: u32, event: &Extra) {
        if let Some((key, generation)) = self.events_of(key, generation) {
            let entry = Entry::new(None, EMPTY, Some(event));
            let turn = self.pubsub.fanout.turn();
            self.append(key, generation, entry, turn, None);
        }
    }

    /// The topic of another topic's events, if some subscribers here are told of these.
    fn events_of(&self, key: TopicKey, generation: u32) -> Option<(TopicKey, u32)> {
        let fanout = &self.pubsub.fanout;
        let events = fanout.find_events(&fanout.current(key, generation)?.topic)?;
        Some((events, fanout.topic(events)?.generation))
    }
}
