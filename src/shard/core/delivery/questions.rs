//! Questions about topics: to their homes, and answered there.

use crate::handler::{
    Busy, HistoryError, HistoryPage, PresenceError, PresenceList, PublishError, TopicHistory, Wait,
};
use crate::limits::{STAGED_MAX, WORK_OF_MESSAGE, WORK_OF_PASS, WORK_OF_STEP};
use crate::shard::core::pubsub::PubSub;
use crate::shard::core::shard::Shard;
use crate::shard::core::work::Share;
use crate::shard::mail::{Ask, Question, ToHome};
use crate::topic::Topic;
use crate::topic::presence::PresenceStats;

impl<D, A> Shard<D, A> {
    /// Asks the home of a topic.
    pub(crate) fn ask_home(&mut self, question: Box<Question>) -> Result<(), PublishError> {
        // One callback may ask any number of questions.
        if self.env.work.is_overdrawn() {
            return Err(PublishError::Busy(Busy(Wait::Turn)));
        }
        let home = question.topic.home(self.env.shards);
        if home == self.env.shard {
            return self.ask_own_home(question);
        }
        if question.ask.is_of_clients() {
            // Joins and leaves of this shard go first.
            self.pubsub.mail_interest(&self.env);
        }
        let lane = &mut self.pubsub.mail[home.index()].to_home;
        if !lane.has_space() {
            return Err(PublishError::Busy(Busy::at(home)));
        }
        lane.push(ToHome::Ask(question));
        self.env.work.charge(WORK_OF_MESSAGE);
        Ok(())
    }

    fn ask_own_home(&mut self, question: Box<Question>) -> Result<(), PublishError> {
        let busy = PublishError::Busy(Busy(Wait::Turn));
        if question.ask.is_of_clients() {
            // Perhaps no other question comes in this turn.
            self.env.moved = true;
            return self.take_question(question).map_or(Ok(()), |_| Err(busy));
        }
        if STAGED_MAX <= self.pubsub.questions.len() {
            return Err(busy);
        }
        self.pubsub.questions.push_back(question);
        Ok(())
    }

    /// As the home of a topic: answers a question, or keeps one about clients until the mail of
    /// this turn is taken: what the home is told of them may be in the lanes of other shards. Gives
    /// it back if there is no space for it.
    pub(crate) fn take_question(&mut self, question: Box<Question>) -> Option<Box<Question>> {
        if !question.ask.is_of_clients() {
            self.answer(*question);
            return None;
        }
        let questions = &mut self.pubsub.client_questions;
        if STAGED_MAX <= questions.len() {
            return Some(question);
        }
        questions.push_back(question);
        None
    }

    /// Answers what this shard has asked of its own topics, behind what it has published there.
    pub(crate) fn answer_own_questions(&mut self) {
        for _ in 0..self.pubsub.questions.len() {
            if self.env.work.is_spent() {
                self.env.moved = true;
                return;
            }
            let Some(question) = self.pubsub.questions.pop_front() else {
                return;
            };
            if self.pubsub.room_queue.has(&question.topic) {
                self.pubsub.questions.push_back(question);
            } else {
                self.answer(*question);
            }
        }
    }

    /// Answers questions about clients and about the whole shard, all mail of the turn taken.
    pub(crate) fn answer_questions(&mut self) {
        self.env.work.enter(Share::Questions);
        self.answer_client_questions();
        self.go_on_with_censuses();
        self.go_on_with_looks();
        if self.env.is_traced() {
            self.env.give_traces();
        }
    }

    fn answer_client_questions(&mut self) {
        // Joins and leaves wait behind it.
        self.pass_announcement();
        for _ in 0..self.pubsub.client_questions.len() {
            let Some(question) = self.pubsub.client_questions.pop_front() else {
                return;
            };
            let is_told = self.pubsub.is_room_told(&self.env, &question.topic);
            if is_told && !self.env.work.is_spent() {
                self.answer(*question);
            } else {
                // What is not told yet waits for space, which brings the shard back.
                self.env.moved |= is_told;
                self.pubsub.client_questions.push_back(question);
            }
        }
    }

    pub(super) fn answer(&mut self, question: Question) {
        let Some(question) = self.answer_shared(question) else {
            return;
        };
        let Question { topic, ask } = question;
        let mut work = WORK_OF_MESSAGE;
        match ask {
            Ask::ReadHistory(filter, reply) => {
                let answer = self.topic_history(&topic).read(filter);
                work += self.work_of(&answer);
                reply.give(answer);
            }
            Ask::RemoveHistory(reply) => {
                let answer = self.topic_history(&topic).remove();
                work += self.work_of(&answer);
                reply.give(answer);
            }
            Ask::Presence(reply) => {
                let answer = self.stats_of(&topic).map(|stats| PresenceList {
                    clients: self.pubsub.clients.list(&topic),
                    stats,
                });
                let listed = answer.as_ref().map_or(0, |list| list.clients.len());
                work += listed * WORK_OF_STEP;
                reply.give(answer);
            }
            Ask::PresenceStats(reply) => reply.give(self.stats_of(&topic)),
        }
        self.env.work.charge(work);
    }

    fn topic_history<'t>(&'t mut self, topic: &'t Topic) -> TopicHistory<'t> {
        TopicHistory {
            topic,
            settings: self.env.config.namespaces.of(topic.name()),
            history: &mut self.pubsub.history,
            now: self.env.now,
        }
    }

    fn work_of(&mut self, answer: &Result<HistoryPage, HistoryError>) -> usize {
        let entries = answer.as_ref().map_or(0, |page| page.messages().len());
        let passed = self.pubsub.history.take_passed();
        entries * WORK_OF_STEP + passed * WORK_OF_PASS
    }

    /// How many clients a topic has, if its home knows all of them.
    fn stats_of(&self, topic: &Topic) -> Result<PresenceStats, PresenceError> {
        let PubSub { clients, homes, .. } = &self.pubsub;
        let settings = self.env.config.namespaces.of(topic.name());
        let are_known = clients.has(topic) || !homes.is_wanted(topic);
        let is_on = settings.presence && are_known;
        is_on
            .then(|| clients.stats(topic))
            .ok_or(PresenceError::Off)
    }
}
