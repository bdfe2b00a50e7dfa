//! What an operator asks one shard to show: some of its connections or its topics.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::handler::{ConnectionInfo, HomeReply, TopicFilter};
use crate::id::ConnId;
use crate::limits::{ADMIN_ROWS_PER_LOOK, ADMIN_SLOW_MAX};
use crate::shard::mail::TraceOrder;

/// What an operator asks a shard.
#[derive(Debug)]
pub enum Inquiry {
    /// What it has.
    Look(Box<Look>),
    /// To tell what happens.
    Trace(TraceOrder),
}

/// One question to a shard, and how far it is answered.
pub struct Look {
    pub(crate) subject: Subject,
    /// The first place that was not looked at.
    pub(crate) next: usize,
    pub(crate) seen: Seen,
    reply: HomeReply<Seen>,
}

/// What is to be shown.
pub(crate) enum Subject {
    /// Connections, at most so many.
    Connections(ConnectionFilter, usize),
    /// This one.
    One(ConnId),
    /// Connections whose sockets take no more, those with the largest backlogs.
    Slow(usize),
    /// Topics.
    Topics(TopicQuery),
}

/// Which connections are shown: all parts that are given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnectionFilter {
    pub(crate) user: Option<String>,
    pub(crate) address: Option<IpAddr>,
    /// One of its subscriptions.
    pub(crate) topic: Option<String>,
    pub(crate) protocol: Option<String>,
}

/// Which topics are shown: of those that match, the first in the order of their names.
pub(crate) struct TopicQuery {
    pub(crate) filter: TopicFilter,
    /// Only what is behind this name.
    pub(crate) after: Option<String>,
    pub(crate) max: usize,
}

/// What a shard has shown.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: Vec<ConnectionRow>,
    pub(crate) topics: BTreeMap<String, TopicRow>,
    /// Where to go on, if there is more of this shard.
    pub(crate) next: Option<usize>,
    /// Matching topics are left out.
    pub(crate) is_cut: bool,
}

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionRow {
    /// What lists of connections of a user have as well. `since` is left out.
    pub(crate) info: ConnectionInfo,
    /// How many subscriptions it has; some of their topics are named.
    pub(crate) subscriptions: usize,
    /// How long it is there.
    pub(crate) age: Duration,
    /// Bytes that it has still to get.
    pub(crate) backlog: usize,
    /// For how long its socket has taken nothing.
    pub(crate) blocked: Option<Duration>,
    pub(crate) is_paused: bool,
}

/// The subscribers of one topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopicRow {
    pub(crate) subscribers: u32,
    /// Bytes kept for those that are behind.
    pub(crate) backlog: usize,
    /// Messages that have come for them since the topic has subscribers there.
    pub(crate) messages: u64,
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").finish_non_exhaustive()
    }
}

impl Look {
    /// One that begins at this place.
    pub(crate) fn new(subject: Subject, next: usize, reply: HomeReply<Seen>) -> Self {
        Self {
            subject,
            next,
            seen: Seen::default(),
            reply,
        }
    }

    /// Gives away what was seen, after `describe` has added what is known of each connection's
    /// socket. The client's address may be known there alone.
    pub(crate) fn give(mut self, mut describe: impl FnMut(&mut ConnectionInfo)) {
        let rows = &mut self.seen.connections;
        rows.iter_mut().for_each(|row| describe(&mut row.info));
        if let Subject::Connections(filter, _) = &self.subject
            && let Some(address) = filter.address
        {
            rows.retain(|row| row.info.addr.is_some_and(|addr| addr.ip() == address));
        }
        self.reply.give(self.seen);
    }

    /// Whether no more connections belong into the answer.
    pub(crate) fn is_full(&self) -> bool {
        let max = match &self.subject {
            Subject::Connections(_, max) => (*max).min(ADMIN_ROWS_PER_LOOK),
            _ => return false,
        };
        max <= self.seen.connections.len()
    }
}

impl Seen {
    /// Adds a slow connection, and keeps the `max` slowest.
    pub(crate) fn add_slow(&mut self, row: ConnectionRow, max: usize) {
        self.connections.push(row);
        if 2 * max.min(ADMIN_SLOW_MAX) <= self.connections.len() {
            self.keep_slowest(max);
        }
    }

    /// Leaves the `max` slowest: those with the largest backlogs, and of these, those that are
    /// blocked for longest.
    pub(crate) fn keep_slowest(&mut self, max: usize) {
        let order = |row: &ConnectionRow| std::cmp::Reverse((row.backlog, row.blocked));
        self.connections.sort_by_key(order);
        self.connections.truncate(max.min(ADMIN_SLOW_MAX));
    }

    /// Adds what a shard has of a topic. With more than `max` topics, the last one is left out.
    pub(crate) fn add_topic(&mut self, name: &str, row: TopicRow, max: usize) {
        if let Some(sum) = self.topics.get_mut(name) {
            sum.subscribers = sum.subscribers.saturating_add(row.subscribers);
            sum.backlog = sum.backlog.saturating_add(row.backlog);
            // Each shard with subscribers gets each message.
            sum.messages = sum.messages.max(row.messages);
            return;
        }
        let is_full = max <= self.topics.len();
        self.is_cut |= is_full;
        let last = self.topics.last_key_value();
        if is_full && last.is_none_or(|(last, _)| **last < *name) {
            return;
        }
        self.topics.insert(name.to_owned(), row);
        if is_full {
            self.topics.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(messages: u64) -> TopicRow {
        TopicRow {
            subscribers: 1,
            backlog: 2,
            messages,
        }
    }

    #[test]
    fn the_first_topics_by_name_are_kept_in_whatever_order_they_come() {
        let mut seen = Seen::default();
        for name in ["d", "b", "e", "a", "c"] {
            seen.add_topic(name, row(1), 3);
        }
        let names: Vec<_> = seen.topics.keys().map(String::as_str).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(seen.is_cut);
        let mut seen = Seen::default();
        for name in ["b", "a"] {
            seen.add_topic(name, row(1), 2);
        }
        assert!(!seen.is_cut, "all of them are there");
    }

    #[test]
    fn what_shards_have_of_a_topic_is_added_up() {
        let mut seen = Seen::default();
        seen.add_topic("a", row(7), 1);
        seen.add_topic("a", row(5), 1);
        let expected = TopicRow {
            subscribers: 2,
            backlog: 4,
            messages: 7,
        };
        assert_eq!(seen.topics["a"], expected);
        assert!(!seen.is_cut);
    }
}
