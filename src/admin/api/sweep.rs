//! What one request asks of the shards, one after the other, until its answer is complete.

use std::str::FromStr;
use std::sync::Arc;

use crate::admin::api::rates::Rates;
use crate::admin::api::rows::{self, Answer, RatedTopic};
use crate::handler::{Disconnect, Selection, UserError};
use crate::id::{ConnectionId, ShardId};
use crate::limits::{ADMIN_ROWS_PER_LOOK, ADMIN_TOPICS_SORTED_MAX};
use crate::pattern::glob::Glob;
use crate::server::handle::Handle;
use crate::server::look::{ConnectionFilter, ConnectionRow, Seen, Subject, TopicQuery};
use crate::time::Now;

/// What one request asks of the shards.
pub(in crate::admin) struct Sweep {
    kind: Kind,
    /// Shards that are not asked yet; the next one last.
    left: Vec<ShardId>,
    /// Where that is to begin.
    place: usize,
    seen: Seen,
}

/// What is asked.
enum Kind {
    Connections(ConnectionFilter, usize),
    One(ConnectionId),
    Disconnect(ConnectionId, Disconnect),
    Slow(usize),
    Topics(TopicsAsked),
}

/// Which topics are asked for.
pub(super) struct TopicsAsked {
    pub(super) glob: Arc<Glob>,
    pub(super) limit: usize,
    pub(super) after: Option<String>,
    pub(super) order: Order,
}

/// The order of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Name,
    /// The largest number first.
    Subscribers,
    Backlog,
    Messages,
    Rate,
}

/// Where a list of connections goes on: a shard, and a place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    shard: u16,
    place: usize,
}

impl Order {
    /// The words for these.
    pub(super) const WORDS: [&'static str; 5] =
        ["name", "subscribers", "backlog", "messages", "rate"];

    pub(super) fn of(word: Option<&str>) -> Self {
        match word {
            Some("subscribers") => Self::Subscribers,
            Some("backlog") => Self::Backlog,
            Some("messages") => Self::Messages,
            Some("rate") => Self::Rate,
            _ => Self::Name,
        }
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (shard, place) = text.split_once('.').ok_or(())?;
        Ok(Self {
            shard: shard.parse().map_err(|_| ())?,
            place: place.parse().map_err(|_| ())?,
        })
    }
}

impl Sweep {
    fn new(kind: Kind, shards: impl Iterator<Item = ShardId>) -> Self {
        let mut left: Vec<ShardId> = shards.collect();
        left.reverse();
        Self {
            kind,
            left,
            place: 0,
            seen: Seen::default(),
        }
    }

    /// A page of connections.
    pub(super) fn connections(
        handle: &Handle,
        filter: ConnectionFilter,
        limit: usize,
        from: Option<Cursor>,
    ) -> Self {
        let first = from.map_or(0, |from| from.shard);
        let shards = handle.shard_ids().filter(|shard| first <= shard.get());
        Self {
            place: from.map_or(0, |from| from.place),
            ..Self::new(Kind::Connections(filter, limit), shards)
        }
    }

    /// One connection, which is to be disconnected, if that is given.
    pub(super) fn one(handle: &Handle, id: ConnectionId, end: Option<Disconnect>) -> Self {
        let shards = handle.shard_ids().filter(|shard| *shard == id.shard);
        let kind = match end {
            Some(end) => Kind::Disconnect(id, end),
            None => Kind::One(id),
        };
        Self::new(kind, shards)
    }

    /// The slowest connections.
    pub(super) fn slow(handle: &Handle, limit: usize) -> Self {
        let counters = handle.shard_counters();
        // A blocked connection has something to be sent.
        let has_some = |shard: &ShardId| {
            let counters = counters.get(shard.index());
            counters.is_none_or(|of| {
                of.backlog_bytes != 0 || of.replies_bytes != 0 || of.tls_bytes != 0
            })
        };
        Self::new(Kind::Slow(limit), handle.shard_ids().filter(has_some))
    }

    /// Topics with subscribers.
    pub(super) fn topics(handle: &Handle, asked: TopicsAsked) -> Self {
        Self::new(Kind::Topics(asked), handle.shard_ids())
    }

    /// The next question, and the shard and place for it; `None`: the answer is complete.
    pub(in crate::admin) fn question(&self) -> Option<(ShardId, Subject, usize)> {
        let shard = *self.left.last()?;
        let subject = match &self.kind {
            Kind::Connections(filter, limit) => {
                let left = limit.checked_sub(self.seen.connections.len());
                let left = left.filter(|left| *left != 0)?;
                // Connections of another address may be among those of unknown ones.
                let max = match filter.address {
                    Some(_) => ADMIN_ROWS_PER_LOOK,
                    None => left,
                };
                Subject::Connections(filter.clone(), max)
            }
            Kind::One(id) | Kind::Disconnect(id, _) => Subject::One(id.conn),
            Kind::Slow(limit) => Subject::Slow(*limit),
            Kind::Topics(asked) => {
                let glob = Arc::clone(&asked.glob);
                Subject::Topics(TopicQuery {
                    filter: Box::new(move |name| glob.matches(name)),
                    after: asked.after.clone(),
                    max: asked.max(),
                })
            }
        };
        Some((shard, subject, self.place))
    }

    /// Takes the answer to that.
    pub(in crate::admin) fn take(&mut self, seen: Seen) {
        match seen.next {
            Some(place) => self.place = place,
            None => {
                self.left.pop();
                self.place = 0;
            }
        }
        self.seen.is_cut |= seen.is_cut;
        self.seen.connections.extend(seen.connections);
        match &self.kind {
            Kind::Slow(limit) => self.seen.keep_slowest(*limit),
            Kind::Topics(asked) => {
                let max = asked.max();
                for (name, row) in seen.topics {
                    self.seen.add_topic(&name, row, max);
                }
            }
            _ => {}
        }
    }

    /// The answer to the request, all questions answered.
    pub(super) fn finish(self, handle: &Handle, rates: &mut Rates, now: Now) -> Answer {
        let next = self.left.last().map(|shard| (*shard, self.place));
        let Seen {
            mut connections,
            topics,
            is_cut,
            ..
        } = self.seen;
        match self.kind {
            Kind::Connections(_, limit) => {
                // Where addresses were looked at, there may be more than that.
                let next = match connections.get(limit) {
                    Some(ConnectionRow { info, .. }) => {
                        Some((info.id.shard, info.id.conn.key.index()))
                    }
                    None => next,
                };
                connections.truncate(limit);
                let cursor = next.map(|(shard, place)| format!("{shard}.{place}"));
                rows::connections(&connections, cursor)
            }
            Kind::Slow(_) => rows::connections(&connections, None),
            Kind::One(_) => match connections.pop() {
                Some(row) => rows::connection(&row),
                None => rows::no_connection(),
            },
            Kind::Disconnect(id, end) => match connections.pop() {
                Some(row) => disconnect(handle, id, &row, end),
                None => rows::no_connection(),
            },
            Kind::Topics(asked) => {
                let topics = topics.into_iter();
                let mut topics: Vec<RatedTopic> = topics
                    .map(|(name, row)| {
                        let rate = rates.add(&name, row.messages, now);
                        RatedTopic { name, row, rate }
                    })
                    .collect();
                match asked.order {
                    Order::Name => {}
                    Order::Subscribers => sort(&mut topics, |it| it.row.subscribers.into()),
                    Order::Backlog => sort(&mut topics, |it| it.row.backlog as u64),
                    Order::Messages => sort(&mut topics, |it| it.row.messages),
                    // Those without a rate are the last.
                    Order::Rate => topics.sort_by(|one, other| {
                        let rate = |it: &RatedTopic| it.rate.unwrap_or(-1.0);
                        rate(other).total_cmp(&rate(one))
                    }),
                }
                let is_more = is_cut || asked.limit < topics.len();
                topics.truncate(asked.limit);
                let is_named = asked.order == Order::Name;
                let last = topics.last().filter(|_| is_more && is_named);
                let cursor = last.map(|it| it.name.clone());
                rows::topics(&topics, cursor, is_more, is_cut && !is_named)
            }
        }
    }
}

impl TopicsAsked {
    /// How many are collected.
    fn max(&self) -> usize {
        match self.order {
            Order::Name => self.limit,
            _ => ADMIN_TOPICS_SORTED_MAX,
        }
    }
}

fn sort(topics: &mut [RatedTopic], number: impl Fn(&RatedTopic) -> u64) {
    topics.sort_by_key(|it| std::cmp::Reverse(number(it)));
}

/// Has a connection disconnected that was found.
fn disconnect(handle: &Handle, id: ConnectionId, row: &ConnectionRow, end: Disconnect) -> Answer {
    if row.info.protocol == "http" {
        return Answer::error(409, "the connection only sends requests: it ends by itself");
    }
    match handle.disconnect_user(&row.info.user, Selection::Only(id), end) {
        Ok(()) => {
            log::info!("admin: conn {id} is disconnected");
            rows::disconnected(row)
        }
        Err(UserError::Busy(_)) => Answer::busy(),
        Err(error) => Answer::error(503, &error.to_string()),
    }
}

impl std::fmt::Debug for Sweep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sweep").finish_non_exhaustive()
    }
}
