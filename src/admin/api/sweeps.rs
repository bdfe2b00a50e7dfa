//! Requests that wait for shards: what each asks, and the answers on their way.

use std::collections::HashMap;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::admin::api::rates::Rates;
use crate::admin::api::rows::Answer;
use crate::admin::api::sweep::Sweep;
use crate::handler::PublishError;
use crate::server::handle::Handle;
use crate::server::look::Seen;
use crate::time::Now;

/// Requests that wait for shards, by the keys of their connections.
#[derive(Debug)]
pub(in crate::admin) struct Sweeps {
    by_key: HashMap<usize, Waiting>,
    next: u64,
    rates: Rates,
    /// Each has one question on its way at most, so this is bounded.
    answers: Receiver<(u64, Seen)>,
    sender: Sender<(u64, Seen)>,
}

#[derive(Debug)]
struct Waiting {
    sweep: Box<Sweep>,
    /// Tells its question from that of a connection before it.
    number: u64,
    /// There was no space for the question: it is to be asked again.
    is_refused: bool,
}

/// How far a request is.
pub(in crate::admin) struct Asked {
    pub(in crate::admin) key: usize,
    /// If it is complete.
    pub(in crate::admin) answer: Option<Answer>,
}

impl Default for Sweeps {
    fn default() -> Self {
        let (sender, answers) = unbounded();
        Self {
            by_key: HashMap::new(),
            next: 0,
            rates: Rates::default(),
            answers,
            sender,
        }
    }
}

impl Sweeps {
    pub(in crate::admin) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(in crate::admin) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The connection of this key has ended, or has its answer; whether it had asked.
    pub(in crate::admin) fn forget(&mut self, key: usize) -> bool {
        self.by_key.remove(&key).is_some()
    }

    /// Asks for a request of this connection.
    pub(in crate::admin) fn begin(
        &mut self,
        key: usize,
        sweep: Box<Sweep>,
        handle: &Handle,
        now: Now,
    ) -> Asked {
        self.next += 1;
        let waiting = Waiting {
            sweep,
            number: self.next,
            is_refused: false,
        };
        self.by_key.insert(key, waiting);
        self.ask(key, handle, now)
    }

    /// Where answers come.
    pub(in crate::admin) fn answers(&self) -> &Receiver<(u64, Seen)> {
        &self.answers
    }

    /// Takes all answers that are there, and goes on with what has asked for them.
    pub(in crate::admin) fn take(&mut self, handle: &Handle, now: Now) -> Vec<Asked> {
        let mut keys: Vec<usize> = Vec::new();
        for (number, seen) in self.answers.try_iter() {
            let mut waiting = self.by_key.iter_mut();
            if let Some((key, waiting)) = waiting.find(|(_, it)| it.number == number) {
                waiting.sweep.take(seen);
                keys.push(*key);
            }
        }
        let refused = self.by_key.iter().filter(|(_, it)| it.is_refused);
        keys.extend(refused.map(|(key, _)| *key));
        let keys = keys.into_iter();
        keys.map(|key| self.ask(key, handle, now)).collect()
    }

    /// Asks the next question of a request, or ends it.
    fn ask(&mut self, key: usize, handle: &Handle, now: Now) -> Asked {
        let answer = match self.by_key.get_mut(&key) {
            Some(waiting) => waiting.ask(&self.sender, handle),
            None => None,
        };
        let answer = match answer {
            Some(Ok(())) => {
                let complete = self.by_key.remove(&key);
                complete.map(|it| it.sweep.finish(handle, &mut self.rates, now))
            }
            Some(Err(error)) => {
                self.by_key.remove(&key);
                Some(Answer::error(503, &error.to_string()))
            }
            None => None,
        };
        Asked { key, answer }
    }
}

impl Waiting {
    /// Asks the next question: `Some` if there is none, or it cannot be asked.
    fn ask(
        &mut self,
        sender: &Sender<(u64, Seen)>,
        handle: &Handle,
    ) -> Option<Result<(), PublishError>> {
        let Some((shard, subject, from)) = self.sweep.question() else {
            return Some(Ok(()));
        };
        let (number, sender) = (self.number, sender.clone());
        let asked = handle.look(shard, subject, from, move |seen| {
            // The admin port has ended.
            sender.send((number, seen)).ok();
        });
        self.is_refused = matches!(asked, Err(PublishError::Busy(_)));
        match asked {
            Err(error) if !self.is_refused => Some(Err(error)),
            _ => None,
        }
    }
}
