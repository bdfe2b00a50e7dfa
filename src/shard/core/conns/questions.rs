//! Questions to other threads: a connection waits until one has answered, or for its deadline.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::handler::{Busy, Handler, Unanswered, Wait};
use crate::id::{ConnId, ConnKey};
use crate::shard::core::ShardCore;
use crate::shard::core::conn::state::Pause;
use crate::shard::core::inner::Inner;
use crate::time::Now;

/// Where answers come in: they may come from any thread.
pub trait Answers<A>: Send + Sync {
    /// Takes an answer to the shard. Never waits: there is one for each [`Deferred`].
    fn put(&self, answered: Answered<A>);
}

/// An answer on its way.
#[derive(Debug)]
pub struct Answered<A> {
    conn: ConnId,
    ticket: u32,
    /// `None`: the question was dropped.
    answer: Option<A>,
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
    /// Nobody was asked: the callback is made again at the deadline.
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

    /// When the wait of a connection ends.
    pub(crate) fn deadline(&self, key: ConnKey) -> Option<Now> {
        self.open.get(&key).map(|question| question.deadline)
    }

    /// The answer to a connection's question, if it has come.
    pub(crate) fn answer(&self, key: ConnKey) -> Option<Result<&A, Unanswered>> {
        let answer = self.open.get(&key)?.answer.as_ref()?;
        Some(answer.as_ref().map_err(|unanswered| *unanswered))
    }

    /// Whether a connection waits for nobody's answer, but for a moment to pass.
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

impl<D, A> Inner<D, A> {
    /// Opens a question of a connection; an older one of it is forgotten.
    pub(crate) fn defer(&mut self, key: ConnKey, timeout: Duration) -> (Deferred<A>, Busy) {
        let conn = self.id(key);
        let questions = &mut self.questions;
        questions.next_ticket = questions.next_ticket.wrapping_add(1);
        let ticket = questions.next_ticket;
        let question = Question {
            ticket,
            deadline: self.now.plus(timeout),
            is_pause: false,
            answer: None,
        };
        // The callback of another message already waits for an answer: this one can not.
        let waits = self.conns.get(key.index());
        if !waits.is_some_and(|conn| conn.is_asking()) {
            questions.open.insert(key, question);
        }
        let deferred = Deferred {
            answers: Arc::clone(&questions.answers),
            conn,
            ticket,
            is_open: true,
        };
        (deferred, Busy(Wait::Answer))
    }

    /// Nobody has answered in time.
    pub(crate) fn give_up_question(&mut self, key: ConnKey) {
        let was_asked = !self.questions.is_pause(key);
        if let Some(mut question) = self.questions.open.remove(&key) {
            if !question.is_pause {
                question.answer = Some(Err(Unanswered));
            }
            question.is_pause = false;
            if question.answer.is_some() {
                self.questions.open.insert(key, question);
            }
        }
        self.stop_asking(key, was_asked);
    }

    /// Offers a paused connection its message again after a moment: it waits for something that
    /// tells nobody when it comes.
    pub(crate) fn wait_a_moment(&mut self, key: ConnKey) {
        self.wait_until(key, self.now.plus(MOMENT));
    }

    /// Offers a connection its message again when that moment has passed, and reads it no further
    /// until then.
    pub(crate) fn wait_until(&mut self, key: ConnKey, deadline: Now) {
        let question = self.questions.open.entry(key).or_insert(Question {
            ticket: 0,
            deadline,
            is_pause: true,
            answer: None,
        });
        // One that is answered keeps its answer for the next call.
        (question.deadline, question.is_pause) = (deadline, true);
        self.pause_for(key, Pause::Moment);
        self.arm(key);
    }

    /// A paused connection waits for its answer, if there is a question and it was not answered.
    pub(crate) fn wait_for_answer(&mut self, key: ConnKey) {
        let question = self.questions.open.get(&key);
        let waits = question.is_some_and(|question| question.answer.is_none());
        if waits {
            self.pause_for(key, Pause::Answer);
        } else {
            self.wait_for_turn(key);
        }
        self.arm(key);
    }

    fn stop_asking(&mut self, key: ConnKey, was_asked: bool) {
        let stamp = self.now.stamp();
        if let Some(conn) = self.conn(key)
            && conn.is_asking()
        {
            if was_asked {
                // The question had a deadline of its own. What is waited for next has one too.
                conn.heard = stamp;
            }
            self.queue_resume(key);
        }
    }
}

impl<H: Handler> ShardCore<H> {
    /// Another thread has answered.
    pub fn handle_answer(&mut self, answered: Answered<H::Answer>) {
        let Answered {
            conn: id,
            ticket,
            answer,
        } = answered;
        let is_waiting = self
            .inner
            .current(id)
            .is_some_and(|conn| !conn.state.is_closing() && conn.is_paused());
        let question = self.inner.questions.open.get_mut(&id.key);
        if let Some(question) = question
            && is_waiting
            && question.ticket == ticket
            && !question.is_pause
            && question.answer.is_none()
        {
            question.answer = Some(answer.ok_or(Unanswered));
            self.inner.stop_asking(id.key, true);
        }
    }
}

/// Between two looks at what tells nobody when it comes.
const MOMENT: Duration = Duration::from_millis(64);
