//! Catching up: a subscription gets what it lacks out of its topic's history, a page at a time and
//! as fast as its client reads, and is a member of the topic's feed again where that ends.
//!
//! The home's answer stands among the deliveries, so a page and what is delivered after it follow
//! each other without a gap. What was not there any more is told where the form can.

mod answers;

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::id::{ConnKey, TopicKey};
use crate::limits::{
    OUTBOX_BYTES_PRESSURE, PAGE_PATIENCE, PAGES_ASKED_MAX, PAGES_BYTES_MAX, SEGMENT_BYTES,
};
use crate::position::Since;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::time::Now;

/// A subscription, by the keys of its connection and its topic.
type SubKey = (ConnKey, TopicKey);

/// Subscriptions that get what they lack out of history, and those that wait to ask for it.
#[derive(Debug)]
pub(crate) struct CatchUps {
    /// May be many at once, and then none: no table that would have to grow.
    behind: BTreeMap<SubKey, Behind>,
    /// Those that are to ask, joins among them, by ticket: in their order.
    queue: BTreeMap<u64, SubKey>,
    /// Tickets that homes have still to answer.
    asked: BTreeSet<u64>,
    /// Bytes of encoded pages over which none is asked for.
    bytes_max: usize,
    /// Since when some wait for such bytes.
    full_since: Option<Now>,
}

/// A subscription that is not a member of its topic's feed, or not any more.
#[derive(Debug)]
struct Behind {
    /// Its connection has been sent all up to here.
    since: Since,
    /// Its client has read so much that the home is asked for more.
    ticket: Option<u64>,
}

impl CatchUps {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            behind: BTreeMap::new(),
            queue: BTreeMap::new(),
            asked: BTreeSet::new(),
            bytes_max: pages_max(config),
            full_since: None,
        }
    }

    /// The limits are these from now on.
    pub(crate) fn set_limits(&mut self, config: &Config) {
        self.bytes_max = pages_max(config);
    }

    /// Where a subscription goes on.
    pub(super) fn since(&self, conn: ConnKey, topic: TopicKey) -> Option<Since> {
        Some(self.behind.get(&(conn, topic))?.since)
    }

    /// A home has answered, or is not asked any more.
    pub(super) fn note_answer(&mut self, ticket: u64) {
        self.asked.remove(&ticket);
    }

    /// Does not ask any more; returns whether that was to be done.
    pub(super) fn leaves_queue(&mut self, ticket: u64) -> bool {
        self.queue.remove(&ticket).is_some()
    }
}

/// One page in any case: with none, those that ask would wait for ever.
fn pages_max(config: &Config) -> usize {
    (config.parts().backlog / 4).clamp(SEGMENT_BYTES, PAGES_BYTES_MAX)
}

impl PubSub {
    /// Asks the home for history now, or when those before it have been answered and their pages
    /// read.
    pub(super) fn ask_in_turn<D>(
        &mut self,
        conns: &Conns<D>,
        env: &mut Env,
        ticket: u64,
        sub: SubKey,
    ) {
        self.catch_ups.queue.insert(ticket, sub);
        self.ask_queued(conns, env);
    }

    /// Asks for as many pages as there may be.
    pub(crate) fn ask_queued<D>(&mut self, conns: &Conns<D>, env: &mut Env) {
        while self.may_ask()
            && let Some((ticket, sub)) = self.catch_ups.queue.pop_first()
        {
            self.catch_ups.asked.insert(ticket);
            self.send_join(conns, env, ticket, sub);
        }
        let CatchUps {
            queue,
            asked,
            full_since,
            ..
        } = &mut self.catch_ups;
        let waits = !queue.is_empty() && asked.is_empty();
        *full_since = waits.then(|| full_since.unwrap_or(env.now));
    }

    /// When connections that do not read their pages have held up others for long.
    pub(crate) fn pages_deadline(&self) -> Option<Now> {
        let since = self.catch_ups.full_since?;
        Some(since.plus(PAGE_PATIENCE))
    }

    /// Whether that is now, and pages take nearly as much as they may.
    pub(crate) fn is_held_up(&mut self, now: Now) -> bool {
        let is_late = self.pages_deadline().is_some_and(|at| at <= now);
        let bytes_max = self.catch_ups.bytes_max;
        is_late && !self.fanout.has_space_for_pages(bytes_max - bytes_max / 8)
    }

    /// All was done about it that can be.
    pub(crate) fn note_pages_relieved(&mut self) {
        self.catch_ups.full_since = None;
    }

    /// Whether one that waits may ask for a page now.
    pub(crate) fn may_ask(&mut self) -> bool {
        let CatchUps { queue, asked, .. } = &self.catch_ups;
        !queue.is_empty()
            && asked.len() < PAGES_ASKED_MAX
            && self.fanout.has_space_for_pages(self.catch_ups.bytes_max)
    }

    /// A member stands here in its topic's history, and is to get what it lacks from there.
    pub(crate) fn fall_behind<D>(
        &mut self,
        conns: &mut Conns<D>,
        (key, topic): SubKey,
        since: Since,
    ) {
        let conn = conns.get(key);
        let place = conn.and_then(|conn| conn.subs.place(conn.form, topic));
        if let Some(place) = place {
            self.leave_feed(conns, place);
            self.joins.note_not_early(key, topic);
            self.set_behind(conns, (key, topic), since);
        }
    }

    /// So little of what a connection was sent is unread that it may have more.
    pub(crate) fn note_read<D>(
        &mut self,
        conns: &Conns<D>,
        env: &mut Env,
        key: ConnKey,
        unsent: usize,
    ) {
        if self.catch_ups.behind.is_empty() || OUTBOX_BYTES_PRESSURE < unsent {
            return;
        }
        let conn = conns.get(key).into_iter();
        let topics: Vec<TopicKey> = conn.flat_map(|conn| conn.subs.catching_up()).collect();
        for topic in topics {
            // What is the newest of each key is asked for when it can be sent at once.
            if 0 < unsent && self.fanout.is_conflated(topic, &env.config) {
                continue;
            }
            let behind = self.catch_ups.behind.get_mut(&(key, topic));
            if let Some(behind) = behind.filter(|behind| behind.ticket.is_none()) {
                let ticket = self.joins.next_ticket();
                behind.ticket = Some(ticket);
                self.ask_in_turn(conns, env, ticket, (key, topic));
            }
        }
    }

    /// Whether a connection lacks what is in the history of a topic.
    pub(crate) fn is_catching_up<D>(&self, conns: &Conns<D>, key: ConnKey) -> bool {
        let conn = conns.get(key);
        conn.is_some_and(|conn| conn.subs.catching_up().next().is_some())
    }

    /// A subscription has ended that was catching up.
    pub(super) fn stop_catching_up(&mut self, key: ConnKey, topic: TopicKey) {
        let behind = self.catch_ups.behind.remove(&(key, topic));
        if let Some(ticket) = behind.and_then(|behind| behind.ticket) {
            self.take_back(topic, ticket);
        }
    }
}

#[cfg(any(test, feature = "internals"))]
impl PubSub {
    /// Subscriptions that catch up, and all that are to be answered.
    pub(crate) fn catching_up(&self) -> usize {
        let CatchUps {
            behind,
            queue,
            asked,
            ..
        } = &self.catch_ups;
        behind.len() + queue.len() + asked.len()
    }

    /// Panics unless a subscription that catches up goes on by itself; `is_written` if its
    /// connection is written before long.
    pub(crate) fn audit_catch_up(&self, sub: (ConnKey, TopicKey), is_written: bool) {
        let behind = self.catch_ups.behind.get(&sub);
        let Some(behind) = behind else {
            panic!("{sub:?} catches up with nothing");
        };
        let goes_on = match behind.ticket {
            None => is_written,
            Some(ticket) => self.is_to_be_answered(ticket),
        };
        assert!(goes_on, "{sub:?} catches up for ever: {behind:?}");
    }

    /// Whether one that has this ticket is in the queue, or asked for.
    pub(crate) fn is_to_be_answered(&self, ticket: u64) -> bool {
        let CatchUps { queue, asked, .. } = &self.catch_ups;
        queue.contains_key(&ticket) || asked.contains(&ticket)
    }

    /// How many subscriptions catch up.
    pub(crate) fn behind(&self) -> usize {
        self.catch_ups.behind.len()
    }
}
