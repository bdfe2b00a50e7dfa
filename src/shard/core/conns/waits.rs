//! Connections that are not read, by what they wait for: a queue for each
//! [`Pause`](crate::shard::core::conn::state::Pause) that no event and no deadline ends.

use std::collections::VecDeque;

use crate::id::{ConnId, ConnKey};
use crate::shard::core::conn::state::Pause;
use crate::shard::core::conn::{Conn, WaitingMessage};
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;

/// Connections that are not read, by what they wait for.
#[derive(Debug)]
pub(crate) struct Waits {
    /// Space for a message, by the topic's home.
    pub(crate) space: Vec<WaitQueue>,
    /// Their turn: what they waited for has come.
    pub(crate) turn: VecDeque<ConnId>,
    /// Time to check their credentials, in the order in which they came.
    pub(crate) verification: VecDeque<ConnId>,
    /// Time to decompress a message, in the order in which those came, each once.
    pub(crate) inflate: VecDeque<ConnId>,
    /// Those that wait for this home are tried first; one more are those of `turn`.
    first: usize,
    /// In this turn they are tried before all others.
    before_mail: bool,
}

impl Waits {
    pub(crate) fn new(shards: u16) -> Self {
        Self {
            space: (0..shards).map(|_| WaitQueue::default()).collect(),
            turn: VecDeque::new(),
            verification: VecDeque::new(),
            inflate: VecDeque::new(),
            first: 0,
            before_mail: false,
        }
    }

    /// Whether this is one of the turns in which those that wait are tried before mail.
    pub(crate) fn are_before_mail(&mut self) -> bool {
        self.before_mail = !self.before_mail;
        self.before_mail
    }

    /// The queues of `space` and then that of `turn`, by number, in the order of this turn. Each
    /// turn begins with another: where time is scarce, all get their part of it.
    pub(crate) fn rotate(&mut self) -> impl Iterator<Item = usize> + use<> {
        let homes = self.space.len();
        self.first = (self.first + 1) % (homes + 1);
        (self.first..=homes).chain(0..self.first)
    }

    /// There may be space at any home now.
    pub(crate) fn note_news(&mut self) {
        self.space.iter_mut().for_each(WaitQueue::note_news);
    }

    /// Whether a connection waits to be tried.
    pub(crate) fn has_work(&self) -> bool {
        !self.turn.is_empty()
            || !self.verification.is_empty()
            || !self.inflate.is_empty()
            || self.space.iter().any(WaitQueue::has_untried)
    }

    /// Whether no connection waits, tried or not.
    pub(crate) fn is_empty(&self) -> bool {
        let is_empty = |queue: &WaitQueue| queue.len() == 0;
        let queues = [&self.turn, &self.verification, &self.inflate];
        self.space.iter().all(is_empty) && queues.iter().all(|queue| queue.is_empty())
    }

    /// Whether a connection has its place among those that wait to be inflated.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn is_in_inflate(&self, id: ConnId) -> bool {
        let places = self.inflate.iter().filter(|waiting| **waiting == id);
        places.count() == 1
    }
}

impl<D> Conns<D> {
    /// Reads a connection no further.
    pub(crate) fn pause_for(&mut self, env: &mut Env, key: ConnKey, pause: Pause) {
        if let Some(conn) = self.get_mut(key) {
            env.counters.paused += u64::from(!conn.is_paused());
            conn.pause = pause;
        }
    }

    /// Reads a connection on.
    pub(crate) fn unpause(&mut self, env: &mut Env, key: ConnKey) {
        if let Some(conn) = self.get_mut(key) {
            env.counters.paused -= u64::from(conn.is_paused());
            conn.pause = Pause::None;
        }
    }

    /// Reads a connection no further before it has its turn.
    pub(crate) fn wait_for_turn(&mut self, env: &mut Env, key: ConnKey) {
        let id = self.id(key);
        self.pause_for(env, key, Pause::Turn);
        self.waits.turn.push_back(id);
    }

    /// Has a paused connection read on when it has its turn.
    pub(crate) fn queue_resume(&mut self, env: &mut Env, key: ConnKey) {
        let pause = self.live(key).map(|conn| conn.pause);
        if pause.is_some_and(|pause| !matches!(pause, Pause::None | Pause::Turn)) {
            self.wait_for_turn(env, key);
        }
    }

    /// Whether to resume a connection is no use in this turn: it has a request with a body, for
    /// which there is no time left.
    pub(crate) fn waits_to_offer(&mut self, env: &Env, id: ConnId) -> bool {
        let has_request = |conn: &mut Conn<D>| {
            let request = conn.protocol.http().and_then(|http| http.request.as_ref());
            request.is_some_and(|request| request.is_whole)
        };
        let share = env.work.share_of_bodies();
        env.work.is_used_up(share) && self.current(id).is_some_and(has_request)
    }

    /// Keeps a message that is to be offered later.
    pub(crate) fn keep_message(&mut self, key: ConnKey, message: WaitingMessage) {
        if let Some(conn) = self.live(key) {
            conn.input.get_or_insert_default().message = Some(message);
        }
    }

    /// The replies to a connection were read: its message has its turn to be inflated, or it is
    /// read on.
    pub(crate) fn queue_read(&mut self, env: &mut Env, key: ConnKey) {
        let id = self.id(key);
        if self.live(key).is_some_and(|conn| conn.waits_to_inflate()) {
            self.waits.inflate.push_back(id);
            self.pause_for(env, key, Pause::Inflate);
        } else {
            self.queue_resume(env, key);
        }
    }
}

/// Connections that wait for one thing, in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct WaitQueue<T = ConnId> {
    queue: VecDeque<T>,
    /// So many, from the front, were not tried since what they wait for may have come.
    untried: usize,
}

impl<T> Default for WaitQueue<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            untried: 0,
        }
    }
}

impl<T> WaitQueue<T> {
    /// One more, that has just found nothing.
    pub(crate) fn push(&mut self, one: T) {
        self.queue.push_back(one);
    }

    /// The next to try.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let one = self.queue.pop_front()?;
        self.untried = self.untried.saturating_sub(1);
        Some(one)
    }

    /// These were not tried after all, and are the next, in the order in which they came.
    pub(crate) fn put_back(&mut self, passed_over: Vec<T>) {
        self.untried += passed_over.len();
        for one in passed_over.into_iter().rev() {
            self.queue.push_front(one);
        }
    }

    /// What they wait for may have come for any of them.
    pub(crate) fn note_news(&mut self) {
        self.untried = self.queue.len();
    }

    /// It has come for none of them, and there will be news when it does.
    pub(crate) fn note_none(&mut self) {
        self.untried = 0;
    }

    /// Whether any is still to be tried.
    pub(crate) fn has_untried(&self) -> bool {
        self.untried != 0
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}

impl WaitQueue {
    /// Whether a connection is among them.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn contains(&self, id: ConnId) -> bool {
        self.queue.contains(&id)
    }
}
