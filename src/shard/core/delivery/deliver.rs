//! Delivering: what comes from homes, and from the home of a topic into the logs of its subscribers
//! here, as far as there is space.

use crate::close_reason::CloseReason;
use crate::counters::Limit;
use crate::id::{ConnId, TopicKey};
use crate::payload::{Entry, Form};
use crate::shard::core::shard::Shard;
use crate::shard::mail::FromHome;
use crate::time::Micros;
use crate::topic::fanout::Whole;

impl<D, A> Shard<D, A> {
    /// Takes mail from a home, or gives it back while there is no space for it in a log that
    /// members still read.
    pub(crate) fn take_from_home(&mut self, mail: FromHome) -> Option<FromHome> {
        match mail {
            FromHome::Live {
                key,
                generation,
                joins,
            } => {
                self.pubsub
                    .topic_is_live(&mut self.conns, &mut self.env, key, generation, joins);
                None
            }
            FromHome::Joined { conn, joined } => {
                self.joined(conn, joined);
                None
            }
            FromHome::Entered { conn, is_refused } => {
                self.user_entered(conn, is_refused);
                None
            }
            FromHome::Displaced { conn } => {
                self.displace(conn);
                None
            }
            FromHome::Order(order) => self.take_order(order).map(FromHome::Order),
            FromHome::Passed { home, round } => {
                self.pubsub.barrier.note_passed(home, round);
                None
            }
            FromHome::Deliver {
                key,
                generation,
                position,
                payload,
                extra,
                excluded,
                ordered_at,
            } => {
                let entry = Entry::new(position, payload.borrowed(), extra.as_deref());
                if !self.has_log_space(key, generation, entry) {
                    return Some(FromHome::Deliver {
                        key,
                        generation,
                        position,
                        payload,
                        extra,
                        excluded,
                        ordered_at,
                    });
                }
                self.append(key, generation, entry, ordered_at, excluded);
                None
            }
            FromHome::Lost { key, generation } => {
                self.lose_order(key, generation);
                None
            }
            FromHome::Matched(matched) => self.deliver_matched(matched).map(FromHome::Matched),
            FromHome::Event(announced) => self.take_event(announced).map(FromHome::Event),
            FromHome::Send {
                conn,
                payload,
                is_welcome,
            } => {
                self.send_to(conn, &payload, is_welcome);
                None
            }
        }
    }

    /// Whether the topic's logs take a message without letting go of anything that a member whose
    /// socket is not blocked has still to get, and there is time to encode it.
    pub(crate) fn has_log_space(
        &mut self,
        key: TopicKey,
        generation: u32,
        entry: Entry<'_>,
    ) -> bool {
        if self.pubsub.fanout.current(key, generation).is_none() {
            return true;
        }
        let len = entry.payload.bytes.len();
        if !self.has_time_to_compress(key, len) || !self.has_backlog_space(len) {
            return false;
        }
        let space = self.pubsub.fanout.make_space(key, entry, &self.env.config);
        let skipped = self.env.counters.skipped;
        self.apply_overruns();
        if self.env.is_traced() {
            self.env.trace_skipped(&self.pubsub.fanout, key, skipped);
        }
        if let Err(form) = space {
            self.pubsub.hurry(&mut self.conns);
            self.end_early(key, form);
        }
        space.is_ok()
    }

    /// Ends connections that have joined a topic whose log needs space, and are corked: nothing was
    /// promised to them yet, and what they wait for may be behind the mail that needs the space.
    /// What they would lack may also be in the topic's history.
    fn end_early(&mut self, topic: TopicKey, form: Form) {
        let Self {
            pubsub, conns, env, ..
        } = self;
        let mut early = pubsub.early_behind(conns, topic, form);
        early.retain(|key| !pubsub.join_again(conns, env, *key, topic));
        for key in early {
            self.kill(key, CloseReason::Overload);
        }
    }

    /// Whether the turn has time to compress a message of `len` bytes, if subscribers of the topic
    /// want that; if not, the next one has, and comes at once.
    fn has_time_to_compress(&mut self, topic: TopicKey, len: usize) -> bool {
        if self.env.work.has_time_to_compress() {
            return true;
        }
        let waits = self.pubsub.fanout.compresses(topic, len);
        if waits {
            self.env.moved = true;
            self.env.counters.hit(Limit::CompressTime);
        }
        !waits
    }

    /// Gives a message that was ordered at `ordered_at` to the subscribers of a topic here but its
    /// publisher, if that is excluded, after `has_log_space` said yes.
    pub(crate) fn append(
        &mut self,
        key: TopicKey,
        generation: u32,
        entry: Entry<'_>,
        ordered_at: Micros,
        excluded: Option<ConnId>,
    ) {
        if self.pubsub.fanout.current(key, generation).is_none() {
            return;
        }
        let excluded = excluded.and_then(|id| {
            let conn = self.conns.current(id)?;
            conn.subs.place(conn.form, key)
        });
        let (fanout, now) = (&mut self.pubsub.fanout, self.env.now);
        let appended = fanout.append(key, entry, now, ordered_at, excluded);
        self.env.counters.messages_out += appended.members;
        self.env.counters.count_fanout(appended.members);
        if self.env.is_traced() {
            let (len, count) = (entry.payload.bytes.len(), appended.members);
            self.env
                .trace_appended(&self.conns, fanout, key, len, count);
        }
        self.env.counters.not_carried += appended.not_carried;
        self.env.work.charge(appended.work);
        self.env.work.charge_compression(appended.compression);
        for Whole { conn, frame } in self.pubsub.fanout.take_whole() {
            if let Some(outbox) = self.conns.outbox(conn) {
                outbox.share(frame);
            }
            self.pubsub.mark_dirty(&mut self.conns, conn);
        }
    }
}
