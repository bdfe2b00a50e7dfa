//! Shared topics: what is published goes to the engine that sets their order, and comes back from
//! it in that order, to be passed on by the home as any message is.

use std::mem;

use crate::config::SettingsKey;
use crate::handler::{Busy, Extras, HistoryError, PublishError, Publisher, Wait};
use crate::id::TopicKey;
use crate::limits::{STAGED_MAX, WORK_OF_STEP};
use crate::payload::{Payload, PayloadBytes};
use crate::position::{Position, Since};
use crate::shard::core::delivery::ordered::Ordered;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{Arrival, Ask, Fill, FromHome, Inward, Outbound, Outward, Question};
use crate::topic::Topic;
use crate::topic::home::Interest;

impl<D, A> Shard<D, A> {
    /// Sends a message to the engine, which takes its extras and tells its publisher.
    pub(super) fn publish_outward<B: PayloadBytes>(
        &mut self,
        topic: &Topic,
        payload: &Payload<B>,
        extras: &mut Option<Box<Extras>>,
        publisher: Option<Publisher>,
        settings: SettingsKey,
    ) -> Result<Option<Position>, Busy> {
        let settings = self.env.config.namespaces.at(settings);
        let Some(shared) = &mut self.pubsub.shared else {
            return Ok(None);
        };
        if !shared.mail.has_space() {
            return Err(Busy::at(self.env.shard));
        }
        shared.mail.push(Outward::Publish(Box::new(Outbound {
            topic: topic.clone(),
            payload: payload.clone().shared(),
            excluded: publisher.filter(|_| settings.excludes_publisher),
            extras: extras.take(),
            history: settings.history.clone(),
        })));
        self.env.counters.outward += 1;
        Ok(None)
    }

    /// Takes mail of the engine, or gives it back while there is no space to pass it on.
    pub(crate) fn take_inward(&mut self, mail: Inward) -> Option<Inward> {
        match mail {
            Inward::Message(arrival) => self.take_arrival(arrival).map(Inward::Message),
            Inward::Attached {
                topic,
                ticket,
                fill,
            } => self
                .take_attached(&topic, ticket, fill.as_ref())
                .then_some({
                    Inward::Attached {
                        topic,
                        ticket,
                        fill: None,
                    }
                }),
            Inward::Refill {
                topic,
                ticket,
                fill,
            } => self.take_refill(topic, ticket, fill),
            Inward::Removed { topic, ticket } => {
                if self.pubsub.is_attached(&topic, ticket) {
                    self.pubsub.history.remove(&topic);
                }
                None
            }
        }
    }

    fn take_arrival(&mut self, arrival: Box<Arrival>) -> Option<Box<Arrival>> {
        let Arrival {
            topic,
            ticket,
            position,
            message,
            skips_history,
            excluded,
        } = &*arrival;
        if !self.pubsub.is_attached(topic, *ticket) {
            return None;
        }
        let namespaces = &self.env.config.namespaces;
        let (recipients, key) = self.pubsub.homes.take_recipients(topic, namespaces);
        let (payload, extra) = (&message.payload, message.extra.as_ref());
        let has_space = self.has_space(&recipients, key, payload.borrowed(), extra);
        if has_space {
            if self.env.is_traced() {
                self.env.trace_ordered(topic, payload.borrowed());
            }
            let settings = self.env.config.namespaces.at(key);
            if let Some(position) = *position {
                let (history, now) = (&mut self.pubsub.history, self.env.now);
                history.place_at(topic, settings, position, message, *skips_history, now);
                self.pubsub.note_top(topic, position);
            }
            let mut message = Ordered {
                topic,
                position: position.filter(|_| settings.history.is_some()),
                payload,
                shared: Some(payload.clone()),
                extra,
                excluded: *excluded,
            };
            self.pass_on(&recipients, &[], &mut message);
            self.env.counters.inward += 1;
        }
        self.pubsub.homes.give_recipients(recipients);
        (!has_space).then_some(arrival)
    }

    /// A topic is attached: shards and readers that have waited for that are answered. Returns
    /// whether there was no space for some answers.
    fn take_attached(&mut self, topic: &Topic, ticket: u32, fill: Option<&Fill>) -> bool {
        if !self.pubsub.is_attached(topic, ticket) {
            return false;
        }
        if let Some(fill) = fill {
            self.fill_history(topic, fill);
        }
        if let Some(shared) = &mut self.pubsub.shared {
            shared.note_live(topic);
        }
        while let Some(interest) = self.pubsub.next_want(topic) {
            if !self.pubsub.can_answer(&self.env, interest.shard) {
                return true;
            }
            self.pubsub.pop_want(topic);
            let joins = self.pubsub.wants_joins(topic);
            if interest.shard == self.env.shard {
                let Self {
                    pubsub, conns, env, ..
                } = self;
                pubsub.own_topic_is_live(conns, env, topic, joins);
            } else {
                self.pubsub.answer_want(interest, joins);
            }
        }
        self.answer_held(topic);
        // A connection may wait for one of these.
        self.env.moved = true;
        false
    }

    fn fill_history(&mut self, topic: &Topic, fill: &Fill) {
        let settings = self.env.config.namespaces.of(topic.name());
        let (history, now) = (&mut self.pubsub.history, self.env.now);
        let all = (fill.top, &*fill.entries);
        history.fill(topic, settings, all, fill.is_whole, now);
        self.pubsub.note_top(topic, fill.top);
        self.env.work.charge(fill.entries.len() * WORK_OF_STEP);
    }

    /// Takes what follows the last message: each as it would have come by itself, if none is
    /// missing. Otherwise subscribers begin anew.
    fn take_refill(&mut self, topic: Topic, ticket: u32, mut fill: Fill) -> Option<Inward> {
        if !self.pubsub.is_attached(&topic, ticket) {
            return None;
        }
        let Position { epoch, .. } = fill.top;
        if !fill.is_whole {
            if !self.tell_lost(&topic) {
                return Some(Inward::Refill {
                    topic,
                    ticket,
                    fill,
                });
            }
            let first = fill.entries.first().map_or(u64::MAX, |first| first.offset);
            let offset = first.saturating_sub(1).min(fill.top.offset);
            let settings = self.env.config.namespaces.of(topic.name());
            let (history, now) = (&mut self.pubsub.history, self.env.now);
            let before = (Position { epoch, offset }, &[][..]);
            history.fill(&topic, settings, before, false, now);
            fill.is_whole = true;
        }
        let mut entries = mem::take(&mut fill.entries).into_iter();
        while let Some(message) = entries.next() {
            let offset = message.offset;
            let before = Position {
                epoch,
                offset: offset.saturating_sub(1),
            };
            self.skip_to(&topic, before);
            let arrival = Box::new(Arrival {
                topic: topic.clone(),
                ticket,
                position: Some(Position { epoch, offset }),
                message,
                skips_history: false,
                excluded: None,
            });
            if let Some(arrival) = self.take_arrival(arrival) {
                fill.entries = [arrival.message].into_iter().chain(entries).collect();
                return Some(Inward::Refill {
                    topic,
                    ticket,
                    fill,
                });
            }
        }
        self.skip_to(&topic, fill.top);
        None
    }

    /// Tells all shards that want a topic that messages of it are missing, or none while one has no
    /// space; returns whether they are told.
    fn tell_lost(&mut self, topic: &Topic) -> bool {
        let namespaces = &self.env.config.namespaces;
        let (recipients, _) = self.pubsub.homes.take_recipients(topic, namespaces);
        let (pubsub, env) = (&mut self.pubsub, &self.env);
        let mut shards = recipients.iter().map(|recipient| recipient.shard);
        let has_space = shards.all(|shard| pubsub.can_answer(env, shard));
        for recipient in recipients.iter().filter(|_| has_space) {
            let (key, generation) = (recipient.key, recipient.generation);
            if recipient.shard == self.env.shard {
                self.lose_order(key, generation);
            } else if let Some(lane) = self.pubsub.lane_to(recipient.shard) {
                lane.push(FromHome::Lost { key, generation });
            }
        }
        self.pubsub.homes.give_recipients(recipients);
        has_space
    }

    /// What comes next of a topic does not follow what its subscribers here have: those that are
    /// told positions ask the home where they stand, and learn of the gap.
    pub(super) fn lose_order(&mut self, key: TopicKey, generation: u32) {
        if self.pubsub.fanout.current(key, generation).is_none() {
            return;
        }
        let Self {
            pubsub, conns, env, ..
        } = self;
        for conn in pubsub.fanout.positioned(key) {
            pubsub.fall_behind(conns, (conn, key), Since::Foreign);
            pubsub.mark_dirty(conns, conn);
            env.work.charge(WORK_OF_STEP);
        }
    }

    /// Messages up to here are not kept, and no subscriber gets them.
    fn skip_to(&mut self, topic: &Topic, top: Position) {
        let settings = self.env.config.namespaces.of(topic.name());
        let (history, now) = (&mut self.pubsub.history, self.env.now);
        history.fill(topic, settings, (top, &[]), true, now);
        self.pubsub.note_top(topic, top);
    }

    /// Answers a question about the history of a shared topic, now or when the topic is attached;
    /// gives back one of another topic.
    pub(super) fn answer_shared(&mut self, question: Question) -> Option<Question> {
        let is_of_history = matches!(question.ask, Ask::ReadHistory(..) | Ask::RemoveHistory(_));
        if !is_of_history || !self.pubsub.is_shared(&question.topic) {
            return Some(question);
        }
        let shared = self.pubsub.shared.as_mut()?;
        let Question { topic, ask } = question;
        let busy = Err(HistoryError::Publish(PublishError::Busy(Busy(Wait::Turn))));
        match ask {
            Ask::ReadHistory(..) if shared.is_live(&topic) => {
                self.pubsub.restore_position(&self.env, &topic);
                return Some(Question { topic, ask });
            }
            Ask::ReadHistory(_, reply) if STAGED_MAX <= shared.questions() => reply.give(busy),
            Ask::ReadHistory(..) => shared.hold(Question { topic, ask }),
            Ask::RemoveHistory(reply) if shared.mail.has_space() => {
                shared.mail.push(Outward::RemoveHistory { topic, reply });
            }
            Ask::RemoveHistory(reply) => reply.give(busy),
            Ask::Presence(_) | Ask::PresenceStats(_) => {}
        }
        None
    }

    /// A shard wants no messages of a topic any more.
    pub(crate) fn remove_interest(&mut self, topic: &Topic, interest: Interest) {
        let Self { env, pubsub, .. } = self;
        pubsub.remove_interest(env.now, topic, interest);
    }

    /// Answers what was asked of a topic's history before it was attached.
    fn answer_held(&mut self, topic: &Topic) {
        let Some(shared) = &mut self.pubsub.shared else {
            return;
        };
        for question in shared.take_questions(topic) {
            self.answer(question);
        }
        self.pubsub.release_unwanted(&self.env, topic);
    }
}
