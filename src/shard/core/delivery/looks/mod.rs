//! What operators look at: connections and topics of this shard, a part of them in each turn.

mod connections;

use crate::handler::{ConnectionInfo, Handler};
use crate::limits::{
    ADMIN_PLACES_AT_ONCE, ADMIN_TOPICS_NAMED_ALONE, STAGED_MAX, WORK_OF_LISTED, WORK_OF_STEP,
};
use crate::shard::core::ShardCore;
use crate::shard::core::shard::Shard;
use crate::shard::mail::{Inquiry, Look, Subject, TopicQuery, TopicRow};

impl<H: Handler> ShardCore<H> {
    /// Gives away what operators have looked at, with what `describe` adds of sockets.
    pub fn give_looks(&mut self, mut describe: impl FnMut(&mut ConnectionInfo)) {
        while let Some(look) = self.shard.conns.users.next_look() {
            look.give(&mut describe);
        }
    }
}

impl<D, A> Shard<D, A> {
    /// Takes what an operator asks, or gives it back while there is no space for it.
    pub(crate) fn take_inquiry(&mut self, inquiry: Inquiry) -> Option<Inquiry> {
        match inquiry {
            Inquiry::Look(look) => self.take_look(look).map(Inquiry::Look),
            Inquiry::Trace(order) => {
                self.env.take_trace(order);
                None
            }
        }
    }

    fn take_look(&mut self, look: Box<Look>) -> Option<Box<Look>> {
        if STAGED_MAX <= self.pubsub.looks.len() {
            return Some(look);
        }
        self.pubsub.looks.push_back(look);
        self.env.moved = true;
        None
    }

    /// Goes on with what operators look at, as far as there is time.
    pub(super) fn go_on_with_looks(&mut self) {
        while !self.env.work.is_spent()
            && let Some(mut look) = self.pubsub.looks.pop_front()
        {
            if self.look_at_some(&mut look) {
                self.conns.users.finish_look(look);
            } else {
                self.pubsub.looks.push_front(look);
            }
        }
        self.env.moved |= !self.pubsub.looks.is_empty();
    }

    /// Looks at some places; whether that was all.
    fn look_at_some(&mut self, look: &mut Look) -> bool {
        let Look {
            subject,
            next,
            seen,
            ..
        } = look;
        match subject {
            Subject::One(id) => {
                let row = self.listed_row(*id, ADMIN_TOPICS_NAMED_ALONE);
                seen.connections.extend(row);
                true
            }
            Subject::Slow(max) => {
                let max = *max;
                let ends = self.look_for_slow(next, seen, max);
                if ends {
                    seen.keep_slowest(max);
                }
                ends
            }
            Subject::Topics(query) => {
                let (before, from) = (seen.topics.len(), *next);
                let fanout = &self.pubsub.fanout;
                let further = fanout.scan(from, ADMIN_PLACES_AT_ONCE, |key, topic, subscribers| {
                    if !query.asks_for(topic.name()) {
                        return;
                    }
                    let (backlog, messages) = fanout.numbers(key);
                    let row = TopicRow {
                        subscribers,
                        backlog,
                        messages,
                    };
                    seen.add_topic(topic.name(), row, query.max);
                });
                let listed = seen.topics.len() - before;
                let work = ADMIN_PLACES_AT_ONCE * WORK_OF_STEP + listed * WORK_OF_LISTED;
                self.env.work.charge(work);
                *next = further.unwrap_or_default();
                further.is_none()
            }
            Subject::Connections(..) => {
                let ends = self.look_at_connections(look);
                look.seen.next = (!ends).then_some(look.next);
                ends || look.is_full()
            }
        }
    }
}

impl TopicQuery {
    fn asks_for(&self, name: &str) -> bool {
        let after = self.after.as_deref();
        after.is_none_or(|after| after < name) && (self.filter)(name)
    }
}
