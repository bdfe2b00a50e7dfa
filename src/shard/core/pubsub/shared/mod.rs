//! Shared topics at home here: those whose order an engine sets for several servers. What the home
//! wants of the engine, and what waits until the engine has answered.

mod attach;

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use hashbrown::HashMap;

use crate::config::{HistorySettings, Namespaces};
use crate::position::Position;
use crate::shard::mail::{Outgoing, Outward, Question};
use crate::time::Now;
use crate::topic::home::Interest;
use crate::topic::tables::GiveBack;
use crate::topic::{ByKeptHash, Topic};

/// The shared topics at home here that a shard wants, or a reader of their history.
#[derive(Debug)]
pub(crate) struct Shared {
    /// To the backplane.
    pub(crate) mail: Outgoing<Outward>,
    /// Which topics are local, as when the server started: that does not change while it runs.
    namespaces: Namespaces,
    topics: HashMap<Topic, Attachment, ByKeptHash>,
    /// Topics of which the backplane is to be told, each once.
    due: VecDeque<Topic>,
    /// Topics that nothing wants any more, since when; some of them are wanted again.
    idle: VecDeque<(Now, Topic)>,
    next_ticket: u32,
    /// Questions that wait.
    questions: usize,
    /// Topics whose `Attach` is not answered.
    unanswered: usize,
}

/// A topic whose messages the home gets from the engine.
#[derive(Debug)]
struct Attachment {
    /// Comes with all that the engine says of it.
    ticket: u32,
    state: AttachState,
    /// It is in `due`.
    is_due: bool,
    /// Since when nothing wants it.
    idle_since: Option<Now>,
    /// The newest position that the engine has told.
    top: Option<Position>,
    /// Shards that wait to be told that it is live.
    wants: Vec<Interest>,
    /// What was asked of its history.
    questions: Vec<Question>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AttachState {
    /// The backplane was not told of it yet.
    New,
    /// It was, and has not answered.
    Asked,
    /// The topic's messages come.
    Live,
}

impl Shared {
    pub(crate) fn new(namespaces: Namespaces) -> Self {
        Self {
            mail: Outgoing::default(),
            namespaces,
            topics: HashMap::default(),
            due: VecDeque::new(),
            idle: VecDeque::new(),
            next_ticket: 0,
            questions: 0,
            unanswered: 0,
        }
    }

    /// Whether the messages of a topic come.
    pub(crate) fn is_live(&self, topic: &Topic) -> bool {
        let attachment = self.topics.get(topic);
        attachment.is_some_and(|it| it.state == AttachState::Live)
    }

    /// The newest position of a topic, if the engine has told it.
    pub(crate) fn top(&self, topic: &Topic) -> Option<Position> {
        self.topics.get(topic)?.top
    }

    /// Something wants a topic from now on.
    fn attach(&mut self, topic: &Topic) -> &mut Attachment {
        let Self {
            topics,
            due,
            next_ticket,
            unanswered,
            ..
        } = self;
        let attachment = topics.entry(topic.clone()).or_insert_with(|| {
            *next_ticket = next_ticket.wrapping_add(1);
            *unanswered += 1;
            due.push_back(topic.clone());
            Attachment::new(*next_ticket)
        });
        attachment.idle_since = None;
        attachment
    }

    /// Has a question wait until its topic is attached.
    pub(crate) fn hold(&mut self, question: Question) {
        self.questions += 1;
        let topic = question.topic.clone();
        self.attach(&topic).questions.push(question);
    }

    /// Questions that wait.
    pub(crate) fn questions(&self) -> usize {
        self.questions
    }

    /// Topics whose `Attach` is not answered.
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// Topics that are attached, or are to be.
    pub(crate) fn len(&self) -> usize {
        self.topics.len()
    }

    /// All that is held, and mail that has not been sent.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn remains(&self) -> usize {
        self.topics.len() + self.due.len() + self.questions + self.unanswered + self.mail.len()
    }

    /// The topic's messages come from now on.
    pub(crate) fn note_live(&mut self, topic: &Topic) {
        if let Some(attachment) = self.topics.get_mut(topic)
            && mem::replace(&mut attachment.state, AttachState::Live) != AttachState::Live
        {
            self.unanswered -= 1;
        }
    }

    /// What waits for a topic to be attached: questions about its history.
    pub(crate) fn take_questions(&mut self, topic: &Topic) -> Vec<Question> {
        let attachment = self.topics.get_mut(topic);
        let taken = attachment.map_or_else(Vec::new, |it| mem::take(&mut it.questions));
        self.questions -= taken.len();
        taken
    }

    /// No shard wants a topic any more: it is detached if that stays so for a while.
    pub(crate) fn release(&mut self, topic: &Topic, now: Now) {
        let Some(attachment) = self.topics.get_mut(topic) else {
            return;
        };
        attachment.wants.clear();
        if attachment.questions.is_empty() && attachment.idle_since.replace(now).is_none() {
            self.idle.push_back((now, topic.clone()));
        }
    }

    /// Detaches topics that nothing has wanted for `linger`; looks at no more than `budget`.
    pub(super) fn detach_idle(&mut self, now: Now, linger: Duration, budget: usize) {
        for _ in 0..budget {
            let Some((since, topic)) = self.idle.pop_front() else {
                return;
            };
            if now < since.plus(linger) {
                return self.idle.push_front((since, topic));
            }
            // One that was wanted in between is here once more.
            let attachment = self.topics.get_mut(&topic);
            let idle = attachment.filter(|it| it.idle_since == Some(since));
            if let Some(attachment) = idle.filter(|it| !it.is_due) {
                attachment.is_due = true;
                self.due.push_back(topic);
            }
        }
    }

    /// When `detach_idle` has something to do next.
    pub(super) fn deadline(&self, linger: Duration) -> Option<Now> {
        let (since, _) = self.idle.front()?;
        Some(since.plus(linger))
    }

    /// Calls `visit` with each table that grows with the number of topics.
    pub(super) fn each_table(&mut self, visit: impl FnOnce(&mut dyn GiveBack)) {
        visit(&mut self.topics);
    }

    /// Tells the backplane what is wanted and what not any more, as far as there is space.
    fn tell(&mut self, settings: impl Fn(&Topic) -> (Option<HistorySettings>, Option<Position>)) {
        while !self.due.is_empty() && self.mail.has_space() {
            let Some(topic) = self.due.pop_front() else {
                return;
            };
            let Some(attachment) = self.topics.get_mut(&topic) else {
                continue;
            };
            attachment.is_due = false;
            let (ticket, state) = (attachment.ticket, attachment.state);
            if attachment.idle_since.is_some() {
                self.topics.remove(&topic);
                self.unanswered -= usize::from(state != AttachState::Live);
                if state != AttachState::New {
                    self.mail.push(Outward::Detach { topic, ticket });
                }
            } else if state == AttachState::New {
                attachment.state = AttachState::Asked;
                let (history, since) = settings(&topic);
                self.mail.push(Outward::Attach {
                    topic,
                    ticket,
                    history,
                    since,
                });
            }
        }
    }
}

impl Attachment {
    fn new(ticket: u32) -> Self {
        Self {
            ticket,
            state: AttachState::New,
            is_due: true,
            idle_since: None,
            top: None,
            wants: Vec::new(),
            questions: Vec::new(),
        }
    }
}
