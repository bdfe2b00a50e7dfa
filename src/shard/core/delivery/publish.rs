//! Publishing: from the connections, rooms and ticks of this shard to the home of a topic; the
//! order of its messages, set there: each goes to all shards that want it, or to none while one
//! has no space; and from there into the logs of its subscribers.

use std::sync::Arc;

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::handler::{Busy, PublishError, Wait};
use crate::id::TopicKey;
use crate::limits::BYTES_PER_WORK;
use crate::payload::{Form, Payload};
use crate::shard::core::shard::Shard;
use crate::shard::mail::{FromHome, Origin, Publication};
use crate::topic::Topic;
use crate::topic::home::{DedupKey, Interest, RoomSlot};

/// What became of a publication at the home of its topic.
pub(crate) enum Admission {
    /// It has its place in the order, now or by an earlier publication with its key.
    Ordered,
    /// There is no space for it.
    Full(Publication),
    /// The topic has a room, or the application was not asked yet whether it has one.
    Room(Publication),
}

impl<D, A> Shard<D, A> {
    /// Publishes a message of this shard.
    pub(crate) fn publish<B>(
        &mut self,
        topic: &Topic,
        payload: Payload<B>,
        origin: Origin,
        key: Option<DedupKey>,
    ) -> Result<(), PublishError>
    where
        B: AsRef<[u8]> + Into<Arc<[u8]>> + Clone,
    {
        // One callback may publish to any number of topics.
        if self.env.work.is_overdrawn() {
            return Err(PublishError::Busy(Busy(Wait::Turn)));
        }
        let home = topic.home(self.env.shards);
        if home == self.env.shard && self.pubsub.is_ordered_at_once(topic, key) {
            self.order(topic, &payload).map_err(PublishError::Busy)?;
        } else {
            let len = payload.bytes.as_ref().len();
            self.pubsub
                .check_way(&self.env, home, topic)
                .map_err(PublishError::Busy)?;
            self.pubsub.send_to_home(
                &self.env,
                home,
                Publication {
                    topic: topic.clone(),
                    payload: payload.shared(),
                    origin,
                    key,
                },
            );
            if home != self.env.shard {
                self.env.work.charge(len / BYTES_PER_WORK);
            }
        }
        self.env.counters.published += 1;
        Ok(())
    }

    /// As the home of its topic: takes a publication into the topic's order, unless that is for a
    /// room to decide.
    pub(crate) fn admit(&mut self, publication: Publication) -> Admission {
        if self
            .pubsub
            .homes
            .is_duplicate(publication.key, self.env.now)
        {
            return Admission::Ordered;
        }
        if self.pubsub.homes.room(&publication.topic) != RoomSlot::Empty {
            return Admission::Room(publication);
        }
        match self.order_publication(publication) {
            Some(publication) => Admission::Full(publication),
            None => Admission::Ordered,
        }
    }

    /// Takes a publication into the order of its topic, which is without a room; gives it back
    /// while there is no space for it.
    pub(crate) fn order_publication(&mut self, publication: Publication) -> Option<Publication> {
        let ordered = self.order(&publication.topic, &publication.payload);
        if ordered.is_err() {
            return Some(publication);
        }
        self.pubsub.homes.note_key(publication.key, self.env.now);
        None
    }

    /// As the home of `topic`: puts a message in its order and passes it to every shard that
    /// wants it, or to none while one of them has no space.
    pub(crate) fn order<B>(&mut self, topic: &Topic, payload: &Payload<B>) -> Result<(), Busy>
    where
        B: AsRef<[u8]> + Into<Arc<[u8]>> + Clone,
    {
        let recipients = self.pubsub.homes.take_recipients(topic);
        let has_space = self.has_space(&recipients, payload.borrowed());
        if has_space {
            self.pass_on(&recipients, payload);
        }
        self.pubsub.homes.give_recipients(recipients);
        has_space
            .then_some(())
            .ok_or_else(|| Busy::at(self.env.shard))
    }

    /// Whether `order` would take a message now.
    pub(crate) fn has_space_for(&mut self, topic: &Topic, payload: Payload<&[u8]>) -> bool {
        let recipients = self.pubsub.homes.take_recipients(topic);
        let has_space = self.has_space(&recipients, payload);
        self.pubsub.homes.give_recipients(recipients);
        has_space
    }

    fn has_space(&mut self, recipients: &[Interest], payload: Payload<&[u8]>) -> bool {
        recipients.iter().all(|recipient| {
            if recipient.shard == self.env.shard {
                self.has_log_space(recipient.key, recipient.generation, payload)
            } else {
                let mail = &mut self.pubsub.mail[recipient.shard.index()];
                mail.from_home.has_space()
            }
        })
    }

    fn pass_on<B>(&mut self, recipients: &[Interest], payload: &Payload<B>)
    where
        B: AsRef<[u8]> + Into<Arc<[u8]>> + Clone,
    {
        // Copied for the first peer, if it was not before.
        let mut shared = None;
        for &Interest {
            shard,
            key,
            generation,
        } in recipients
        {
            if shard == self.env.shard {
                self.append(key, generation, payload.borrowed());
                continue;
            }
            let shared: &Payload = shared.get_or_insert_with(|| payload.clone().shared());
            let deliver = FromHome::Deliver {
                key,
                generation,
                payload: shared.clone(),
            };
            self.pubsub.mail[shard.index()].from_home.push(deliver);
        }
        self.env.counters.ordered += 1;
    }

    /// Takes mail from a home, or gives it back while there is no space for it in a log that
    /// members still read.
    pub(crate) fn take_from_home(&mut self, mail: FromHome) -> Option<FromHome> {
        match mail {
            FromHome::Live {
                key,
                generation,
                joins,
            } => {
                self.pubsub
                    .topic_is_live(&mut self.conns, &mut self.env, key, generation, joins);
                None
            }
            FromHome::Joined { conn, key, ticket } => {
                self.pubsub
                    .joined(&mut self.conns, &mut self.env, conn, key, ticket);
                None
            }
            FromHome::Entered { conn, is_refused } => {
                self.user_entered(conn, is_refused);
                None
            }
            FromHome::Displaced { conn } => {
                self.displace(conn);
                None
            }
            FromHome::Order(order) => self.take_order(order).map(FromHome::Order),
            FromHome::Passed { home, round } => {
                self.pubsub.barrier.note_passed(home, round);
                None
            }
            FromHome::Deliver {
                key,
                generation,
                payload,
            } => {
                if !self.has_log_space(key, generation, payload.borrowed()) {
                    return Some(FromHome::Deliver {
                        key,
                        generation,
                        payload,
                    });
                }
                self.append(key, generation, payload.borrowed());
                None
            }
            FromHome::Send {
                conn,
                payload,
                is_welcome,
            } => {
                self.send_to(conn, &payload, is_welcome);
                None
            }
        }
    }

    /// Whether the topic's logs take a message without letting go of anything that a member whose
    /// socket is not blocked has still to get, and there is time to encode it.
    pub(crate) fn has_log_space(
        &mut self,
        key: TopicKey,
        generation: u32,
        payload: Payload<&[u8]>,
    ) -> bool {
        if self.pubsub.fanout.current(key, generation).is_none() {
            return true;
        }
        let len = payload.bytes.len();
        if !self.has_time_to_compress(key, len) || !self.has_backlog_space(len) {
            return false;
        }
        let space = self
            .pubsub
            .fanout
            .make_space(key, payload, &self.env.config);
        self.apply_overruns();
        if let Err(form) = space {
            self.end_early(key, form);
        }
        space.is_ok()
    }

    /// Ends connections that have joined a topic whose log needs space, and are corked: nothing was
    /// promised to them yet, and what they wait for may be behind the mail that needs the space.
    fn end_early(&mut self, topic: TopicKey, form: Form) {
        for key in self.pubsub.early_behind(&self.conns, topic, form) {
            self.kill(key, CloseReason::Overload);
        }
    }

    /// Whether the turn has time to compress a message of `len` bytes, if subscribers of the topic
    /// want that; if not, the next one has, and comes at once.
    fn has_time_to_compress(&mut self, topic: TopicKey, len: usize) -> bool {
        if self.env.work.has_time_to_compress() {
            return true;
        }
        let waits = self.pubsub.fanout.compresses(topic, len);
        if waits {
            self.env.moved = true;
            self.env.counters.hit(Limit::CompressTime);
        }
        !waits
    }

    /// Gives a message to the subscribers of a topic here, after `has_log_space` said yes.
    pub(crate) fn append(&mut self, key: TopicKey, generation: u32, payload: Payload<&[u8]>) {
        if self.pubsub.fanout.current(key, generation).is_none() {
            return;
        }
        let appended = self.pubsub.fanout.append(key, payload, self.env.now);
        self.env.counters.messages_out += appended.members;
        self.env.counters.not_carried += appended.not_carried;
        self.env.work.charge(appended.work);
        self.env.work.charge_compression(appended.compression);
    }
}
