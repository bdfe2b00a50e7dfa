//! What readers ask, as far as few questions wait for Redis.

use std::time::Instant;

use crate::position::Position;
use crate::redis::commands::Job;
use crate::redis::engine::{Engine, QUESTIONS_MAX};
use crate::redis::reader::Action;
use crate::topic::Topic;

impl Engine {
    /// Does what a reader wants.
    pub(super) fn act(&mut self, topic: &Topic, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Deliver(mail) => self.deliver(mail),
                other => self.asked.push_back((topic.clone(), other)),
            }
        }
    }

    /// Asks what readers want to know, as far as few questions wait.
    pub(super) fn ask(&mut self) {
        while self.questions < QUESTIONS_MAX
            && let Some((topic, action)) = self.asked.pop_front()
        {
            let Some(channel) = self.channels.get_mut(topic.name()) else {
                continue;
            };
            let job = match (action, &channel.history) {
                (Action::Compare { turn }, _) => Job::Compare { topic, turn },
                (Action::Read { since, turn }, Some(history)) => Job::Read {
                    topic,
                    history: history.clone(),
                    since,
                    turn,
                },
                _ => continue,
            };
            self.questions += 1;
            self.give(job);
        }
    }

    pub(super) fn ask_again(&mut self, now: Instant) {
        while let Some((at, topic, turn)) = self.again.pop_front() {
            if now < at {
                return self.again.push_front((at, topic, turn));
            }
            let channel = self.channels.get_mut(topic.name());
            let action = channel.and_then(|it| it.reader.as_ref()?.again(turn));
            self.asked.extend(action.map(|action| (topic, action)));
        }
    }

    pub(super) fn compared(&mut self, topic: &Topic, turn: u32, top: Option<Position>) {
        self.with_reader(topic, |reader, found, out| {
            reader.compared(turn, top, found, out);
        });
    }
}
