//! Connections with several subscriptions, which may be written a little later, so that what more
//! of their topics bring meanwhile goes out in the same call.

use std::collections::VecDeque;
use std::mem;

use crate::id::{ConnKey, TopicKey};
use crate::shard::core::conn::DIRTY;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::time::Now;

/// Connections that are written later than in the turn that found something for them.
#[derive(Debug, Default)]
pub(crate) struct Delayed {
    /// Each until it is due: a connection that is written earlier stays here.
    queue: VecDeque<(Now, ConnKey)>,
    /// There was no space for what they have still to get: none waits for the rest of the turn.
    is_hurried: bool,
}

impl Delayed {
    /// How many wait.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether a connection is among them.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn has(&self, key: ConnKey) -> bool {
        self.queue.iter().any(|(_, other)| *other == key)
    }

    /// When the next of them is to be written.
    pub(crate) fn deadline(&self) -> Option<Now> {
        self.queue.front().map(|(at, _)| *at)
    }
}

impl PubSub {
    /// A walk has found that a topic has something for a connection, which is written later if it
    /// may wait and others may.
    pub(crate) fn take_found<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &Env,
        (key, topic): (ConnKey, TopicKey),
        may_wait: bool,
    ) {
        let delay = env.config.write_delay;
        let may_wait = may_wait && !self.delayed.is_hurried;
        let conn = conns.get_mut(key).filter(|conn| {
            may_wait && !delay.is_zero() && 1 < conn.subs.count() && !conn.is(DIRTY)
        });
        let Some(conn) = conn else {
            return self.mark_found(conns, key, topic);
        };
        if !conn.subs.set_delayed(true) {
            let due = env.now.plus(delay);
            self.delayed.queue.push_back((due, key));
        }
        self.pass_over(conns, key, topic);
    }

    /// Has those written in this turn whose time is over.
    pub(crate) fn end_delays<D>(&mut self, conns: &mut Conns<D>, env: &mut Env) {
        // What found no space is tried again.
        env.moved |= mem::take(&mut self.delayed.is_hurried);
        while self.delayed.deadline().is_some_and(|at| at <= env.now) {
            self.end_next_delay(conns);
        }
    }

    /// Has all of them written in this turn, as there is no space for what they have still to get;
    /// whether any was to be.
    pub(crate) fn hurry<D>(&mut self, conns: &mut Conns<D>) -> bool {
        self.delayed.is_hurried |= !self.delayed.queue.is_empty();
        while !self.delayed.queue.is_empty() {
            self.end_next_delay(conns);
        }
        self.delayed.is_hurried
    }

    fn end_next_delay<D>(&mut self, conns: &mut Conns<D>) {
        // It may have been written, and wait again or not; the key may be that of another. Then it
        // is written early, or there is nothing to do.
        if let Some((_, key)) = self.delayed.queue.pop_front() {
            conns.end_delay(key);
        }
    }
}
