//! What homes answer: pages of history, gaps and positions, into the outboxes of their readers.

use std::rc::Rc;

use crate::id::ConnKey;
use crate::limits::SEGMENT_BYTES;
use crate::payload::Form;
use crate::position::{Position, Since};
use crate::shard::core::conn::subs::CATCHING_UP;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::core::pubsub::catch_up::{Behind, SubKey};
use crate::shard::mail::Joined;
use crate::topic::fanout::{EncodedPage, PageId, Segment};
use crate::topic::history::Page;

/// What a connection is told beside pages.
enum Told {
    /// Where it stands.
    Position(Position),
    /// Messages are missing, and where it goes on, if the topic has still a history.
    Gap(Option<Position>),
}

impl PubSub {
    /// The home has answered a join: the connection is a member from here on, or catches up.
    pub(in crate::shard::core::pubsub) fn begin<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): SubKey,
        since: Option<Since>,
        joined: Joined,
    ) {
        if joined.start.is_none() && since.is_some_and(Since::is_return) {
            // The topic has no history any more.
            self.mark_dirty(conns, key);
            tell(conns, key, &Told::Gap(None));
        }
        match self.take_answer(conns, env, (key, topic), since, joined) {
            None => self.join(conns, key, topic, true),
            Some(since) => self.set_behind(conns, (key, topic), since),
        }
    }

    /// The home has answered one that catches up.
    pub(in crate::shard::core::pubsub) fn caught_up<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        sub: SubKey,
        joined: Joined,
    ) {
        let behind = self.catch_ups.behind.get(&sub);
        let behind = behind.filter(|behind| behind.ticket == Some(joined.ticket));
        let Some(since) = behind.map(|behind| behind.since) else {
            return;
        };
        self.catch_ups.behind.remove(&sub);
        let has_gap = joined.start.as_ref().is_none_or(|start| start.has_gap);
        if has_gap && self.is_watched(conns, sub) {
            env.counters.gaps += 1;
            return self.lose(conns, env, sub);
        }
        let form = conns.get(sub.0).map(|conn| conn.form);
        let tells_gaps = form.is_some_and(Form::carries_positions) && !conns.has_session(sub.0);
        if has_gap && joined.start.is_some() && !tells_gaps {
            // It cannot be told: it goes on with the oldest message that is kept.
            env.counters.gaps += 1;
            self.mark_dirty(conns, sub.0);
            return self.set_behind(conns, sub, Since::Last(u32::MAX));
        }
        self.begin(conns, env, sub, Some(since), joined);
    }

    pub(super) fn set_behind<D>(
        &mut self,
        conns: &mut Conns<D>,
        (key, topic): SubKey,
        since: Since,
    ) {
        if let Some(conn) = conns.get_mut(key) {
            conn.subs.set_index(topic, CATCHING_UP);
            let ticket = None;
            self.catch_ups
                .behind
                .insert((key, topic), Behind { since, ticket });
        }
    }

    /// Gives a connection what the home has answered; returns from where it has to ask again.
    fn take_answer<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): SubKey,
        asked: Option<Since>,
        joined: Joined,
    ) -> Option<Since> {
        let start = *joined.start?;
        let conn = conns.get(key)?;
        let form = conn.subs.get(topic)?.form(conn.form);
        // It reads none before its greeting, which must not wait for space that it takes itself.
        let has_enough = conn.state.is_corked() && SEGMENT_BYTES <= conn.pages_len();
        // Its next write, also of nothing, asks for more.
        self.mark_dirty(conns, key);
        let Some(page) = start.page.as_deref() else {
            let told = if start.has_gap {
                Told::Gap(Some(start.position))
            } else {
                Told::Position(start.position)
            };
            env.counters.gaps += u64::from(start.has_gap);
            tell(conns, key, &told);
            return start.has_more.then_some(Since::Position(start.position));
        };
        let id = PageId::of(topic, form, page);
        let found = self.fanout.find_page(&id, env.now);
        let has_space =
            found.is_some() || self.fanout.has_space_for_pages(self.catch_ups.bytes_max);
        if has_enough || !has_space {
            // There was space when it asked: pages have it now.
            return match asked {
                // Its room may have another state by then.
                Some(asked) if page.is_snapshot => Some(asked),
                // Its client was told with the answer to its command.
                _ if start.has_gap && conns.has_session(key) => Some(Since::Last(u32::MAX)),
                _ if start.has_gap => Some(Since::Foreign),
                _ => Some(Since::Position(page.before())),
            };
        }
        if start.has_gap {
            env.counters.gaps += 1;
            let before = Some(page.before());
            tell(conns, key, &Told::Gap(before));
        }
        let segment = self.encode(env, id, page, found);
        conns.outbox(key)?.share_page(segment);
        env.counters.pages += 1;
        if page.last() != start.position {
            // Messages that were not kept are no gap.
            tell(conns, key, &Told::Position(start.position));
        }
        start.has_more.then_some(Since::Position(start.position))
    }

    /// A page in a form, encoded now if it was not of late.
    fn encode(
        &mut self,
        env: &mut Env,
        id: PageId,
        page: &Page,
        found: Option<EncodedPage>,
    ) -> Rc<Segment> {
        let work = &mut env.work;
        let has_time = |cost| {
            work.charge_reply(cost);
            work.has_time_for_reply()
        };
        let encode = || self.fanout.encode_page(id, page, env.now, has_time);
        let page = found.unwrap_or_else(encode);
        env.work.charge(page.work);
        env.counters.messages_out += page.carried;
        env.counters.not_carried += page.not_carried;
        page.segment
    }
}

/// Tells a connection this, if its form can.
fn tell<D>(conns: &mut Conns<D>, key: ConnKey, told: &Told) {
    let Some(form) = conns.get(key).map(|conn| conn.form) else {
        return;
    };
    let mut out = Vec::new();
    match told {
        Told::Position(position) => form.encode_position(&mut out, *position),
        Told::Gap(position) => form.encode_gap(&mut out, *position),
    }
    if !out.is_empty()
        && let Some(outbox) = conns.outbox(key)
    {
        outbox.append(|bytes| bytes.extend_from_slice(&out));
    }
}
