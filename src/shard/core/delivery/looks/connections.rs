//! Connections, as operators see them.

use crate::id::{ConnId, ConnKey, TopicKey};
use crate::limits::{ADMIN_PLACES_AT_ONCE, ADMIN_TOPICS_NAMED, WORK_OF_LISTED, WORK_OF_STEP};
use crate::shard::core::conn::state::State;
use crate::shard::core::conn::{BLOCKED, Conn};
use crate::shard::core::shard::Shard;
use crate::shard::mail::{ConnectionFilter, ConnectionRow, Look, Seen, Subject};

impl<D, A> Shard<D, A> {
    /// Looks at some connections; whether there are no more.
    pub(super) fn look_at_connections(&mut self, look: &mut Look) -> bool {
        let first = look.next;
        let end = first
            .saturating_add(ADMIN_PLACES_AT_ONCE)
            .min(self.conns.slots());
        let Subject::Connections(filter, _) = &look.subject else {
            return true;
        };
        let topic = filter.topic.as_deref();
        let topic = topic.map(|name| self.pubsub.find_channel(name).ok().flatten());
        let filter = filter.clone();
        while look.next < end && !look.is_full() && !self.env.work.is_spent() {
            let key = ConnKey::new(look.next);
            look.next += 1;
            if self.is_asked_for(key, &filter, topic) {
                let row = self.listed_row(self.conns.id(key), ADMIN_TOPICS_NAMED);
                look.seen.connections.extend(row);
            }
        }
        self.env.work.charge((look.next - first) * WORK_OF_STEP);
        self.conns.slots() <= look.next
    }

    /// Whether a connection is one of those; where its socket alone knows its address, it may be.
    fn is_asked_for(
        &self,
        key: ConnKey,
        filter: &ConnectionFilter,
        topic: Option<Option<TopicKey>>,
    ) -> bool {
        let Some(conn) = self.conns.get(key).filter(|conn| is_shown(conn)) else {
            return false;
        };
        let has_topic = || match topic {
            None => true,
            Some(topic) => topic.is_some_and(|topic| conn.subs.get(topic).is_some()),
        };
        let speaks = |protocol: &String| *protocol == conn.protocol.name();
        let record = self.conns.user(key);
        let has_user = |user: &String| record.is_some_and(|record| record.user() == *user);
        let has_address = |address| {
            let known = record.and_then(|record| record.addr());
            let known = known.or_else(|| self.conns.clients.addr(key));
            known.is_none_or(|addr| addr.ip() == address)
        };
        filter.protocol.as_ref().is_none_or(speaks)
            && has_topic()
            && filter.user.as_ref().is_none_or(has_user)
            && filter.address.is_none_or(has_address)
    }

    /// Looks for blocked connections among some; whether there are no more.
    pub(super) fn look_for_slow(&mut self, next: &mut usize, seen: &mut Seen, max: usize) -> bool {
        let end = (*next + ADMIN_PLACES_AT_ONCE).min(self.conns.slots());
        let first = *next;
        while *next < end && !self.env.work.is_spent() {
            let key = ConnKey::new(*next);
            *next += 1;
            let conn = self.conns.get(key);
            if conn.is_some_and(|conn| is_shown(conn) && conn.is(BLOCKED)) {
                let row = self.listed_row(self.conns.id(key), ADMIN_TOPICS_NAMED);
                row.into_iter().for_each(|row| seen.add_slow(row, max));
            }
        }
        self.env.work.charge((*next - first) * WORK_OF_STEP);
        self.conns.slots() <= *next
    }

    /// The row of a connection. All its subscriptions are looked at, for what they lack.
    pub(super) fn listed_row(&mut self, id: ConnId, topics_max: usize) -> Option<ConnectionRow> {
        let row = self.connection_row(id, topics_max);
        let subscriptions = row.as_ref().map_or(0, |row| row.subscriptions);
        let work = WORK_OF_LISTED + subscriptions * WORK_OF_STEP;
        self.env.work.charge(work);
        row
    }

    /// A connection as an operator sees it, with so many of its topics.
    fn connection_row(&self, id: ConnId, topics_max: usize) -> Option<ConnectionRow> {
        let conn = self.conns.get(id.key).filter(|conn| is_shown(conn))?;
        if conn.generation != id.generation {
            return None;
        }
        let info = self.describe_connection(id, topics_max)?;
        let now = self.env.now;
        let lacks = conn.subs.places(conn.form);
        let lacks = lacks.map(|place| self.pubsub.fanout.lacks(place));
        let blocked = conn.is(BLOCKED);
        Some(ConnectionRow {
            info,
            subscriptions: conn.subs.count(),
            age: now.since(self.conns.began(id.key)),
            backlog: conn.outbox_len() + lacks.sum::<usize>(),
            blocked: blocked.then(|| now.since(conn.blocked_at.moment())),
            is_paused: conn.is_paused(),
        })
    }
}

/// Whether operators see a connection: not one that is there only to be told that it is too many.
fn is_shown<D>(conn: &Conn<D>) -> bool {
    conn.state != State::Dead && !conn.is_overflow
}
