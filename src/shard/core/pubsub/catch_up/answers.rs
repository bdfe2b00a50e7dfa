//! What homes answer: pages of history, gaps and positions, into the outboxes of their readers.

use std::rc::Rc;

use crate::id::TopicKey;
use crate::payload::{Entry, Form, Payload};
use crate::position::{Position, Since};
use crate::shard::core::conn::subs::CATCHING_UP;
use crate::shard::core::conns::Conns;
use crate::shard::core::env::Env;
use crate::shard::core::pubsub::PubSub;
use crate::shard::core::pubsub::catch_up::{Behind, SubKey};
use crate::shard::mail::Joined;
use crate::topic::fanout::Segment;
use crate::topic::history::{Page, Start};

/// What a connection is told beside a page.
struct Told {
    has_gap: bool,
    /// Where it stands before what comes next, unless that says so itself.
    position: Option<Position>,
    snapshot: Option<Payload>,
}

impl PubSub {
    /// The home has answered a join: the connection is a member from here on, or catches up.
    pub(in crate::shard::core::pubsub) fn begin<D>(
        &mut self,
        conns: &mut Conns<D>,
        env: &mut Env,
        (key, topic): SubKey,
        joined: Joined,
    ) {
        match self.take_answer(conns, env, (key, topic), joined) {
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
        if behind.is_some_and(|behind| behind.ticket == Some(joined.ticket)) {
            self.catch_ups.behind.remove(&sub);
            self.begin(conns, env, sub, joined);
        }
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
        joined: Joined,
    ) -> Option<Since> {
        let Start {
            position,
            has_gap,
            page,
            has_more,
        } = *joined.start?;
        let form = conns.get(key)?.form;
        // Its next write, also of nothing, asks for more.
        self.mark_dirty(conns, key);
        let before = page.as_ref().map_or(position, |page| page.before());
        if let Some(page) = &page
            && !self.fanout.has_page(topic, form, page)
            && !self.fanout.has_space_for_pages(self.catch_ups.bytes_max)
        {
            // There was when it asked; others have it now.
            let since = Since::Position(before);
            return Some(if has_gap { Since::Foreign } else { since });
        }
        let segment = page.map(|page| self.encode(env, topic, form, &page));
        let told = Told {
            has_gap,
            position: (has_gap || segment.is_none()).then_some(before),
            snapshot: joined.snapshot,
        };
        self.tell(conns, env, (key, topic), &told);
        if let Some(segment) = segment {
            conns.outbox(key)?.share_page(segment);
        }
        has_more.then_some(Since::Position(position))
    }

    /// Tells a connection where it stands, or goes on after a gap, and what a room has to say of
    /// that.
    fn tell<D>(&self, conns: &mut Conns<D>, env: &mut Env, (key, topic): SubKey, told: &Told) {
        let conn = conns.get(key);
        let topic = self.fanout.topic(topic);
        let (Some(conn), Some(topic), Some(position)) = (conn, topic, told.position) else {
            return;
        };
        let form = conn.form;
        let mut out = Vec::new();
        let snapshot = told.snapshot.as_ref();
        if told.has_gap {
            form.encode_gap(&mut out, Some(position));
        }
        if let Some(snapshot) = snapshot.filter(|snapshot| form.carries(&snapshot.bytes)) {
            let name = topic.topic.name();
            form.encode(
                &mut out,
                &Entry::of(name, Some(position), snapshot.borrowed()),
            );
            env.counters.messages_out += 1;
        } else if !told.has_gap {
            form.encode_position(&mut out, position);
        }
        if !out.is_empty()
            && let Some(outbox) = conns.outbox(key)
        {
            outbox.append(|bytes| bytes.extend_from_slice(&out));
        }
    }

    /// A page in a form, encoded now if it was not of late.
    fn encode(&mut self, env: &mut Env, topic: TopicKey, form: Form, page: &Page) -> Rc<Segment> {
        let work = &mut env.work;
        let has_time = |cost| {
            work.charge_reply(cost);
            work.has_time_for_reply()
        };
        let page = self.fanout.page(topic, form, page, env.now, has_time);
        env.work.charge(page.work);
        env.counters.messages_out += page.carried;
        env.counters.not_carried += page.not_carried;
        page.segment
    }
}
