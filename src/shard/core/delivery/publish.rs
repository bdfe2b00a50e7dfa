//! Publishing: from the connections, rooms and ticks of this shard to the home of a topic, and the
//! order of its messages, set there: each goes to all shards that want it, or to none.

use std::sync::Arc;

use crate::config::SettingsKey;
use crate::handler::{Busy, Extras, Publish, PublishError, Publisher, Wait};
use crate::limits::BYTES_PER_WORK;
use crate::payload::{Entry, Extra, Payload, PayloadBytes};
use crate::position::Position;
use crate::shard::core::delivery::ordered::Ordered;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{FromHome, Origin, Publication};
use crate::topic::Topic;
use crate::topic::home::{Interest, RoomSlot};

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
    pub(crate) fn publish<B: PayloadBytes>(
        &mut self,
        topic: &Topic,
        payload: Payload<B>,
        origin: Origin,
        publish: Publish<'_>,
    ) -> Result<(), PublishError> {
        // One callback may publish to any number of topics.
        if self.env.work.is_overdrawn() {
            return Err(PublishError::Busy(Busy(Wait::Turn)));
        }
        let mut extras = publish.into_extras(topic);
        let once = extras.as_ref().and_then(|extras| extras.once);
        let home = topic.home(self.env.shards);
        if home == self.env.shard && self.pubsub.is_ordered_at_once(topic, once) {
            let ordered = self.order(topic, &payload, &mut extras, origin.publisher());
            let position = ordered.map_err(PublishError::Busy)?;
            self.tell_position(extras.as_deref_mut(), position);
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
                    extras,
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
    pub(crate) fn admit(&mut self, mut publication: Publication) -> Admission {
        if self.pubsub.homes.room(&publication.topic) != RoomSlot::Empty {
            return Admission::Room(publication);
        }
        if self.is_repeated(&mut publication) {
            return Admission::Ordered;
        }
        match self.order_publication(publication) {
            Some(publication) => Admission::Full(publication),
            None => Admission::Ordered,
        }
    }

    /// Whether a publication has come with its key before, within the window. Its publisher is told
    /// the position of the first: at the topic's tick, if that is held.
    pub(crate) fn is_repeated(&mut self, publication: &mut Publication) -> bool {
        let Publication { topic, extras, .. } = publication;
        let Some(extras) = extras.as_deref_mut() else {
            return false;
        };
        // Of a shared topic, the engine knows.
        let Some(key) = extras.once.filter(|_| !self.pubsub.is_shared(topic)) else {
            return false;
        };
        let (homes, held) = (&mut self.pubsub.homes, &mut self.pubsub.held);
        let Some(position) = homes.find_key(key, self.env.now) else {
            return false;
        };
        match held.with_key(topic, key).filter(|_| position.is_none()) {
            Some(first) => first.repeat(extras),
            None => extras.tell(position),
        }
        true
    }

    /// Takes a publication into the order of its topic, which is without a room; gives it back
    /// while there is no space for it.
    pub(crate) fn order_publication(
        &mut self,
        mut publication: Publication,
    ) -> Option<Publication> {
        let Publication {
            topic,
            payload,
            extras,
            origin,
        } = &mut publication;
        let Ok(position) = self.order(topic, payload, extras, origin.publisher()) else {
            return Some(publication);
        };
        self.tell_position(extras.as_deref_mut(), position);
        None
    }

    /// A message has its place: notes its position for repeats, and tells it to its publisher.
    pub(super) fn tell_position(
        &mut self,
        extras: Option<&mut Extras>,
        position: Option<Position>,
    ) {
        if let Some(extras) = extras {
            let homes = &mut self.pubsub.homes;
            homes.note_key(extras.once, position, self.env.now);
            extras.tell(position);
        }
    }

    /// As the home of `topic`: puts a message in its order and passes it to every shard that
    /// wants it, or to none while one of them has no space; or holds it until the topic's tick,
    /// with its extras. Returns its position, if it has one now.
    pub(crate) fn order<B: PayloadBytes>(
        &mut self,
        topic: &Topic,
        payload: &Payload<B>,
        extras: &mut Option<Box<Extras>>,
        publisher: Option<Publisher>,
    ) -> Result<Option<Position>, Busy> {
        let namespaces = &self.env.config.namespaces;
        let (recipients, settings) = self.pubsub.homes.take_recipients(topic, namespaces);
        if self.is_held(topic, settings) {
            self.pubsub.homes.give_recipients(recipients);
            return self.hold(topic, settings, payload, extras, publisher);
        }
        self.order_for(topic, payload, extras, publisher, recipients, settings)
    }

    /// The same, whatever the topic's tick.
    pub(super) fn order_now<B: PayloadBytes>(
        &mut self,
        topic: &Topic,
        payload: &Payload<B>,
        extras: &mut Option<Box<Extras>>,
        publisher: Option<Publisher>,
    ) -> Result<Option<Position>, Busy> {
        let namespaces = &self.env.config.namespaces;
        let (recipients, settings) = self.pubsub.homes.take_recipients(topic, namespaces);
        self.order_for(topic, payload, extras, publisher, recipients, settings)
    }

    fn order_for<B: PayloadBytes>(
        &mut self,
        topic: &Topic,
        payload: &Payload<B>,
        extras: &mut Option<Box<Extras>>,
        publisher: Option<Publisher>,
        recipients: Vec<Interest>,
        settings: SettingsKey,
    ) -> Result<Option<Position>, Busy> {
        if self.pubsub.is_shared(topic) {
            self.pubsub.homes.give_recipients(recipients);
            return self.publish_outward(topic, payload, extras, publisher, settings);
        }
        let extras = extras.as_deref();
        let extra = extras.and_then(|extras| extras.extra.as_ref());
        let matches = self.take_matches(topic);
        let has_space = self.has_space(&recipients, settings, payload.borrowed(), extra)
            && self.has_space_for_matches(&matches);
        if has_space && self.env.is_traced() {
            self.env.trace_ordered(topic, payload.borrowed());
        }
        let ordered = has_space.then(|| {
            let settings = self.env.config.namespaces.at(settings);
            let (history, now) = (&mut self.pubsub.history, self.env.now);
            // Copied once, for the history or the first peer, if it was not before.
            let mut shared = None;
            let keep = || shared.insert(payload.clone().shared()).clone();
            let position = if extras.is_some_and(|extras| extras.skips_history) {
                history.pass_over(topic, settings, now)
            } else {
                history.place(topic, settings, keep, extra.cloned(), now)
            };
            let excluded = publisher.filter(|_| settings.excludes_publisher);
            let mut message = Ordered {
                topic,
                position,
                payload,
                shared,
                extra,
                excluded,
            };
            self.pass_on(&recipients, &matches, &mut message);
            if !matches.is_empty() {
                self.pass_on_matched(&recipients, &matches, &mut message);
            }
            position
        });
        self.pubsub.homes.give_recipients(recipients);
        self.pubsub.homes.give_matches(matches);
        ordered.ok_or_else(|| Busy::at(self.env.shard))
    }

    /// Whether `order` would take a message now.
    pub(crate) fn has_space_for(
        &mut self,
        topic: &Topic,
        payload: Payload<&[u8]>,
        extras: Option<&Extras>,
    ) -> bool {
        let extra = extras.and_then(|extras| extras.extra.as_ref());
        let namespaces = &self.env.config.namespaces;
        let (recipients, settings) = self.pubsub.homes.take_recipients(topic, namespaces);
        let matches = self.take_matches(topic);
        let has_space = self.has_space(&recipients, settings, payload, extra)
            && self.has_space_for_matches(&matches);
        self.pubsub.homes.give_recipients(recipients);
        self.pubsub.homes.give_matches(matches);
        has_space
    }

    pub(super) fn has_space(
        &mut self,
        recipients: &[Interest],
        settings: SettingsKey,
        payload: Payload<&[u8]>,
        extra: Option<&Arc<Extra>>,
    ) -> bool {
        let settings = self.env.config.namespaces.at(settings);
        let position = settings.history.is_some().then_some(Position::LONGEST);
        let entry = Entry::new(position, payload, extra.map(|extra| &**extra));
        recipients.iter().all(|recipient| {
            if recipient.shard == self.env.shard {
                let Interest {
                    key, generation, ..
                } = *recipient;
                self.has_log_space(key, generation, entry)
            } else {
                let mail = &mut self.pubsub.mail[recipient.shard.index()];
                mail.from_home.has_space()
            }
        })
    }

    pub(super) fn pass_on<B: PayloadBytes>(
        &mut self,
        recipients: &[Interest],
        matches: &[Interest],
        message: &mut Ordered<'_, B>,
    ) {
        for &Interest {
            shard,
            key,
            generation,
            ..
        } in recipients
        {
            let excluded = message.excluded_on(shard);
            if shard == self.env.shard {
                let turn = self.pubsub.fanout.turn();
                self.append(key, generation, message.entry(), turn, excluded);
                continue;
            }
            if matches.iter().any(|other| other.shard == shard) {
                // It goes with what is for those.
                continue;
            }
            let deliver = FromHome::Deliver {
                key,
                generation,
                position: message.position,
                payload: message.shared(),
                extra: message.extra.cloned(),
                excluded,
                ordered_at: self.pubsub.fanout.turn(),
            };
            self.pubsub.mail[shard.index()].from_home.push(deliver);
        }
        self.env.counters.ordered += 1;
    }
}
