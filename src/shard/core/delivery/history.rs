//! Questions about the history of a topic: to its home, and answered there.

use crate::handler::Wait;
use crate::handler::{Busy, HistoryError, HistoryPage, PublishError, TopicHistory};
use crate::limits::{WORK_OF_MESSAGE, WORK_OF_PASS, WORK_OF_STEP};
use crate::shard::core::shard::Shard;
use crate::shard::mail::{HistoryAct, HistoryQuestion, ToHome};
use crate::topic::Topic;

impl<D, A> Shard<D, A> {
    /// Asks the home of a topic about its history.
    pub(crate) fn ask_history(&mut self, question: HistoryQuestion) -> Result<(), PublishError> {
        // One callback may ask any number of questions.
        if self.env.work.is_overdrawn() {
            return Err(PublishError::Busy(Busy(Wait::Turn)));
        }
        let home = question.topic.home(self.env.shards);
        if home == self.env.shard {
            return self.pubsub.ask_own_history(question);
        }
        let lane = &mut self.pubsub.mail[home.index()].to_home;
        if !lane.has_space() {
            return Err(PublishError::Busy(Busy::at(home)));
        }
        lane.push(ToHome::History(Box::new(question)));
        self.env.work.charge(WORK_OF_MESSAGE);
        Ok(())
    }

    /// Answers what this shard has asked of its own topics, behind what it has published there.
    pub(crate) fn answer_own_histories(&mut self) {
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
                self.answer_history(question);
            }
        }
    }

    /// As the home of a topic: answers what is asked about its history.
    pub(crate) fn answer_history(&mut self, question: HistoryQuestion) {
        let HistoryQuestion { topic, act, reply } = question;
        let answer = self.do_with_history(&topic, act);
        let entries = answer.as_ref().map_or(0, |page| page.messages().len());
        let passed = self.pubsub.history.take_passed();
        let work = entries * WORK_OF_STEP + passed * WORK_OF_PASS;
        self.env.work.charge(WORK_OF_MESSAGE + work);
        reply.give(answer);
    }

    fn do_with_history(
        &mut self,
        topic: &Topic,
        act: HistoryAct,
    ) -> Result<HistoryPage, HistoryError> {
        let mut history = TopicHistory {
            topic,
            settings: self.env.config.namespaces.of(topic.name()),
            history: &mut self.pubsub.history,
            now: self.env.now,
        };
        match act {
            HistoryAct::Read(filter) => history.read(filter),
            HistoryAct::Remove => history.remove(),
        }
    }
}
