//! Which topics are shared, and which of them are attached because shards want them.

use crate::position::Position;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::core::pubsub::shared::AttachState;
use crate::time::Now;
use crate::topic::Topic;
use crate::topic::home::{Interest, RoomSlot};

impl PubSub {
    /// Whether a topic is attached with this ticket, or is to be.
    pub(crate) fn is_attached(&self, topic: &Topic, ticket: u32) -> bool {
        let found = self.shared.as_ref().and_then(|it| it.topics.get(topic));
        found.is_some_and(|it| it.ticket == ticket && it.state != AttachState::New)
    }

    /// The engine has told a newer position of a topic.
    pub(crate) fn note_top(&mut self, topic: &Topic, top: Position) {
        let shared = self.shared.as_mut();
        if let Some(attachment) = shared.and_then(|it| it.topics.get_mut(topic)) {
            attachment.top = Some(top);
        }
    }

    /// The next shard that waits to be told that a topic is live.
    pub(crate) fn next_want(&self, topic: &Topic) -> Option<Interest> {
        let attachment = self.shared.as_ref()?.topics.get(topic)?;
        attachment.wants.last().copied()
    }

    /// It is told.
    pub(crate) fn pop_want(&mut self, topic: &Topic) {
        let shared = self.shared.as_mut();
        if let Some(attachment) = shared.and_then(|it| it.topics.get_mut(topic)) {
            attachment.wants.pop();
        }
    }

    /// What was asked of a topic is answered: it is detached if no shard wants it.
    pub(crate) fn release_unwanted(&mut self, env: &Env, topic: &Topic) {
        if let Some(shared) = &mut self.shared
            && !self.homes.is_wanted(topic)
        {
            shared.release(topic, env.now);
        }
    }

    /// Whether an engine sets the order of a topic at home here: it does where there is one, unless
    /// the topic is local by its settings, or has a room.
    pub(crate) fn is_shared(&self, topic: &Topic) -> bool {
        let Some(shared) = &self.shared else {
            return false;
        };
        shared.topics.contains_key(topic)
            || !topic.is_pattern()
                && !shared.namespaces.of(topic.name()).is_local
                && !matches!(self.homes.room(topic), RoomSlot::Room { .. })
    }

    /// Whether a shard has to wait until a topic is attached: then it is told when it is.
    pub(crate) fn waits_for_engine(&mut self, topic: &Topic, interest: Interest) -> bool {
        if !self.is_shared(topic) {
            return false;
        }
        let Some(shared) = &mut self.shared else {
            return false;
        };
        let is_live = shared.is_live(topic);
        let wants = &mut shared.attach(topic).wants;
        wants.retain(|other| other.shard != interest.shard);
        if !is_live {
            wants.push(interest);
        }
        !is_live
    }

    /// The same for the subscribers here.
    pub(crate) fn own_want_waits(&mut self, env: &Env, topic: &Topic) -> bool {
        let Some(key) = self.fanout.find(topic) else {
            return false;
        };
        let local = self.fanout.topic(key);
        let interest = local.map(|local| local.interest(env.shard, key));
        interest.is_some_and(|interest| self.waits_for_engine(topic, interest))
    }

    /// Tells the backplane which topics are wanted and which not any more.
    pub(crate) fn mail_attachments(&mut self, env: &Env) {
        let Self {
            shared, history, ..
        } = self;
        if let Some(shared) = shared {
            shared.tell(|topic| {
                let settings = env.config.namespaces.of(topic.name());
                (settings.history.clone(), history.top(topic))
            });
        }
    }

    /// Whether there is mail for the backplane, or some found no space.
    pub(in crate::shard::core::pubsub) fn is_outward_due(&self) -> bool {
        let shared = self.shared.as_ref();
        shared.is_some_and(|shared| shared.mail.is_due())
    }

    /// Detaches topics that nothing has wanted for a while; looks at no more than `budget`.
    pub(in crate::shard::core::pubsub) fn detach_idle(&mut self, env: &Env, budget: usize) {
        if let Some(shared) = &mut self.shared {
            shared.detach_idle(env.now, env.config.interest_linger, budget);
        }
    }

    /// When a topic is to be detached.
    pub(in crate::shard::core::pubsub) fn attachments_deadline(&self, env: &Env) -> Option<Now> {
        let shared = self.shared.as_ref()?;
        shared.deadline(env.config.interest_linger)
    }

    /// A shared topic has the position that the engine has told, though its ring may be gone.
    pub(crate) fn restore_position(&mut self, env: &Env, topic: &Topic) {
        let top = self.shared.as_ref().and_then(|shared| shared.top(topic));
        if let Some(top) = top {
            let settings = env.config.namespaces.of(topic.name());
            self.history.restore(topic, settings, top, env.now);
        }
    }
}
