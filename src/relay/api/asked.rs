//! What the commands of one request have asked of homes, and what these have answered: the request
//! waits until all have.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::handler::{
    Busy, Census, ConnectionInfo, HistoryError, HistoryPage, PresenceError, PresenceList,
    PresenceStats,
};
use crate::limits::API_ANSWER_TIMEOUT;
use crate::position::Position;
use crate::relay::RelayCx;
use crate::shard::core::conns::questions::Deferred;

/// An answer to one command.
pub(super) enum Told {
    Position(Option<Position>),
    History(Result<HistoryPage, HistoryError>),
    Connections(Vec<ConnectionInfo>),
    Census(Census),
    Presence(Result<PresenceList, PresenceError>),
    PresenceStats(Result<PresenceStats, PresenceError>),
}

/// What one request has asked.
pub(super) struct Asked {
    /// With it a question is asked: gone when all are.
    line: Option<Arc<Line>>,
    answers: Receiver<(usize, Told)>,
    /// By the number of the command; `None` as long as it has no answer.
    by_number: HashMap<usize, Option<Told>>,
    /// The request waits for what ends the line.
    wait: Busy,
}

/// The way back of answers. Whatever asks has one; when the last is gone, all that will be answered
/// is.
pub(super) struct Line {
    answers: Sender<(usize, Told)>,
    question: Option<Deferred<()>>,
}

impl Asked {
    /// Nothing yet.
    pub(super) fn new(cx: &mut RelayCx<'_>) -> Self {
        let (question, wait) = cx.defer(API_ANSWER_TIMEOUT);
        let (sender, answers) = channel();
        let line = Line {
            answers: sender,
            question: Some(question),
        };
        Self {
            line: Some(Arc::new(line)),
            answers,
            by_number: HashMap::new(),
            wait,
        }
    }

    /// Takes the answer to a command.
    pub(super) fn reply<T: 'static>(
        &self,
        number: usize,
        as_told: fn(T) -> Told,
    ) -> impl FnOnce(T) + Send + Sync + 'static + use<T> {
        let line = self.line.clone();
        move |answer| {
            if let Some(line) = line {
                line.answers.send((number, as_told(answer))).ok();
            }
        }
    }

    /// A command has asked.
    pub(super) fn note(&mut self, number: usize) {
        self.by_number.insert(number, None);
    }

    /// All commands have asked: the request waits for the answers.
    pub(super) fn wait(&mut self) -> Busy {
        self.line = None;
        self.wait
    }

    /// Looks at what has been answered: no more will be.
    pub(super) fn collect(&mut self) {
        let answers = self.answers.try_iter();
        let answers = answers.map(|(number, told)| (number, Some(told)));
        self.by_number.extend(answers);
    }

    /// Whether the command has asked.
    pub(super) fn has(&self, number: usize) -> bool {
        self.by_number.contains_key(&number)
    }

    /// The answer to a command, if there is one.
    pub(super) fn take(&mut self, number: usize) -> Option<Told> {
        self.by_number.get_mut(&number)?.take()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(question) = self.question.take() {
            question.answer(());
        }
    }
}
