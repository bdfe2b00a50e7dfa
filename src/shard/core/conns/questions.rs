//! Questions to other threads: a connection waits until one has answered, or for its deadline.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::handler::Unanswered;
use crate::id::{ConnId, ConnKey};
use crate::time::Now;

/// Where answers come in: they may come from any thread.
pub trait Answers<A>: Send + Sync {
    /// Takes an answer to the shard. Never waits: there is one for each [`Deferred`].
    fn put(&self, answered: Answered<A>);
}

/// An answer on its way.
#[derive(Debug)]
pub struct Answered<A> {
    pub(crate) conn: ConnId,
    pub(crate) ticket: u32,
    /// `None`: the question was dropped.
    pub(crate) answer: Option<A>,
}

/// A question that a callback has left open: to be answered from any thread.
///
/// Dropping it answers [`Unanswered`]. An answer after the deadline is ignored.
#[must_use = "dropped, it answers that nobody knows"]
pub struct Deferred<A: 'static> {
    answers: Arc<dyn Answers<A>>,
    conn: ConnId,
    ticket: u32,
    is_open: bool,
}

impl<A> fmt::Debug for Deferred<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred")
            .field("conn", &self.conn)
            .finish_non_exhaustive()
    }
}

impl<A> Deferred<A> {
    /// Answers. The callback that asked is made again, and finds the answer with
    /// [`Cx::answer`](crate::Cx::answer).
    pub fn answer(mut self, answer: A) {
        self.is_open = false;
        self.put(Some(answer));
    }

    fn put(&self, answer: Option<A>) {
        self.answers.put(Answered {
            conn: self.conn,
            ticket: self.ticket,
            answer,
        });
    }
}

impl<A> Drop for Deferred<A> {
    fn drop(&mut self) {
        if self.is_open {
            self.put(None);
        }
    }
}

/// The questions of a shard's connections, one each at most.
pub(crate) struct Questions<A: 'static> {
    answers: Arc<dyn Answers<A>>,
    /// By the connection's key.
    open: HashMap<ConnKey, Question<A>>,
    next_ticket: u32,
}

struct Question<A> {
    ticket: u32,
    deadline: Now,
    /// No thread was asked: the callback is made again at the deadline.
    is_pause: bool,
    /// Once it has come.
    answer: Option<Result<A, Unanswered>>,
}

impl<A> Questions<A> {
    pub(crate) fn new(answers: Arc<dyn Answers<A>>) -> Self {
        Self {
            answers,
            open: HashMap::new(),
            next_ticket: 0,
        }
    }

    /// Opens a question of a connection; an older one of it is forgotten, unless the connection
    /// `is_asking`: then the callback of another message waits for that, and this one cannot.
    pub(crate) fn open(&mut self, conn: ConnId, deadline: Now, is_asking: bool) -> Deferred<A> {
        self.next_ticket = self.next_ticket.wrapping_add(1);
        let ticket = self.next_ticket;
        if !is_asking {
            let question = Question {
                ticket,
                deadline,
                is_pause: false,
                answer: None,
            };
            self.open.insert(conn.key, question);
        }
        Deferred {
            answers: Arc::clone(&self.answers),
            conn,
            ticket,
            is_open: true,
        }
    }

    /// A connection waits for a moment to pass. One that has its answer keeps that for the next
    /// call.
    pub(crate) fn pause_until(&mut self, key: ConnKey, deadline: Now) {
        let question = self.open.entry(key).or_insert(Question {
            ticket: 0,
            deadline,
            is_pause: true,
            answer: None,
        });
        (question.deadline, question.is_pause) = (deadline, true);
    }

    /// Whether a connection has a question that is not answered.
    pub(crate) fn awaits_answer(&self, key: ConnKey) -> bool {
        let question = self.open.get(&key);
        question.is_some_and(|question| question.answer.is_none())
    }

    /// Takes the answer to a connection's question, unless it is to another, or late.
    pub(crate) fn take_answer(&mut self, key: ConnKey, ticket: u32, answer: Option<A>) -> bool {
        let question = self.open.get_mut(&key);
        let question = question.filter(|question| {
            question.ticket == ticket && !question.is_pause && question.answer.is_none()
        });
        let Some(question) = question else {
            return false;
        };
        question.answer = Some(answer.ok_or(Unanswered));
        true
    }

    /// The wait of a connection is over; what it has asked is not answered in time.
    pub(crate) fn give_up(&mut self, key: ConnKey) {
        if let Some(mut question) = self.open.remove(&key) {
            if !question.is_pause {
                question.answer = Some(Err(Unanswered));
            }
            question.is_pause = false;
            if question.answer.is_some() {
                self.open.insert(key, question);
            }
        }
    }

    /// When the wait of a connection ends.
    pub(crate) fn deadline(&self, key: ConnKey) -> Option<Now> {
        self.open.get(&key).map(|question| question.deadline)
    }

    /// The answer to a connection's question, if it has come.
    pub(crate) fn answer(&self, key: ConnKey) -> Option<Result<&A, Unanswered>> {
        let answer = self.open.get(&key)?.answer.as_ref()?;
        Some(answer.as_ref().map_err(|unanswered| *unanswered))
    }

    /// Whether a connection waits for a moment to pass, and not for an answer.
    pub(crate) fn is_pause(&self, key: ConnKey) -> bool {
        let question = self.open.get(&key);
        question.is_some_and(|question| question.is_pause)
    }

    /// Whether the wait of a connection is over.
    pub(crate) fn is_late(&self, key: ConnKey, now: Now) -> bool {
        self.deadline(key).is_none_or(|deadline| deadline <= now)
    }

    /// A connection's question is over, whatever became of it.
    pub(crate) fn forget(&mut self, key: ConnKey) {
        if !self.open.is_empty() {
            self.open.remove(&key);
        }
    }

    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }
}
